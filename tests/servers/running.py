"""The session's real servers: the very classes ``./run up`` starts, on free ports, on data of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.local import jars
from pipeline.local.java import require_java
from pipeline.local.kafka import Kafka
from pipeline.local.mongod import Mongod
from pipeline.local.plan import Server, cache_folder
from pipeline.local.ports import PortBook
from pipeline.local.supervisor import Supervisor
from pipeline.local.valkey import Valkey
from pipeline.settings import Settings
from tests.servers.waiting import wait_for


@contextmanager
def running_servers(folder: Path) -> Iterator[Settings]:
    """Kafka, MongoDB and Valkey in ``folder``, ready when entered, stopped when left; the settings that reach them."""
    kafka, mongod, valkey = _servers(folder, PortBook())
    supervisor = Supervisor(folder / "logs")
    for server in (kafka, mongod, valkey):
        server.prepare()
        supervisor.add([server.spec()])
    try:
        wait_for(lambda: _are_ready(supervisor), within_s=120, what=f"start of the servers (logs in {folder}/logs)")
        yield Settings(
            source="simulator",
            data_dir=folder,
            kafka_bootstrap=f"127.0.0.1:{kafka.port}",
            mongo_uri=f"mongodb://127.0.0.1:{mongod.port}",
            redis_port=valkey.port,
        )
    finally:
        supervisor.stop()


def _are_ready(supervisor: Supervisor) -> bool:
    supervisor.tick()
    assert not supervisor.failed(), [child.log.last_lines() for child in supervisor.failed()]
    return supervisor.are_ready(supervisor.children)


def _servers(folder: Path, ports: PortBook) -> tuple[Server, Server, Server]:
    return (
        Kafka(
            port=ports.any(),
            controller_port=ports.any(),
            folder=folder / "kafka",
            java=require_java(os.environ),
            jars=_kafka_jars(),
        ),
        Mongod(port=ports.any(), folder=folder / "mongod"),
        Valkey(port=ports.any(), folder=folder / "valkey"),
    )


def _kafka_jars() -> tuple[Path, ...]:
    cache = cache_folder() / "jars"
    jars.obtain(cache)
    return tuple(cache / jar.file_name for jar in jars.read_lock())

"""What a start is going to do: the source, the servers of our own, the ports, the environment of every process."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import jars
from pipeline.local.java import require_java
from pipeline.local.kafka import Kafka
from pipeline.local.mongod import Mongod
from pipeline.local.places import cache_of
from pipeline.local.ports import LOOPBACK, PortBook
from pipeline.local.processes import OWN, SERVERS
from pipeline.local.source import Source
from pipeline.local.valkey import Valkey

Server = Kafka | Mongod | Valkey
PASSED_ON = (
    "ALLOW_ANONYMOUS", "BINANCE_REST_URL", "BINANCE_WS_URL", "CONSUMER_INSTANCE", "HISTORY_DAYS", "HTTP_HOST",
    "KAFKA_PARTITIONS", "KAFKA_TOPIC", "MONGO_DB", "REDIS_DB", "REDIS_PASSWORD", "REPLAY_HOLD", "REPLAY_SHIFT",
    "REPLAY_SPEED", "SIMULATOR_RATE", "SIMULATOR_SCRIPT", "SIMULATOR_SEED", "SYMBOLS", "TOPIC_PREFIX",
)  # fmt: skip
"""Variables handed to every process as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One start, decided: ``environment`` holds every variable our processes read, and nothing else."""

    source: Source
    servers: tuple[Server, ...]
    environment: Mapping[str, str]
    without: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the processes this start is going to run."""
        own = [name for name in OWN if name not in self.without and (name != "exchange" or self.runs_exchange)]
        return (*(server.name for server in self.servers), *own)

    @property
    def runs_exchange(self) -> bool:
        """Whether the exchange is a process of ours."""
        return "SIMULATOR_PORT" in self.environment

    @property
    def url(self) -> str:
        """Where the page is."""
        host = self.environment["HTTP_HOST"]
        return f"http://{LOOPBACK if host == '0.0.0.0' else host}:{self.environment['HTTP_PORT']}"  # noqa: S104


def parse_without(text: str | None) -> frozenset[str]:
    """The names of ``--without``. Raises MisconfiguredError on one that is no process."""
    names = frozenset(name.strip() for name in (text or "").split(",") if name.strip())
    if unknown := names - {*SERVERS, *OWN}:
        raise MisconfiguredError(
            f"--without {','.join(sorted(unknown))}: no such process; there are {', '.join((*SERVERS, *OWN))}"
        )
    return names


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where downloads are kept."""
    return cache_of(environment)


def make_plan(
    environment: Mapping[str, str],
    source: Source,
    *,
    ports: PortBook,
    tell: Callable[[str], None],
    without: Collection[str] = (),
) -> Plan:
    """Choose servers and ports for ``environment``. Raises MisconfiguredError on a taken port or a missing Java."""
    chooser = _Chooser(environment, ports, tell)
    servers = _servers(chooser, source, without)
    words = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    words |= {"SOURCE": source.setting, "DATA_DIR": str(source.data_dir), "PYTHONUNBUFFERED": "1"}
    words |= _addresses(environment, servers) | _own_ports(chooser)
    if source.simulated and "exchange" not in without:
        words |= _exchange_words(chooser)
    return Plan(source=source, servers=tuple(servers), environment=words, without=frozenset(without))


@dataclass(frozen=True, slots=True)
class _Chooser:
    environment: Mapping[str, str]
    ports: PortBook
    tell: Callable[[str], None]

    def port(self, variable: str, default: int, *, host: str = LOOPBACK) -> int:
        return self.ports.choose(self.environment, variable=variable, default=default, tell=self.tell, host=host)


def _servers(chooser: _Chooser, source: Source, without: Collection[str]) -> list[Server]:
    said, folder = chooser.environment, source.data_dir
    servers: list[Server] = []
    if not said.get("MONGO_URI") and "mongod" not in without:
        servers.append(Mongod(port=chooser.port("MONGO_PORT", 27017), folder=folder / "mongod"))
    if not said.get("REDIS_HOST") and "valkey" not in without:
        password = said.get("REDIS_PASSWORD") or None
        servers.append(Valkey(port=chooser.port("REDIS_PORT", 6379), folder=folder / "valkey", password=password))
    if not _bootstrap(said) and "kafka" not in without:
        servers.append(_kafka(chooser, folder / "kafka"))
    return servers


def _kafka(chooser: _Chooser, folder: Path) -> Kafka:
    cache = cache_folder(chooser.environment) / "jars"
    return Kafka(
        port=chooser.port("KAFKA_PORT", 9092),
        controller_port=chooser.ports.any(),
        folder=folder,
        java=require_java(chooser.environment),
        jars=tuple(cache / jar.file_name for jar in jars.read_lock()),
    )


def _addresses(said: Mapping[str, str], servers: Collection[Server]) -> dict[str, str]:
    """Where the servers are: ours where we start one, else what the user said, else the defaults."""
    ours = {server.name: server.port for server in servers}
    mongo_port, redis_port = ours.get("mongod", 27017), ours.get("valkey") or said.get("REDIS_PORT") or 6379
    return {
        "MONGO_URI": said.get("MONGO_URI") or f"mongodb://{LOOPBACK}:{mongo_port}",
        "REDIS_HOST": said.get("REDIS_HOST") or LOOPBACK,
        "REDIS_PORT": str(redis_port),
        "KAFKA_BOOTSTRAP": _bootstrap(said) or f"{LOOPBACK}:{ours.get('kafka', 9092)}",
    }


def _own_ports(chooser: _Chooser) -> dict[str, str]:
    host = chooser.environment.get("HTTP_HOST") or LOOPBACK
    return {
        "HTTP_HOST": host,
        "HTTP_PORT": str(chooser.port("HTTP_PORT", 8050, host=host)),
        "PUSH_PORT": str(chooser.port("PUSH_PORT", 8051, host=host)),
    }


def _exchange_words(chooser: _Chooser) -> dict[str, str]:
    port = chooser.port("SIMULATOR_PORT", 9443)
    return {
        "SIMULATOR_PORT": str(port),
        "BINANCE_REST_URL": f"http://{LOOPBACK}:{port}",
        "BINANCE_WS_URL": f"ws://{LOOPBACK}:{port}",
    }


def _bootstrap(said: Mapping[str, str]) -> str:
    return said.get("KAFKA_BOOTSTRAP") or said.get("KAFKA_BROKER") or ""

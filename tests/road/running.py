"""The project's own processes on the session's servers: the whole road, or the part a test needs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from pipeline.domain import names
from pipeline.local.http import get
from pipeline.local.ports import PortBook
from pipeline.local.processes import own_processes
from pipeline.local.supervisor import Supervisor
from pipeline.settings import Settings
from tests.servers.namespaces import environment_of
from tests.servers.waiting import wait_for

STARTED_WITHIN_S = 90


@dataclass(frozen=True, slots=True)
class Road:
    """Running processes: what they were given, and how to ask them."""

    settings: Settings
    environment: Mapping[str, str]
    supervisor: Supervisor

    @property
    def web(self) -> str:
        """Base URL of the routes and pages."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    def json(self, path: str) -> tuple[int, Any]:
        """Status and body of a GET on the web process."""
        status, text = get(self.web + path, timeout_s=10)
        return status, orjson.loads(text) if text else None

    def replay_status(self) -> dict[str, Any]:
        """How far the exchange has replayed."""
        _, text = get(f"{self.environment['BINANCE_REST_URL']}/replay/status", timeout_s=10)
        told: dict[str, Any] = orjson.loads(text)
        return told

    def redis(self) -> Redis:
        """A client of the road's Redis database."""
        return Redis(port=self.settings.redis_port, db=self.settings.redis_db, socket_timeout=10)

    def heartbeat(self, process: str) -> dict[str, Any]:
        """What a process last said of itself; empty before it did."""
        with self.redis() as client:
            text = client.get(names.heartbeat_key(process))
        told: dict[str, Any] = orjson.loads(text)["detail"] if isinstance(text, bytes) else {}
        return told


@contextmanager
def running_road(
    namespace: Settings, folder: Path, *, processes: tuple[str, ...], source: str, **variables: str
) -> Iterator[Road]:
    """``processes`` of the project with ``source`` behind them, ready when entered, stopped when left."""
    ports = PortBook()
    exchange_port = ports.any()
    settings = replace(
        namespace,
        source=source,
        http_port=ports.any(),
        push_port=ports.any(),
        binance_ws_url=f"ws://127.0.0.1:{exchange_port}",
        binance_rest_url=f"http://127.0.0.1:{exchange_port}",
    )
    own = {**environment_of(settings), "SIMULATOR_PORT": str(exchange_port), "HTTP_HOST": "127.0.0.1", **variables}
    environment = {**os.environ, **own}
    supervisor = Supervisor(folder / "logs")
    specs = [spec for spec in own_processes(environment, simulated=True) if spec.name in processes]
    supervisor.add(replace(spec, needs=tuple(n for n in spec.needs if n in processes)) for spec in specs)
    try:
        wait_for(lambda: _are_ready(supervisor), within_s=STARTED_WITHIN_S, what=f"the road (logs in {folder}/logs)")
        yield Road(settings, environment, supervisor)
    finally:
        supervisor.stop()


def _are_ready(supervisor: Supervisor) -> bool:
    supervisor.tick()
    assert not supervisor.failed(), [child.log.last_lines() for child in supervisor.failed()]
    return supervisor.are_ready(supervisor.children)

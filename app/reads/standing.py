"""How the system stands: which stores answer, which processes live, how old each market's data is, what is stored."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.adapters.mongo_reader import MongoReader, StoredDay
from pipeline.adapters.redis_reader import Freshness, RedisReader
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import DAY_MS, MINUTE_MS

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
    """What ``/health``, ``/readyz``, ``/metrics`` and ``/quality`` tell."""

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

    def quality(self, symbols: Sequence[str], *, days: int) -> list[Row]:
        """Stored and expected minutes of the newest ``days`` UTC days by symbol, newest day first.

        A day's minutes are expected from the symbol's first stored one to its newest. Raises TransientError.
        """
        newest = {symbol: _or(self._newest_ms(symbol), 0) for symbol in symbols}
        day_ms = max(newest.values(), default=0) // DAY_MS * DAY_MS
        stored = self._mongo.days(symbols, since_ms=day_ms - (days - 1) * DAY_MS)
        found = {(day.symbol, day.day_ms): day for day in stored}
        return [
            row
            for symbol in symbols
            for row in quality_rows(
                symbol, found, first_ms=self._mongo.oldest_open_ms(symbol), newest_ms=newest[symbol], days=days
            )
        ]

    def _newest_ms(self, symbol: str) -> int | None:
        return self._mongo.newest_open_ms(symbol, start_ms=0, end_ms=1 << 53)


def quality_rows(
    symbol: str, stored: Mapping[tuple[str, int], StoredDay], *, first_ms: int | None, newest_ms: int, days: int
) -> list[Row]:
    """The rows of one symbol, newest day first, back to the day of its first minute; none if nothing is stored."""
    if first_ms is None:
        return []
    newest_day, first_day = newest_ms // DAY_MS, first_ms // DAY_MS
    rows = []
    for day in range(newest_day, max(newest_day - days, first_day - 1), -1):
        begin_ms, end_ms = max(day * DAY_MS, first_ms), min((day + 1) * DAY_MS, newest_ms + MINUTE_MS)
        found = stored.get((symbol, day * DAY_MS))
        rows.append(_quality_row(symbol, day, found.minutes if found else 0, (end_ms - begin_ms) // MINUTE_MS))
    return rows


def age_ms(fresh: Freshness, *, now_ms: int) -> int | None:
    """How long nothing has come, by our clock; None before the first datum."""
    return None if fresh.received_ms is None else max(0, now_ms - fresh.received_ms)


def _quality_row(symbol: str, day: int, stored: int, expected: int) -> Row:
    return {
        "symbol": symbol, "day": day * DAY_MS, "date": datetime.fromtimestamp(day * 86_400, UTC).date().isoformat(),
        "stored": stored, "expected": expected, "missing": expected - stored, "complete": stored == expected,
    }  # fmt: skip


def _ask(name: str, ping: Callable[[], None]) -> StoreState:
    began = time.perf_counter()
    try:
        ping()
    except TransientError as error:
        return StoreState(name=name, up=False, latency_ms=_since(began), error=str(error))
    return StoreState(name=name, up=True, latency_ms=_since(began))


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000


def _or(value: int | None, default: int) -> int:
    return default if value is None else value

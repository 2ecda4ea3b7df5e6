"""How far each market's data can be trusted: its days, its gaps with their cause, and how its book compares."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.reads.days import SETTLED_MS, days_between, quality_days, span
from app.reads.trust import counts_of, market_trust
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_quality_reader import DayCount, MongoQualityReader
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Gap, Stream
from pipeline.domain.interval import DAY_MS
from pipeline.domain.quality import Counts, MarketTrust, QualityDay

CHUNK_DAYS = 100
"""Days of one market each that one question asks for: some 0.25 s of MongoDB, well within a call's deadline."""
SETTLED_KEPT_S, RECENT_KEPT_S = 20.0, 2.0
"""How long the count of a day is kept: days over long ago change only by a repair."""
PATIENCE_S = 5.0
COUNTERS = ("ingest", "cache", "archive")

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The days of a half-open range of whole UTC days, the newest first, and the gaps in minutes that touch it."""

    start_ms: int
    end_ms: int
    days: Sequence[QualityDay]
    gaps: Sequence[Gap]


class QualityReads:
    """What ``/quality`` and the pages tell; ``history_days`` is None where the market's clock is not ours (a replay).

    Every method raises TransientError while a store is away.
    """

    def __init__(
        self, redis: RedisReader, mongo: MongoQualityReader, ledger: GapStore, *,
        history_days: int | None, now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._redis = redis
        self._mongo = mongo
        self._ledger = ledger
        self._history_days = history_days
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._kept: dict[Key, tuple[float, DayCount | None]] = {}

    def days(
        self, symbols: Sequence[str], *, days: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> QualityReport:
        """The UTC days that ``start_ms`` to ``end_ms`` touch, or the newest ``days`` before ``end_ms`` (now)."""
        newest, oldest = self._mongo.newest(symbols), self._mongo.oldest(symbols)
        now_ms = self._market_ms(newest.values())
        wanted = days_between(*_range(now_ms, days=days, start_ms=start_ms, end_ms=end_ms))
        if not wanted:
            return QualityReport(start_ms=start_ms or 0, end_ms=start_ms or 0, days=(), gaps=())
        begin_ms, past_ms = wanted[-1], wanted[0] + DAY_MS
        gaps = self._ledger.between(symbols, stream=Stream.KLINE, start=begin_ms, end=past_ms)
        first_gaps, counts = self._mongo.oldest_gaps(symbols), self._counted(symbols, wanted, now_ms=now_ms)
        rows: list[QualityDay] = []
        for symbol in symbols:
            expected = span(
                wanted_ms=now_ms - (self._history_days or 0) * DAY_MS, settled_ms=now_ms - SETTLED_MS,
                first_ms=(oldest.get(symbol), first_gaps.get(symbol)), newest_ms=newest.get(symbol),
            )  # fmt: skip
            known = {day: count for day in wanted if (count := counts.get((symbol, day))) is not None}
            theirs = [gap for gap in gaps if gap.symbol == symbol]
            rows += quality_days(symbol, expected, days=wanted, counts=known, gaps=theirs)
        return QualityReport(start_ms=begin_ms, end_ms=past_ms, days=rows, gaps=gaps)

    def gaps(self, symbol: str, *, start_ms: int, end_ms: int) -> list[Gap]:
        """One market's gaps in minutes that touch the half-open range, oldest first."""
        return self._ledger.between([symbol], stream=Stream.KLINE, start=start_ms, end=end_ms)

    def markets(self, symbols: Sequence[str], *, since_ms: int) -> list[MarketTrust]:
        """How each market's book and trades compare with the exchange's; gaps healed before ``since_ms`` left out."""
        beat = self._redis.heartbeats(["ingest"]).get("ingest", {})
        fresh = self._redis.freshness(symbols) if symbols else {}
        told, gaps = beat.get("detail", {}), self._trade_gaps(symbols, since_ms=since_ms)
        return [
            market_trust(symbol, fresh[symbol], told=told, gaps=[gap for gap in gaps if gap.symbol == symbol])
            for symbol in symbols
        ]

    def day_ago_ms(self) -> int:
        """A day before now, our clock."""
        return self._now_ms() - DAY_MS

    def _trade_gaps(self, symbols: Sequence[str], *, since_ms: int) -> list[Gap]:
        still = self._ledger.open_gaps(symbols, stream=Stream.TRADES)
        recent = self._ledger.detected(symbols, start_ms=since_ms, end_ms=self._now_ms() + DAY_MS)
        return still + [gap for gap in recent if gap.stream is Stream.TRADES and not gap.is_open]

    def counts(self) -> Counts:
        """What the processes counted: dead letters, repairs, resyncs, and the request weight in use."""
        beats = self._redis.heartbeats(COUNTERS)
        return counts_of({name: beat.get("detail", {}) for name, beat in beats.items()})

    def _market_ms(self, newest_ms: Iterable[int]) -> int:
        """The clock of the market: ours, or of a replay its newest minute."""
        return self._now_ms() if self._history_days is not None else max(newest_ms, default=0)

    def _counted(self, symbols: Sequence[str], days: Sequence[int], *, now_ms: int) -> dict[Key, DayCount | None]:
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise TransientError("MongoDB: another reader still waits for it", retry_after_s=PATIENCE_S)
        try:
            self._refresh(symbols, days, recent_ms=now_ms - 2 * DAY_MS)
            return {(s, day): self._kept[s, day][1] for s in symbols for day in days}
        finally:
            self._lock.release()

    def _refresh(self, symbols: Sequence[str], days: Sequence[int], *, recent_ms: int) -> None:
        now_s = time.monotonic()
        old = {key for key, (until_s, _) in self._kept.items() if until_s < now_s}
        for key in old:
            del self._kept[key]
        for day in days:
            lacking = [symbol for symbol in symbols if (symbol, day) not in self._kept]
            for first in range(0, len(lacking), CHUNK_DAYS):
                self._count(lacking[first : first + CHUNK_DAYS], day, recent_ms=recent_ms)

    def _count(self, symbols: Sequence[str], day_ms: int, *, recent_ms: int) -> None:
        found = {count.symbol: count for count in self._mongo.days(symbols, start_ms=day_ms, end_ms=day_ms + DAY_MS)}
        until_s = time.monotonic() + (RECENT_KEPT_S if day_ms >= recent_ms else SETTLED_KEPT_S)
        for symbol in symbols:
            self._kept[symbol, day_ms] = until_s, found.get(symbol)


def _range(now_ms: int, *, days: int, start_ms: int | None, end_ms: int | None) -> tuple[int, int]:
    past_ms = min(now_ms + 1, end_ms) if end_ms is not None else now_ms + 1
    if start_ms is not None:
        return start_ms, past_ms
    return (past_ms - 1) // DAY_MS * DAY_MS - (days - 1) * DAY_MS, past_ms

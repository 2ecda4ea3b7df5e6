"""An exchange in memory that is asked for its candles, and a log whose records are archived at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.adapters.memory import MemoryCandles, MemoryGaps, MemoryPublisher
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.faults import TransientError
from pipeline.domain.folds import fold_buckets
from pipeline.domain.interval import Interval
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_candle
from pipeline.stages.asking import Asking
from pipeline.stages.mending import Mending
from pipeline.stages.shipment import Shipment


@dataclass
class MemoryExchange:
    """Candles by interval and open time; ``asked`` notes every request, ``away`` fails those of an interval."""

    now_ms: int
    held: dict[tuple[Interval, int], Candle] = field(default_factory=dict)
    asked: list[tuple[Interval, int, int]] = field(default_factory=list)
    away: set[Interval] = field(default_factory=set)

    @classmethod
    def of_minutes(cls, minutes: Iterable[Candle], *, now_ms: int) -> "MemoryExchange":
        """One whose longer candles are what its minutes add up to."""
        exchange, kept = cls(now_ms), list(minutes)
        for interval in Interval:
            exchange.put(kept if interval is Interval.M1 else fold_buckets(kept, interval=interval))
        return exchange

    def put(self, candles: Iterable[Candle]) -> None:
        for candle in candles:
            self.held[candle.interval, candle.open_ms] = candle

    async def server_ms(self) -> int:
        return self.now_ms

    async def klines(
        self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int, received_ms: int
    ) -> list[Candle]:
        self.asked.append((interval, start_ms, end_ms))
        if interval in self.away:
            raise TransientError("the exchange is away")
        found = [self.held.get((interval, t)) for t in range(start_ms, end_ms, interval.ms)][:1_000]
        return [self._row(candle, symbol, received_ms) for candle in found if candle is not None]

    def _row(self, candle: Candle, symbol: str, received_ms: int) -> Candle:
        return replace(
            candle, symbol=symbol, revision=Revision.REST, source="rest", received_ms=received_ms,
            event_ms=self.now_ms, verified_ms=self.now_ms, first_trade_id=-1, last_trade_id=-1,
            present=1 if candle.interval is Interval.M1 else None,
        )  # fmt: skip


@dataclass(slots=True)
class ArchivedLog(MemoryPublisher):
    """A log that somebody stores the moment it is written; ``archived`` False: nobody does."""

    stored: MemoryCandles = field(default_factory=MemoryCandles)
    archived: bool = True

    def append(self, topic: str, *, key: str, value: bytes, headers: object = ()) -> None:
        self.topics.setdefault(topic, []).append((key, value))
        if self.archived:
            self.stored.upsert([decode_candle(value)])


def a_mending(exchange: MemoryExchange, log: ArchivedLog, *, dry_run: bool = False) -> tuple[Mending, MemoryGaps]:
    gaps, shipment = MemoryGaps(), Shipment(log, log.stored, Topics())
    clock = lambda: exchange.now_ms  # noqa: E731
    return Mending(Asking(exchange, clock), log.stored, gaps, clock, None if dry_run else shipment), gaps

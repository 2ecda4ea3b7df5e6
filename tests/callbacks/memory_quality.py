"""The reads of the data quality page in memory, over the market page's own twin."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.domain.quality import Counts, MarketTrust, Match, QualityDay, TradeGaps
from tests.callbacks.memory_reads import MemoryReads

MINUTES = 1_440


@dataclass
class MemoryQuality:
    """A twin of what stands behind ``/quality``: ``lacks`` are (symbol, days ago, cause) of gaps of ten minutes.

    ``away`` names a store that does not answer, ``states`` are the books that are not synced.
    """

    market: MemoryReads
    away: str | None = None
    lacks: list[tuple[str, int, Cause]] = field(default_factory=list)
    healed: list[tuple[str, int]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    verified: float = 1.0
    silent_ms: int = 300

    def days(self, days: int) -> Sequence[QualityDay]:
        self._reach("Redis", "MongoDB")
        return [self._day(symbol, ago) for symbol in self._symbols() for ago in range(days)]

    def _day(self, symbol: str, ago: int) -> QualityDay:
        theirs, ours = (self.lacks.count((symbol, ago, cause)) * 10 for cause in (Cause.EXCHANGE, Cause.OURS))
        present = MINUTES - theirs - ours
        checked = int(present * self.verified)
        return QualityDay(
            symbol=symbol, day_ms=self._day_ms(ago), expected=MINUTES, present=present, verified=checked,
            closed=present - checked, rest=checked, exchange=theirs, ours=ours,
            healed=self.healed.count((symbol, ago)) * 10,
        )  # fmt: skip

    def gaps(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[Gap]:
        self._reach("MongoDB")
        still = [(ago, cause, False) for name, ago, cause in self.lacks if name == symbol]
        filled = [(ago, Cause.OURS, True) for name, ago in self.healed if name == symbol]
        gaps = [self._gap(symbol, ago, cause, healed=healed) for ago, cause, healed in still + filled]
        return [gap for gap in gaps if start_ms <= gap.start < end_ms]

    def _gap(self, symbol: str, ago: int, cause: Cause, *, healed: bool) -> Gap:
        start = self._day_ms(ago) + 600 * MINUTE_MS
        end = start + 10 * MINUTE_MS
        return Gap(
            symbol=symbol, stream=Stream.KLINE, start=start, end=end, cause=cause, reason="the stream fell silent",
            detected_ms=end, healed_ms=end + 5 * MINUTE_MS if healed else None,
        )  # fmt: skip

    def markets(self) -> Sequence[MarketTrust]:
        self._reach("Redis", "MongoDB")
        now_ms = self.market.now_ms()
        return [
            MarketTrust(
                symbol=symbol, state=self.states.get(symbol, "synced"), ticker=Match(compared=12_345, matched=12_345),
                audit=Match(compared=2_000, matched=1_999 if symbol in self.states else 2_000, at_ms=now_ms - 90_000),
                resyncs=0, trades=TradeGaps(open=0, missing_ids=0, healed=1),
                event_ms=now_ms, received_ms=now_ms - self.silent_ms,
            )
            for symbol in self._symbols()
        ]  # fmt: skip

    def counts(self) -> Counts:
        self._reach("Redis")
        return Counts(
            dead_letters=3, repaired_minutes=12, repaired_trades=None, resyncs=1, weight_used=120, weight_limit=6_000
        )

    def _symbols(self) -> list[str]:
        return [] if self.market.empty else [market.symbol for market in self.market.symbols()]

    def _day_ms(self, ago: int) -> int:
        return (self.market.now_ms() // DAY_MS - ago) * DAY_MS

    def _reach(self, *stores: str) -> None:
        if self.away in stores:
            raise TransientError(f"{self.away}: connection to 10.0.0.7:6379 refused")

"""How far data can be trusted: a market's day, its book and trades beside the exchange's, what was counted."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityDay:
    """One market's UTC day in minutes.

    ``closed`` and ``rest`` count the stored ones by revision. What is ``missing`` is divided into what the exchange
    does not have either, what is known to be our loss, and what nobody has looked into yet; ``healed`` minutes were
    missing once and have come.
    """

    symbol: str
    day_ms: int
    expected: int
    present: int
    verified: int
    closed: int
    rest: int
    exchange: int
    ours: int
    healed: int

    @property
    def date(self) -> str:
        """``2026-11-23``."""
        return datetime.fromtimestamp(self.day_ms / 1_000, UTC).date().isoformat()

    @property
    def missing(self) -> int:
        """Minutes that should be there and are not."""
        return max(0, self.expected - self.present)

    @property
    def forming(self) -> int:
        """Stored minutes that are no final word; there should be none."""
        return self.present - self.closed - self.rest

    @property
    def unexplained(self) -> int:
        """Missing minutes of which the ledger says nothing yet."""
        return self.missing - self.exchange - self.ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Of ``compared`` things (states of the top of the book, or levels) ``matched`` were the exchange's."""

    compared: int
    matched: int
    at_ms: int | None = None

    @property
    def share(self) -> float | None:
        """0 … 1; None before the first comparison."""
        return self.matched / self.compared if self.compared else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeGaps:
    """Trades whose ids are known to be missing: gaps still open and the ids in them, gaps that were healed, and gaps
    of which the exchange itself gave nothing back."""

    open: int
    missing_ids: int
    healed: int
    lasting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTrust:
    """One market: its book's state (None before the first) and how it compares, its trades, and its newest event."""

    symbol: str
    state: str | None
    ticker: Match
    audit: Match
    resyncs: int | None
    trades: TradeGaps
    event_ms: int | None
    received_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the processes counted since they started; ``weight_…`` is the request weight of this minute and its limit.

    None is what nobody has said.
    """

    dead_letters: int
    repaired_minutes: int | None
    repaired_trades: int | None
    resyncs: int | None
    weight_used: int | None
    weight_limit: int | None

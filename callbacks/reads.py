"""What the pages ask of the stores: a protocol of reads each, answered by Redis and MongoDB or by an in-memory twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.gap import Gap
from pipeline.domain.interval import Interval
from pipeline.domain.quality import Counts, MarketTrust, QualityDay
from pipeline.domain.trade import Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One symbol this stack follows, as the exchange describes it; the sizes are its price and quantity steps."""

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """What one market did in the last 24 hours; what is not known yet is None.

    ``change`` is a price difference, ``change_percent`` the same in per cent of the price 24 hours ago.
    """

    symbol: str
    last: Decimal | None = None
    change: Decimal | None = None
    change_percent: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    quote_volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How fresh one market's data is, and where it comes from.

    ``source`` is ``binance``, ``simulator`` or ``replay``; ``received_ms`` is our clock when the newest datum arrived
    (None before the first one), ``lag_ms`` how much later than the exchange's own stamp that was; ``history`` is how
    much of the wanted history is stored, 0 … 1, and None when none is being loaded.
    """

    source: str
    received_ms: int | None = None
    lag_ms: int | None = None
    history: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """What one market did over a window; ``received_ms`` is our clock when the price arrived.

    ``change_percent`` is in per cent, ``quote_volume`` and ``base_volume`` are those of the window.
    """

    market: Market
    price: Decimal
    change_percent: Decimal
    quote_volume: Decimal
    base_volume: Decimal
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every followed market that has the window's first minute, in no order, and by symbol those that do not yet."""

    movers: Sequence[Mover]
    pending: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStanding:
    """Whether a store (``redis`` or ``mongodb``) answered, and after how many milliseconds."""

    name: str
    up: bool
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStanding:
    """What a process last said of itself; all but its name is None for one that is silent.

    ``beat_ms`` is our clock when it said so, ``counts`` what it counted, nested names included.
    """

    name: str
    pid: int | None = None
    beat_ms: int | None = None
    counts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketStanding:
    """When a market was last heard of by our clock, and the state of its book; None before the first."""

    symbol: str
    received_ms: int | None = None
    book: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDay:
    """How many minutes of one UTC day (``2026-11-23``) are stored, and how many there should be by now."""

    symbol: str
    date: str
    stored: int
    expected: int


class QualityReads(Protocol):
    """Every read of the data quality page; each raises TransientError while a store it asks is away."""

    def days(self, days: int) -> Sequence[QualityDay]:
        """The newest ``days`` UTC days of every followed market, by market; none before ingest has said which."""
        ...

    def gaps(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[Gap]:
        """One market's gaps in minutes that touch the half-open range, oldest first."""
        ...

    def markets(self) -> Sequence[MarketTrust]:
        """How the book and the trades of every followed market compare with the exchange's."""
        ...

    def counts(self) -> Counts:
        """What the processes counted since they started."""
        ...


class MarketReads(Protocol):
    """Every read the market page makes; values are plain and picklable, so that they may be cached.

    Each raises TransientError while a store is away. A symbol nobody follows has empty answers, never an error.
    """

    def symbols(self) -> Sequence[Market]:
        """The symbols followed, in the order of the settings; empty before ingest has said so."""
        ...

    def candles(self, symbol: str, interval: Interval, limit: int) -> Sequence[Candle]:
        """The newest ``limit`` closed candles, oldest first, each open time once."""
        ...

    def forming(self, symbol: str, interval: Interval) -> Candle | None:
        """The candle in progress: for a longer interval, the fold of the bucket's closed minutes and the forming one.

        None before the first frame; a candle already closed is no forming one.
        """
        ...

    def book(self, symbol: str) -> BookSnapshot | None:
        """The book as last published, best levels first; None before the first one."""
        ...

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        """The newest ``limit`` trades, newest first."""
        ...

    def ticker(self, symbol: str) -> Ticker:
        """The last 24 hours."""
        ...

    def feed_state(self, symbol: str) -> FeedState:
        """How fresh the market's data is."""
        ...


class RankingReads(Protocol):
    """The read of the markets page. Raises TransientError while a store is away."""

    def ranking(self, window: str) -> Ranking:
        """What every followed market did over ``window``, 1m … 24h."""
        ...


class SystemReads(Protocol):
    """Every read of the system page; each but ``stores`` raises TransientError while the store it asks is away."""

    def stores(self) -> Sequence[StoreStanding]:
        """Redis and MongoDB, asked now."""
        ...

    def processes(self) -> Sequence[ProcessStanding]:
        """Every process that is expected or was heard of; asks Redis."""
        ...

    def markets(self) -> Sequence[MarketStanding]:
        """Every followed market; none before ingest has said which. Asks Redis."""
        ...

    def history(self) -> float | None:
        """How much of the wanted history is stored, 0 … 1; None when none is being loaded. Asks both stores."""
        ...

    def quality(self, days: int) -> Sequence[StoredDay]:
        """The newest ``days`` UTC days of every followed market, the newest day first; asks both stores."""
        ...

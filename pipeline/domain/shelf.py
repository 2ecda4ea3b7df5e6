"""What the cache stage tells the shelf of latest state to hold, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.pushes import Push
from pipeline.domain.trade import Trade


@dataclass(frozen=True, slots=True)
class PutLatest:
    """The newest minute, forming or closed."""

    candle: Candle


@dataclass(frozen=True, slots=True)
class PutCandle:
    """A closed minute; minutes opened before ``keep_from_ms`` may go."""

    candle: Candle
    keep_from_ms: int


@dataclass(frozen=True, slots=True)
class PutTrades:
    """New trades of one symbol."""

    symbol: str
    trades: Sequence[Trade]


@dataclass(frozen=True, slots=True)
class PutBook:
    """The book as it stands."""

    book: BookSnapshot


@dataclass(frozen=True, slots=True)
class Published:
    """A message for whoever listens now."""

    stream: str
    symbol: str
    push: Push


Change = PutLatest | PutCandle | PutTrades | PutBook | Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What the shelf holds of a symbol: where a process that starts goes on. Ids are -1 where there is nothing."""

    latest: Candle | None = None
    book_id: int = -1
    trade_id: int = -1
    sequences: Mapping[str, int] = field(default_factory=dict)
    closed: Sequence[Candle] = ()

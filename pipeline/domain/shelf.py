"""What the cache stage tells the shelf of latest state to hold, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.pushes import Push
from pipeline.domain.recent_trades import TradeRow
from pipeline.domain.trade import Trade


@dataclass(frozen=True, slots=True)
class PutLatest:
    """The newest minute, forming or closed; ``text`` is its view as JSON where that is already written."""

    candle: Candle
    text: bytes | None = None


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
class PutTradeRows:
    """New trades of one symbol as they lie on the shelf; those that begin with an id of ``gone`` go."""

    symbol: str
    rows: Sequence[TradeRow]
    gone: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class PutBook:
    """The book as it stands."""

    book: BookSnapshot


@dataclass(frozen=True, slots=True)
class PutBookText:
    """The same, already written as readers see it."""

    symbol: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """A message for whoever listens now."""

    stream: str
    symbol: str
    push: Push


Change = PutLatest | PutCandle | PutTrades | PutTradeRows | PutBook | PutBookText | Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What the shelf holds of a symbol: where a process that starts goes on; trades are in the order of their ids."""

    latest: Candle | None = None
    book: BookSnapshot | None = None
    trades: Sequence[TradeRow] = ()
    sequences: Mapping[str, int] = field(default_factory=dict)
    closed: Sequence[Candle] = ()

    @property
    def book_id(self) -> int:
        """The update id of the book; -1 where there is none."""
        return self.book.last_update_id if self.book is not None else -1

    @property
    def trade_id(self) -> int:
        """The id of the newest trade; -1 where there is none."""
        return self.trades[-1].first_id if self.trades else -1

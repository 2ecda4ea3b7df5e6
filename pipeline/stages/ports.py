"""What the stages ask of the outer world; adapters give it, memory twins too."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from pipeline.domain.book import BookState
from pipeline.domain.candle import Candle
from pipeline.domain.events import Event
from pipeline.domain.frames import BookFrame, DepthFrame, TickerFrame, TradeFrame
from pipeline.domain.interval import Interval
from pipeline.domain.shelf import Change, Shelved
from pipeline.domain.symbol import SymbolInfo

Clock = Callable[[], int]
"""Our clock in UTC epoch milliseconds: it stamps and paces, it never decides what is true."""
Connect = Callable[[str], AbstractAsyncContextManager[AsyncIterator[tuple[bytes, int]]]]
"""Opens a stream of (raw frame, received ms)."""


class Socket(Protocol):
    """An open connection to the exchange, whose messages are handed over as they come."""

    def send(self, message: bytes) -> None:
        """Say something."""
        ...

    def pause(self) -> None:
        """Take no more until ``resume``."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    async def caught_up(self) -> None:
        """Return when everything said to us until now has been handed over, or the connection has ended."""
        ...

    async def ended(self) -> str:
        """Wait for the end; why. Raises what taking a message raised."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


Open = Callable[[str, Callable[[bytes], None]], Awaitable[Socket]]
"""Opens a connection and says who takes its messages. Raises TransientError."""


class Publisher(Protocol):
    """The log, for whoever appends."""

    @property
    def pressed(self) -> bool:
        """Whether so much waits that no more should be read."""
        ...

    def append(self, topic: str, *, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Hand over one record. Raises UndeliveredError."""
        ...

    def flush(self, timeout_s: float = 10) -> int:
        """Wait for what was handed over to be taken; how many records still are not."""
        ...


class Record(Protocol):
    """One record of the log."""

    @property
    def topic(self) -> str:
        """Where it lies."""
        ...

    @property
    def key(self) -> str:
        """Its symbol."""
        ...

    @property
    def value(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def replayed(self) -> bool:
        """Whether it was handled before this process began."""
        ...


class Reader(Protocol):
    """The log, for whoever follows it."""

    def batch(self, *, limit: int, wait_s: float) -> Sequence[Record]:
        """What has come."""
        ...

    def commit(self) -> None:
        """Everything handed out is written."""
        ...

    def close(self) -> None:
        """Follow no more."""
        ...


class Shelf(Protocol):
    """The latest state, for its writer."""

    @property
    def filled(self) -> bool:
        """Whether it still is what we filled; False after a wipe."""
        ...

    def apply(self, changes: Iterable[Change]) -> None:
        """Write all changes or none. Raises TransientError."""
        ...

    def load(self, symbol: str) -> Shelved:
        """What is held of a symbol."""
        ...

    def mark_filled(self) -> None:
        """Everything is written."""
        ...


class Candles(Protocol):
    """The durable candles, for their writer."""

    def ensure_indexes(self) -> None:
        """The unique natural key, before the first write."""
        ...

    def upsert(self, candles: Iterable[Candle]) -> int:
        """Merge with what is stored; how many changed. Raises TransientError."""
        ...

    def newest(self, symbol: str, *, count: int) -> list[Candle]:
        """The last minutes, oldest first."""
        ...

    def oldest_ms(self, symbol: str) -> int | None:
        """When the first stored minute opened; None if there is none."""
        ...

    def missing_minutes(self, symbol: str, *, start_ms: int, end_ms: int) -> list[int]:
        """Open times without a candle, oldest first."""
        ...

    def candles(self, symbol: str, *, interval: Interval, start_ms: int, end_ms: int) -> list[Candle]:
        """The stored candles of a half-open range, oldest first."""
        ...


class Match(Protocol):
    """How often a book was found to be the exchange's."""

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        ...


class BookSync(Protocol):
    """One symbol's book, joined from snapshots and differences; what comes out are records to append."""

    @property
    def match(self) -> Match:
        """How often it was found to be the exchange's."""
        ...

    @property
    def resyncs(self) -> int:
        """How often it had to begin again."""
        ...

    @property
    def state(self) -> BookState:
        """How far the book may be believed."""
        ...

    @property
    def last_update_id(self) -> int:
        """The last update it holds; -1 while there is no book."""
        ...

    def snapshot_wanted(self, now_ms: int) -> int | None:
        """The epoch to fetch a snapshot for, if one is due."""
        ...

    def diff(self, diff: DepthFrame, *, now_ms: int) -> Sequence[bytes]:
        """Take a difference."""
        ...

    def ticker(self, ticker: TickerFrame, *, now_ms: int) -> None:
        """Take the exchange's own best prices."""
        ...

    def snapshot(self, snapshot: BookFrame, *, epoch: int, now_ms: int) -> Sequence[bytes]:
        """Take a snapshot."""
        ...

    def snapshot_failed(self, *, epoch: int, now_ms: int) -> None:
        """The fetch came to nothing."""
        ...


class Past(Protocol):
    """An exchange's clock and its own record of what was."""

    async def server_ms(self) -> int:
        """Its clock."""
        ...

    async def klines(
        self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int, received_ms: int
    ) -> list[Candle]:
        """Its own closed candles of a half-open range."""
        ...


class Venue(Past, Protocol):
    """An exchange."""

    def connections(self, symbols: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """(where its streams are, of which symbols); one symbol never spans two."""
        ...

    def resubscription(self, silent: Mapping[str, Sequence[str]], *, number: int) -> list[bytes]:
        """What to say on a connection so that silent streams (symbol: kinds) begin anew."""
        ...

    def decode(self, raw: bytes, *, received_ms: int) -> Event:
        """The word in one frame. Raises BadMessageError."""
        ...

    def book_sync(self, symbol: str) -> BookSync:
        """A fresh book."""
        ...

    async def symbols(self, wanted: Sequence[str]) -> dict[str, SymbolInfo]:
        """The markets it knows among ``wanted``."""
        ...

    async def depth(self, symbol: str, *, received_ms: int) -> BookFrame:
        """A full book."""
        ...

    async def aggregates(
        self, symbol: str, *, start_ms: int, from_id: int | None = None
    ) -> list[tuple[int, TradeFrame]]:
        """(aggregate id, past trades) from a time, or from an aggregate on; a page of them, oldest first."""
        ...

"""An order book: a full snapshot, the differences after it, and the state they fold to."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice

from sortedcontainers import SortedDict

from pipeline.domain.faults import GapError

Level = tuple[Decimal, Decimal]
"""(price, quantity); quantity 0 in a difference deletes the level."""


class BookState(Enum):
    """How far a book may be believed."""

    SYNCED = "synced"
    RESYNCING = "resyncing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """A full book at ``last_update_id``: levels best first."""

    symbol: str
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    event_ms: int
    received_ms: int
    state: BookState = BookState.SYNCED


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDiff:
    """The levels that changed over the update ids ``first_id … last_id``; quantities are absolute."""

    symbol: str
    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    event_ms: int
    received_ms: int
    state: BookState = BookState.SYNCED


class OrderBook:
    """One symbol's live book, kept by the exchange's documented procedure.

    Source: Binance, "How to manage a local order book correctly" (text of 2025-11-12), steps 5 and 6.
    """

    __slots__ = ("_asks", "_bids", "event_ms", "last_update_id", "received_ms", "symbol")

    def __init__(self, snapshot: BookSnapshot) -> None:
        self.symbol = snapshot.symbol
        self.last_update_id = snapshot.last_update_id
        self.event_ms = snapshot.event_ms
        self.received_ms = snapshot.received_ms
        self._bids: SortedDict = SortedDict({-price: (price, quantity) for price, quantity in snapshot.bids})
        self._asks: SortedDict = SortedDict({price: (price, quantity) for price, quantity in snapshot.asks})

    def apply(self, diff: BookDiff) -> bool:
        """Fold one difference in; False if the book already holds it. Raises GapError if ids are missing."""
        if diff.last_id <= self.last_update_id:
            return False
        if diff.first_id > self.last_update_id + 1:
            raise GapError(
                f"{self.symbol}: expected update {self.last_update_id + 1}, the next one starts at {diff.first_id}"
            )
        for price, quantity in diff.bids:
            _set_level(self._bids, key=-price, level=(price, quantity))
        for price, quantity in diff.asks:
            _set_level(self._asks, key=price, level=(price, quantity))
        self.last_update_id = diff.last_id
        self.event_ms = diff.event_ms
        self.received_ms = diff.received_ms
        return True

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no true book is."""
        return bool(self._bids and self._asks and self._bids.peekitem(0)[1][0] >= self._asks.peekitem(0)[1][0])

    def prune(self, levels: int) -> None:
        """Forget what lies beyond ``levels`` a side."""
        for side in (self._bids, self._asks):
            while len(side) > levels:
                side.popitem(-1)

    def bids(self, limit: int) -> list[Level]:
        """The best ``limit`` bids, highest first."""
        return list(islice(self._bids.values(), limit))

    def asks(self, limit: int) -> list[Level]:
        """The best ``limit`` asks, lowest first."""
        return list(islice(self._asks.values(), limit))

    def snapshot(self, limit: int) -> BookSnapshot:
        """The book as a value, at most ``limit`` levels a side."""
        return BookSnapshot(
            symbol=self.symbol,
            last_update_id=self.last_update_id,
            bids=tuple(self.bids(limit)),
            asks=tuple(self.asks(limit)),
            event_ms=self.event_ms,
            received_ms=self.received_ms,
        )


def cumulate(levels: Iterable[Level]) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(price, quantity, total) a level, where total is the running sum of price times quantity from the best on."""
    total, rows = Decimal(0), []
    for price, quantity in levels:
        total += price * quantity
        rows.append((price, quantity, total))
    return rows


def _set_level(side: SortedDict, *, key: Decimal, level: Level) -> None:
    if level[1]:
        side[key] = level
    else:
        side.pop(key, None)

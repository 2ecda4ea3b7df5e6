"""The book at the replay's position: recorded snapshot plus recorded differences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from pipeline.domain.book import BookDiff, BookSnapshot, Level, OrderBook
from pipeline.domain.faults import GapError
from pipeline.simulator.wire import book_text, levels_text


@dataclass(slots=True)
class RecordedBook:
    """One symbol's book; ``diffs`` and ``snapshots`` are (place on the tape, JSON) in order."""

    symbol: str
    diffs: list[tuple[int, bytes]] = field(default_factory=list)
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)
    _next: int = 0
    _book: OrderBook | None = None

    def answer(self, place: int, *, limit: int) -> bytes:
        """The REST book once the first ``place`` messages were played; before the first snapshot, that snapshot."""
        book = self._at(place)
        return book_text(book.last_update_id, bids=_text(book.bids(limit)), asks=_text(book.asks(limit)))

    def answer_at(self, update_id: int, *, played: int) -> bytes | None:
        """The whole book right after the difference that ends with ``update_id``, if it was played by then."""
        places = (place for place, data in self.diffs if place < played and orjson.loads(data)["u"] == update_id)
        place = next(places, None)
        if place is None:
            return None
        return RecordedBook(self.symbol, self.diffs, self.snapshots).answer(place + 1, limit=1 << 20)

    def _at(self, place: int) -> OrderBook:
        book = self._book or OrderBook(self._first())
        while self._next < len(self.diffs) and self.diffs[self._next][0] < place:
            diff = diff_of(self.symbol, orjson.loads(self.diffs[self._next][1]))
            book = self._applied(book, diff)
            self._next += 1
        self._book = book
        return book

    def _applied(self, book: OrderBook, diff: BookDiff) -> OrderBook:
        try:
            book.apply(diff)
        except GapError:
            book = OrderBook(self._snapshot_after(diff) or _unknown(self.symbol, diff.first_id - 1))
            book.apply(diff)
        return book

    def _first(self) -> BookSnapshot:
        if self.snapshots:
            return snapshot_of(self.symbol, orjson.loads(self.snapshots[0][1]))
        first_id = orjson.loads(self.diffs[0][1])["U"] if self.diffs else 1
        return _unknown(self.symbol, first_id - 1)

    def _snapshot_after(self, diff: BookDiff) -> BookSnapshot | None:
        """The next recorded snapshot that the differences from here on lead to or follow."""
        books = (snapshot_of(self.symbol, orjson.loads(data)) for _, data in self.snapshots)
        return next((book for book in books if book.last_update_id >= diff.first_id - 1), None)


def snapshot_of(symbol: str, body: dict[str, Any]) -> BookSnapshot:
    """A recorded REST book."""
    return BookSnapshot(
        symbol=symbol,
        last_update_id=body["lastUpdateId"],
        bids=_levels(body["bids"]),
        asks=_levels(body["asks"]),
        event_ms=0,
        received_ms=0,
    )


def diff_of(symbol: str, event: dict[str, Any]) -> BookDiff:
    """A recorded depth event."""
    return BookDiff(
        symbol=symbol,
        first_id=event["U"],
        last_id=event["u"],
        bids=_levels(event["b"]),
        asks=_levels(event["a"]),
        event_ms=event["E"],
        received_ms=event["E"],
    )


def _unknown(symbol: str, last_update_id: int) -> BookSnapshot:
    """A book of which nothing is known yet: its levels come as they change."""
    return BookSnapshot(symbol=symbol, last_update_id=last_update_id, bids=(), asks=(), event_ms=0, received_ms=0)


def _levels(rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
    return tuple((Decimal(row[0]), Decimal(row[1])) for row in rows)


def _text(levels: Sequence[Level]) -> str:
    return levels_text((f"{price:f}", f"{quantity:f}") for price, quantity in levels)

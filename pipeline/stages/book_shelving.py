"""What a symbol's order-book records change on the shelf: a fold without input or output.

The book shown is never one that is not known to be true: whatever breaks it leaves the last synced one there, marked,
until the next full book.
"""

from dataclasses import dataclass

from pipeline.domain import pushes
from pipeline.domain.book import BookState
from pipeline.domain.book_texts import TextDiff, TextRecord, TextSnapshot
from pipeline.domain.faults import GapError
from pipeline.domain.ladder import LadderBook
from pipeline.domain.shelf import Change, PutBookText
from pipeline.domain.texts import ShownBook, book_text, depth_fields, quoted
from pipeline.stages.numbering import Numbering

SHELF_LEVELS = 200
PUSH_LEVELS = 20
UNSEEN_EVERY_MS = 250
"""How often the shelf takes a book whose pushed levels did not change."""
QUIET_MS = 1_000
"""How often such a book is pushed all the same: it says that the market lives."""


@dataclass(slots=True)
class BookFold:
    """One symbol's book; ``shown`` is what the shelf has."""

    numbering: Numbering
    shown: ShownBook | None
    _book: LadderBook | None = None
    _state: BookState = BookState.SYNCED
    _lost_id: int = -1
    _moves: int = 0
    _changed: bool = False
    _looked_ms: int = 0
    _shelved_ms: int = 0
    _pushed_ms: int = 0
    _seen: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def take(self, record: TextRecord) -> None:
        """Take an order-book record."""
        if isinstance(record, TextSnapshot):
            self._take_full(record)
        elif record.last_id > self._id and self._state is BookState.SYNCED:
            self._take_difference(record)
        elif record.last_id > self._id and record.state is not BookState.SYNCED:
            self._lose(record.state, record.last_id)

    def changes(self, now_ms: int, *, every_ms: int) -> list[Change]:
        """What is due at ``now_ms`` of our clock, which only paces: at most one book in ``every_ms``."""
        if not self._changed or now_ms < self._looked_ms + every_ms:
            return []
        self._looked_ms = now_ms
        return self._due(now_ms)

    def rebuilt(self) -> list[Change]:
        """The book for a shelf that was wiped."""
        if self._book is not None:
            self.shown = self._as_shown(self._book)
        return [] if self.shown is None else [self._put(self.shown)]

    @property
    def _id(self) -> int:
        """The update id that a record must go beyond to be news."""
        if self._book is not None:
            return self._book.last_update_id
        return self.shown.last_update_id if self.shown is not None else -1

    def _take_full(self, record: TextSnapshot) -> None:
        if self._book is not None and record.last_update_id < self._book.last_update_id:
            return
        book = LadderBook(record)
        if book.crossed:
            self._lose(BookState.RESYNCING, record.last_update_id)
            return
        self._book, self._state = book, record.state
        self._moved(1)

    def _take_difference(self, record: TextDiff) -> None:
        if record.state is not BookState.SYNCED or self._book is None:
            state = BookState.RESYNCING if record.state is BookState.SYNCED else record.state
            self._lose(state, record.last_id)
            return
        try:
            self._moved(self._book.apply(record))
        except GapError:
            self._lose(BookState.RESYNCING, record.last_id)
            return
        if self._book.crossed:
            self._book = None
            self._lose(BookState.RESYNCING, record.last_id)

    def _lose(self, state: BookState, update_id: int) -> None:
        self._lost_id = update_id
        if state is not self._state:
            self._state = state
            self._moved(1)

    def _moved(self, moves: int) -> None:
        self._moves += moves
        self._changed = True

    def _due(self, now_ms: int) -> list[Change]:
        book = self._newest()
        if book is None:
            self._moves, self._changed = 0, False
            return []
        lost = self._state is not BookState.SYNCED
        seen = (book.bids[:PUSH_LEVELS], book.asks[:PUSH_LEVELS])
        quiet = seen == self._seen and now_ms < self._pushed_ms + QUIET_MS
        if quiet and not lost and now_ms < self._shelved_ms + UNSEEN_EVERY_MS:
            return []
        self.shown, self._shelved_ms, self._changed = book, now_ms, False
        if lost:
            self._seen = None
        if quiet or lost:
            return [self._put(book)]
        self._seen, self._pushed_ms = seen, now_ms
        covers, self._moves = self._moves, 0
        return [self._put(book), self.numbering.published("orderbook", pushes.UPDATE, self._body(book), covers=covers)]

    def _newest(self) -> ShownBook | None:
        """The last synced book; None while what is folded anew is still behind the shelf."""
        shown, book = self.shown, self._book
        if book is not None and (shown is None or book.last_update_id >= shown.last_update_id):
            return self._as_shown(book)
        lost = self._state is not BookState.SYNCED and shown is not None and self._lost_id > shown.last_update_id
        return shown if lost else None

    def _put(self, book: ShownBook) -> Change:
        return PutBookText(book.symbol, book_text(book, self._state))

    def _body(self, book: ShownBook) -> bytes:
        fields = depth_fields(book, self._state, PUSH_LEVELS)
        return f'{{"type":"update","symbol":{quoted(book.symbol)},{fields},"eventTime":{book.event_ms}}}'.encode()

    def _as_shown(self, book: LadderBook) -> ShownBook:
        return ShownBook.of(self.numbering.symbol, book, SHELF_LEVELS)

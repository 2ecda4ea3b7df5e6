"""One symbol's order book by the exchange's documented procedure, as a state machine without a socket.

Source: binance-spot-api-docs, "How to manage a local order book correctly" (text of 2025-11-12). Difference to the
letter: the first difference may also be exactly adjacent (``U == lastUpdateId + 1``), which step 5 allows and step 4
read literally does not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from pipeline.domain.book import BookDiff, BookSnapshot, BookState, OrderBook
from pipeline.domain.faults import GapError
from pipeline.domain.names import BOOK_LEVELS

MAX_BUFFERED = 3_000
"""Differences kept while a snapshot is fetched: five minutes of them; more means the snapshot will not come."""
FULL_BOOK_EVERY_MS = 30_000
FAILED_AFTER = 5
BACKOFF_MS = (250, 30_000)
PRUNE_ABOVE = 2 * BOOK_LEVELS

BookRecord = BookDiff | BookSnapshot


class BookSync:
    """Buffering until a snapshot fits, synced from then on, and back to buffering at any gap.

    Differences and snapshots go in; what is to be published comes out. ``epoch`` numbers the attempts: an answer to an
    older one is ignored. ``jitter`` gives a number in [0, 1) for the full-jitter backoff.
    """

    def __init__(self, symbol: str, *, jitter: Callable[[], float]) -> None:
        self.symbol = symbol
        self.epoch = 0
        self.resyncs = 0
        self.book: OrderBook | None = None
        self._jitter = jitter
        self._buffer: deque[BookDiff] = deque()
        self._snapshot: BookSnapshot | None = None
        self._asked = False
        self._attempts = 0
        self._not_before_ms = 0
        self._full_ms = 0

    @property
    def state(self) -> BookState:
        """How far the book may be believed now."""
        if self.book is not None:
            return BookState.SYNCED
        return BookState.FAILED if self._attempts >= FAILED_AFTER else BookState.RESYNCING

    def snapshot_wanted(self, now_ms: int) -> int | None:
        """The epoch to fetch a snapshot for, once an attempt; None when none is due."""
        idle = self.book is None and self._snapshot is None and not self._asked
        if not idle or not self._buffer or now_ms < self._not_before_ms:
            return None
        self._asked = True
        return self.epoch

    def diff(self, diff: BookDiff, *, now_ms: int) -> list[BookRecord]:
        """Take a difference off the stream; returns what to publish, the difference itself first."""
        if self.book is None:
            return self._buffered(diff, now_ms=now_ms)
        try:
            applied = self.book.apply(diff)
        except GapError:
            self._restart(now_ms)
            return self._buffered(diff, now_ms=now_ms)
        if not applied:
            return []
        if self.book.crossed:
            self._restart(now_ms)
            return [replace(diff, state=self.state)]
        return [diff, *self._full_when_due(self.book)]

    def snapshot(self, snapshot: BookSnapshot, *, epoch: int, now_ms: int) -> list[BookRecord]:
        """Take a full book fetched for ``epoch``; returns what to publish."""
        if epoch != self.epoch or self.book is not None:
            return []
        self._snapshot = snapshot
        return self._joined(now_ms)

    def snapshot_failed(self, *, epoch: int, now_ms: int) -> None:
        """The fetch for ``epoch`` came to nothing: try again later."""
        if epoch == self.epoch and self.book is None:
            self._retry(now_ms)

    def _buffered(self, diff: BookDiff, *, now_ms: int) -> list[BookRecord]:
        if self._buffer and diff.first_id > self._buffer[-1].last_id + 1:
            self._buffer.clear()
        if len(self._buffer) >= MAX_BUFFERED:
            self._restart(now_ms)
        self._buffer.append(diff)
        return [replace(diff, state=self.state), *self._joined(now_ms)]

    def _joined(self, now_ms: int) -> list[BookRecord]:
        """Join the snapshot and the buffer, if both are there and fit."""
        snapshot = self._snapshot
        if snapshot is None or not self._buffer:
            return []
        if snapshot.last_update_id + 1 < self._buffer[0].first_id:
            self._snapshot = None
            self._retry(now_ms)
            return []
        if self._buffer[-1].last_id < snapshot.last_update_id:
            return []
        return self._synced(snapshot, now_ms)

    def _synced(self, snapshot: BookSnapshot, now_ms: int) -> list[BookRecord]:
        book = OrderBook(replace(snapshot, event_ms=self._buffer[-1].event_ms))
        for diff in self._buffer:
            book.apply(diff)
        if book.crossed:
            self._restart(now_ms)
            return []
        self.book, self._attempts = book, 0
        self._buffer.clear()
        self._snapshot = None
        return self._full(book)

    def _full_when_due(self, book: OrderBook) -> list[BookRecord]:
        return self._full(book) if book.event_ms >= self._full_ms + FULL_BOOK_EVERY_MS else []

    def _full(self, book: OrderBook) -> list[BookRecord]:
        self._full_ms = book.event_ms
        book.prune(PRUNE_ABOVE)
        return [book.snapshot(BOOK_LEVELS)]

    def _restart(self, now_ms: int) -> None:
        self.resyncs += 1
        self.book = self._snapshot = None
        self._buffer.clear()
        self._retry(now_ms)

    def _retry(self, now_ms: int) -> None:
        first, most = BACKOFF_MS
        wait = min(most, first << min(self._attempts, 10)) if self._attempts else 0
        self._not_before_ms = now_ms + int(wait * self._jitter())
        self._attempts += 1
        self.epoch += 1
        self._asked = False

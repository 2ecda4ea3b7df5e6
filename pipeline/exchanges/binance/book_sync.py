"""One symbol's order book by the exchange's documented procedure, as a state machine without a socket.

Source: binance-spot-api-docs, "How to manage a local order book correctly" (text of 2025-11-12). Difference to the
letter: the first difference may also be exactly adjacent (``U == lastUpdateId + 1``), which step 5 allows and step 4
read literally does not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.book import BookState
from pipeline.domain.faults import GapError
from pipeline.domain.frames import BookFrame, DepthFrame, TickerFrame
from pipeline.domain.names import BOOK_LEVELS
from pipeline.domain.splice import book_record, depth_record
from pipeline.exchanges.binance.live_book import LiveBook, matched_levels
from pipeline.exchanges.binance.messages import read_depth

MAX_BUFFERED = 150
"""Differences kept while a snapshot is fetched: fifteen seconds of them, which is as long as an answer may take."""
FULL_BOOK_EVERY_MS = 30_000
AUDIT_EVERY_MS = 300_000
FAILED_AFTER = 5
BACKOFF_MS = (250, 30_000)
THIN_LEVELS = 300
"""With fewer known levels a side the book has drifted off its snapshot: another one is fetched."""
MOST_TICKERS = 32
MOST_BEHIND = 50
"""So many differences in a row that say nothing new mean that what they are compared with is wrong: five seconds."""
SNAPSHOT_JOINS_WITHIN_MS = 10_000
"""A snapshot that is ahead of its stream for longer is not of this stream."""
WRONG_TICKERS = 3
"""So many best prices in a row that are not the exchange's mean that the book is wrong, whatever its ids say."""


@dataclass(slots=True)
class Match:
    """How often the book was found to be the exchange's."""

    tickers: int = 0
    tickers_matched: int = 0
    audit_levels: int = 0
    audit_matched: int = 0
    audited_ms: int = 0
    wrong: int = 0

    def ticker(self, agrees: bool) -> bool:
        """Count one comparison; whether by now the book must be taken for wrong."""
        self.tickers += 1
        self.tickers_matched += agrees
        self.wrong = 0 if agrees else self.wrong + 1
        return self.wrong >= WRONG_TICKERS

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        return {
            "ticker": {"checked": self.tickers, "matched": self.tickers_matched},
            "audit": {"levels": self.audit_levels, "matched": self.audit_matched, "at": self.audited_ms},
        }


@dataclass(slots=True)
class Attempt:
    """A book in the making: the last differences that came, and a snapshot when it has come.

    Many books may wait for the exchange's weight at once, so a buffered difference is only its bytes.
    """

    buffer: deque[DepthFrame] = field(default_factory=lambda: deque(maxlen=MAX_BUFFERED))
    snapshot: BookFrame | None = None
    asked: bool = False
    _behind: int = 0

    def add(self, diff: DepthFrame) -> None:
        """Buffer a difference; what went before a hole is of no use, what is known already changes nothing."""
        if self.buffer:
            last_id = self.buffer[-1].last_id
            if diff.last_id <= last_id:
                self._behind += 1
                if self._behind < MOST_BEHIND:
                    return
                self.buffer.clear()  # not these are late: what the buffer holds is from nowhere
                last_id = diff.first_id - 1
            self._behind = 0
            if diff.first_id > last_id + 1:
                self.buffer.clear()
        self.buffer.append(diff._replace(bids=[], asks=[]))

    @property
    def wants_snapshot(self) -> bool:
        """Whether differences flow and no snapshot was asked for."""
        return bool(self.buffer) and not self.asked

    @property
    def too_old(self) -> bool:
        """Whether the snapshot ends before the buffer begins."""
        return self.snapshot is not None and self.snapshot.last_update_id + 1 < self.buffer[0].first_id

    def joined(self) -> LiveBook | None:
        """Snapshot and buffer as one book, as soon as they meet."""
        if self.snapshot is None or not self.buffer or self.buffer[-1].last_id < self.snapshot.last_update_id:
            return None
        book = LiveBook(self.snapshot)
        for diff in self.buffer:
            book.apply(read_depth(diff.body, diff.received_ms))
        book.event_ms = self.buffer[-1].event_ms
        return book


class BookSync:
    """Buffering until a snapshot fits, synced from then on, and back to buffering at any gap.

    Differences and snapshots go in; the records to publish come out. ``epoch`` numbers the attempts: an answer to an
    older one is ignored. Every few minutes a synced book is built once more beside the live one, compared and swapped:
    that is the audit. ``jitter`` gives a number in [0, 1).
    """

    def __init__(self, symbol: str, *, jitter: Callable[[], float], audit_every_ms: int = AUDIT_EVERY_MS) -> None:
        self.symbol = symbol
        self.epoch = 0
        self.resyncs = 0
        self.match = Match()
        self.book: LiveBook | None = None
        self._jitter = jitter
        self._audit_every_ms = audit_every_ms
        self._attempt: Attempt | None = Attempt()
        self._tickers: dict[int, TickerFrame] = {}
        self._failures = 0
        self._not_before_ms = 0
        self._full_ms = 0
        self._audit_due_ms = 0
        self._snapshot_ms = 0
        self._known = 0

    @property
    def state(self) -> BookState:
        """How far the book may be believed now."""
        if self.book is not None:
            return BookState.SYNCED
        return BookState.FAILED if self._failures >= FAILED_AFTER else BookState.RESYNCING

    @property
    def last_update_id(self) -> int:
        """The last update the book holds; -1 while there is none."""
        return self.book.last_update_id if self.book is not None else -1

    def snapshot_wanted(self, now_ms: int) -> int | None:
        """The epoch to fetch a snapshot for, once an attempt; None when none is due."""
        attempt = self._attempt
        if attempt is None or not attempt.wants_snapshot or now_ms < self._not_before_ms:
            return None
        attempt.asked = True
        return self.epoch

    def diff(self, diff: DepthFrame, *, now_ms: int) -> list[bytes]:
        """Take a difference off the stream; returns what to publish, the difference itself first."""
        book = self.book
        if book is not None:
            try:
                if not book.apply(diff):
                    return self._known_again(now_ms)
            except GapError:
                self._lose(now_ms)
            else:
                self._known = 0
                if book.crossed or book.blind or self._contradicted(book):
                    self._lose(now_ms)
        return self._taken(diff, now_ms)

    def ticker(self, ticker: TickerFrame, *, now_ms: int) -> None:
        """Take the exchange's own best prices, to be compared as soon as the book is at the same update."""
        book = self.book
        if book is None or ticker.update_id < book.last_update_id:
            return
        if ticker.update_id > book.last_update_id:
            if len(self._tickers) >= MOST_TICKERS:
                del self._tickers[next(iter(self._tickers))]
            self._tickers[ticker.update_id] = ticker
        elif self.match.ticker(book.agrees(ticker)):
            self._lose(now_ms)

    def snapshot(self, snapshot: BookFrame, *, epoch: int, now_ms: int) -> list[bytes]:
        """Take a full book fetched for ``epoch``; returns what to publish."""
        if epoch != self.epoch or self._attempt is None:
            return []
        self._attempt.snapshot, self._snapshot_ms = snapshot, now_ms
        return self._joined(now_ms)

    def snapshot_failed(self, *, epoch: int, now_ms: int) -> None:
        """The fetch for ``epoch`` came to nothing: try again later."""
        if epoch == self.epoch and self._attempt is not None:
            self._again(now_ms)

    def _taken(self, diff: DepthFrame, now_ms: int) -> list[bytes]:
        if self._attempt is not None:
            self._attempt.add(diff)
        told = [depth_record(diff, state=self.state)]
        if self._attempt is not None:
            told += self._joined(now_ms)
        book = self.book
        if book is not None and len(told) == 1 and book.event_ms >= self._full_ms + FULL_BOOK_EVERY_MS:
            told.append(self._full(book, now_ms))
        return told

    def _known_again(self, now_ms: int) -> list[bytes]:
        """The difference was held already; a book that holds every one of them has ids from nowhere."""
        self._known += 1
        if self._known >= MOST_BEHIND:
            self._lose(now_ms)
        return []

    def _contradicted(self, book: LiveBook) -> bool:
        """Whether the exchange's best prices at the book's own update say that it is wrong, by now."""
        ticker = self._tickers.pop(book.last_update_id, None) if self._tickers else None
        return ticker is not None and self.match.ticker(book.agrees(ticker))

    def _joined(self, now_ms: int) -> list[bytes]:
        """Join snapshot and buffer, if both are there and fit."""
        attempt = self._attempt
        if attempt is None or attempt.snapshot is None or not attempt.buffer:
            return []
        too_late = now_ms - self._snapshot_ms > SNAPSHOT_JOINS_WITHIN_MS
        book = None if attempt.too_old else attempt.joined()
        if attempt.too_old or (book is None and too_late) or (book is not None and book.crossed):
            self._again(now_ms)
        if book is None or book.crossed:
            return []
        self._audit(book, now_ms)
        self.book, self._attempt, self._failures = book, None, 0
        self._not_before_ms = 0
        self._audit_due_ms = now_ms + int(self._audit_every_ms * (0.5 + self._jitter() / 2))
        return [self._full(book, now_ms)]

    def _audit(self, book: LiveBook, now_ms: int) -> None:
        """Compare a book just built with the one that lives beside it."""
        live = self.book
        if live is not None and live.last_update_id == book.last_update_id:
            compared, equal = matched_levels(live, book, limit=BOOK_LEVELS)
            self.match.audit_levels += compared
            self.match.audit_matched += equal
            self.match.audited_ms = now_ms

    def _full(self, book: LiveBook, now_ms: int) -> bytes:
        """The full book as a record; also the moment to forget what is far away, and to think of an audit."""
        self._full_ms = book.event_ms
        for side in (book.bids, book.asks):
            side.prune(2 * BOOK_LEVELS)
        self._begin_audit_when_due(book, now_ms)
        return book_record(
            self.symbol, last_update_id=book.last_update_id,
            bids=book.bids.top(BOOK_LEVELS), asks=book.asks.top(BOOK_LEVELS),
            event_ms=book.event_ms, received_ms=book.received_ms,
        )  # fmt: skip

    def _begin_audit_when_due(self, book: LiveBook, now_ms: int) -> None:
        if self._attempt is None and (now_ms >= self._audit_due_ms or book.is_thin(THIN_LEVELS)):
            self.epoch += 1
            self._attempt = Attempt()

    def _lose(self, now_ms: int) -> None:
        self.resyncs += 1
        self.book = None
        self._tickers.clear()
        self.match.wrong = self._known = 0
        self._again(now_ms)

    def _again(self, now_ms: int) -> None:
        """Give this attempt up: an audit is left for later, a book that is needed is tried again, ever more slowly."""
        self.epoch += 1
        if self.book is not None:
            self._attempt, self._audit_due_ms = None, now_ms + BACKOFF_MS[1]
            return
        first, most = BACKOFF_MS
        wait = min(most, first << min(self._failures, 10)) if self._failures else 0
        self._not_before_ms = now_ms + int(wait * self._jitter())
        self._failures += 1
        self._attempt = Attempt()

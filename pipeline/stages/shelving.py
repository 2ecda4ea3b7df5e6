"""What one symbol's records change on the shelf of latest state: a fold without input or output.

Order and repetition of records do not matter: candles are told apart by revision and event time, trades by id, books
by update id. What is older than what is held changes nothing, so a redelivered log leaves the shelf as it was.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from pipeline.domain import pushes, views
from pipeline.domain.book import BookDiff, BookSnapshot, BookState, OrderBook
from pipeline.domain.candle import Candle
from pipeline.domain.faults import GapError
from pipeline.domain.folds import FormingBar
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.names import BOOK_LEVELS, REALTIME_MINUTES, REALTIME_TRADES
from pipeline.domain.shelf import Change, Published, PutBook, PutCandle, PutLatest, PutTrades, Shelved
from pipeline.domain.trade import Trade

SHELF_LEVELS = 200
PUSH_LEVELS = 20
PUSH_EVERY_MS = 50
"""Forming candles and books are pushed at most twenty times a second a symbol."""
NEWS_MINUTES = 60
"""A closed minute older than this that was never seen is history being filled, not news to push."""


@dataclass(slots=True)
class Sequence:
    """The numbering of one stream: contiguous, and where a conflated message began."""

    last: int

    def next_push(self, kind: str, body: bytes, *, covers: int = 1) -> pushes.Push:
        """The next message; it stands for ``covers`` numbers."""
        first = self.last + 1
        self.last += covers
        return pushes.Push(kind, self.last, first, body)


@dataclass(slots=True)
class SymbolShelf:
    """The fold of one symbol's records; ``changes`` hands out what is due and forgets it."""

    symbol: str
    shelved: Shelved
    first_seq: int
    _bar: FormingBar = field(default_factory=FormingBar)
    _closed: dict[int, Candle] = field(default_factory=dict)
    _newest_ms: int = 0
    _recent: deque[Trade] = field(default_factory=lambda: deque(maxlen=REALTIME_TRADES))
    _book: OrderBook | None = None
    _trade_id: int = -1
    _latest: tuple[int, bool, int] = (-1, False, -1)
    _book_id: int = -1
    _due: list[Change] = field(default_factory=list)
    _new_trades: list[Trade] = field(default_factory=list)
    _bar_moves: int = 0
    _book_moves: int = 0
    _book_lost: bool = False
    _bar_pushed_ms: int = 0
    _book_pushed_ms: int = 0
    _sequences: dict[str, Sequence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held = self.shelved
        self._trade_id, self._book_id = held.trade_id, held.book_id
        self._closed = {candle.open_ms: candle for candle in held.closed}
        self._newest_ms = max(self._closed, default=0)
        if held.latest is not None:
            self._latest = _rank(held.latest)
            self._bar.frame(held.latest)

    def candle(self, candle: Candle, *, replayed: bool = False) -> None:
        """Take a kline record."""
        if candle.closed:
            self._take_closed(candle, replayed=replayed)
        self._bar.frame(candle)
        self._bar_moves += 1

    def trade(self, trade: Trade, *, replayed: bool = False) -> None:
        """Take a trade record."""
        self._bar.trade(trade)
        if trade.trade_id <= self._trade_id:
            return
        self._trade_id = trade.last_id
        self._bar_moves += 1
        self._new_trades.append(trade)
        self._recent.append(trade)
        if not replayed:
            body = pushes.push_body(
                pushes.REALTIME, symbol=self.symbol, trade=views.trade_view(trade), event_ms=trade.event_ms
            )
            self._publish("trades", self._sequence("trades").next_push(pushes.REALTIME, body))

    def book(self, record: BookDiff | BookSnapshot) -> None:
        """Take an order-book record."""
        if isinstance(record, BookSnapshot):
            self._take_book(record)
        elif self._book is not None:
            self._take_difference(self._book, record)

    def changes(self, now_ms: int) -> list[Change]:
        """What is due at ``now_ms`` of our clock, which only paces; what is not stays for the next call."""
        due: list[Change] = []
        if self._new_trades:
            due.append(PutTrades(self.symbol, self._new_trades))
        due += self._due
        if self._bar_moves and now_ms >= self._bar_pushed_ms + PUSH_EVERY_MS:
            self._bar_pushed_ms = now_ms
            due += self._forming()
        if self._book_moves and now_ms >= self._book_pushed_ms + PUSH_EVERY_MS:
            self._book_pushed_ms = now_ms
            due += self._book_changes()
        self._new_trades, self._due = [], []
        return due

    def restored(self, stored: list[Candle]) -> list[Change]:
        """The durable minutes that a shelf lacks, for a process that starts."""
        lacking = [candle for candle in stored if candle.supersedes(self._closed.get(candle.open_ms))]
        self._closed |= {candle.open_ms: candle for candle in lacking}
        self._newest_ms = max(self._closed, default=0)
        return [PutCandle(candle, self._keep_from_ms) for candle in lacking]

    def rebuilt(self, stored: list[Candle]) -> list[Change]:
        """Everything this symbol has to show, for a shelf that was wiped; ``stored`` are the durable minutes."""
        self.restored(stored)
        puts: list[Change] = [PutCandle(candle, self._keep_from_ms) for _, candle in sorted(self._closed.items())]
        newest = self._bar.candle() or self._closed.get(self._newest_ms)
        puts += [PutLatest(newest)] if newest is not None else []
        puts += [PutTrades(self.symbol, list(self._recent))] if self._recent else []
        puts += [PutBook(self._book_snapshot(self._book))] if self._book is not None else []
        return puts

    def _take_closed(self, candle: Candle, *, replayed: bool) -> None:
        held = self._closed.get(candle.open_ms)
        if candle.open_ms < self._keep_from_ms or not candle.supersedes(held):
            return
        news = candle.open_ms > self._newest_ms - NEWS_MINUTES * MINUTE_MS
        self._closed[candle.open_ms] = candle
        self._advance(max(self._newest_ms, candle.open_ms))
        self._due.append(PutCandle(candle, self._keep_from_ms))
        if news and not replayed and (held is None or held.values != candle.values):
            self._publish("kline", self._sequence("kline").next_push(pushes.REALTIME, self._kline_body(candle)))

    def _advance(self, newest_ms: int) -> None:
        self._newest_ms = newest_ms
        if len(self._closed) > REALTIME_MINUTES:
            self._closed = {t: candle for t, candle in self._closed.items() if t >= self._keep_from_ms}

    def _forming(self) -> list[Change]:
        covers, self._bar_moves = self._bar_moves, 0
        candle = self._bar.candle()
        if candle is None or _rank(candle) < self._latest:
            return []
        self._latest = _rank(candle)
        if candle.closed:
            return [PutLatest(candle)]
        push = self._sequence("kline").next_push(pushes.UPDATE, self._kline_body(candle), covers=covers)
        return [PutLatest(candle), Published("kline", self.symbol, push)]

    def _take_book(self, snapshot: BookSnapshot) -> None:
        if self._book is not None and snapshot.last_update_id < self._book.last_update_id:
            return
        self._book = OrderBook(snapshot)
        self._book_lost = False
        self._book_moves += 1

    def _take_difference(self, book: OrderBook, diff: BookDiff) -> None:
        try:
            self._book_moves += book.apply(diff)
        except GapError:
            self._book_lost = True
            self._book_moves += 1
            return
        if diff.state is not BookState.SYNCED and not self._book_lost:
            self._book_lost = True
            self._book_moves += 1

    def _book_changes(self) -> list[Change]:
        covers, self._book_moves = self._book_moves, 0
        book = self._book
        if book is None or book.last_update_id < self._book_id:
            return []
        self._book_id = book.last_update_id
        book.prune(2 * BOOK_LEVELS)
        snapshot = self._book_snapshot(book)
        if self._book_lost:
            return [PutBook(snapshot)]
        view = views.depth_view(views.book_view(snapshot), limit=PUSH_LEVELS)
        body = pushes.push_body(pushes.UPDATE, event_ms=snapshot.event_ms, **view)
        push = self._sequence("orderbook").next_push(pushes.UPDATE, body, covers=covers)
        return [PutBook(snapshot), Published("orderbook", self.symbol, push)]

    def _publish(self, stream: str, push: pushes.Push) -> None:
        self._due.append(Published(stream, self.symbol, push))

    def _kline_body(self, candle: Candle) -> bytes:
        kind = pushes.REALTIME if candle.closed else pushes.UPDATE
        return pushes.push_body(kind, symbol=self.symbol, candle=views.candle_view(candle), event_ms=candle.event_ms)

    def _sequence(self, stream: str) -> Sequence:
        if stream not in self._sequences:
            self._sequences[stream] = Sequence(self.shelved.sequences.get(stream, self.first_seq))
        return self._sequences[stream]

    def _book_snapshot(self, book: OrderBook) -> BookSnapshot:
        state = BookState.RESYNCING if self._book_lost else BookState.SYNCED
        return replace(book.snapshot(SHELF_LEVELS), state=state)

    @property
    def _keep_from_ms(self) -> int:
        return max(0, self._newest_ms - (REALTIME_MINUTES - 1) * MINUTE_MS)


def _rank(candle: Candle) -> tuple[int, bool, int]:
    """Which of two newest minutes is newer: a closed one outranks any forming frame of the same minute."""
    return (candle.open_ms, candle.closed, candle.event_ms)

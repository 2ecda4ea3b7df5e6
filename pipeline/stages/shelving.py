"""What one symbol's records change on the shelf of latest state: a fold without input or output.

Order and repetition of records do not matter: candles are told apart by revision and event time, trades by id, books
by update id. What is older than what is held changes nothing, so a redelivered log leaves the shelf as it was.
"""

from dataclasses import dataclass, field

from pipeline.domain import jsontext, pushes, views
from pipeline.domain.book_texts import TextRecord
from pipeline.domain.candle import Candle
from pipeline.domain.folds import FormingBar
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.names import REALTIME_MINUTES
from pipeline.domain.recent_trades import RecentTrades, Taken, TradeRow
from pipeline.domain.shelf import Change, PutCandle, PutLatest, PutTradeRows, Shelved
from pipeline.domain.texts import ShownBook, quoted
from pipeline.domain.trade import Trade
from pipeline.stages.book_shelving import BookFold
from pipeline.stages.numbering import Numbering

PUSH_EVERY_MS = 50
"""Forming candles and books are pushed at most twenty times a second a symbol."""
NEWS_MINUTES = 60
"""A closed minute older than this that was never seen is history being filled, not news to push."""


@dataclass(slots=True)
class SymbolShelf:
    """The fold of one symbol's records; ``changes`` hands out what is due and forgets it."""

    symbol: str
    shelved: Shelved
    first_seq: int
    _bar: FormingBar = field(default_factory=FormingBar)
    _closed: dict[int, Candle] = field(default_factory=dict)
    _newest_ms: int = 0
    _latest: tuple[int, bool, int] = (-1, False, -1)
    _due: list[Change] = field(default_factory=list)
    _rows: dict[int, TradeRow] = field(default_factory=dict)
    _gone: list[int] = field(default_factory=list)
    _bar_moves: int = 0
    _bar_pushed_ms: int = 0
    _numbering: Numbering = field(init=False)
    _recent: RecentTrades = field(init=False)
    _book: BookFold = field(init=False)

    def __post_init__(self) -> None:
        held = self.shelved
        self._numbering = Numbering(self.symbol, held.sequences, self.first_seq)
        self._recent = RecentTrades(held.trades)
        self._book = BookFold(self._numbering, ShownBook.of_snapshot(held.book) if held.book is not None else None)
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
        """Take a trade record, however late."""
        taken = self._recent.take(trade)
        self._bar.trade(trade if taken is None else taken.trade)
        if taken is None:
            return
        self._bar_moves += 1
        self._put_row(taken)
        if not replayed:
            body = b'{"type":"realtime","symbol":%b,"trade":%b,"eventTime":%d}'
            text = body % (quoted(self.symbol).encode(), taken.row.text, trade.event_ms)
            self._due.append(self._numbering.published("trades", pushes.REALTIME, text))

    def book(self, record: TextRecord) -> None:
        """Take an order-book record."""
        self._book.take(record)

    def changes(self, now_ms: int, *, every_ms: int = PUSH_EVERY_MS) -> list[Change]:
        """What is due at ``now_ms`` of our clock, which only paces; what is not stays for the next call.

        Forming candles and books are due every ``every_ms``.
        """
        due: list[Change] = []
        if self._rows or self._gone:
            due.append(PutTradeRows(self.symbol, list(self._rows.values()), self._gone))
            self._rows, self._gone = {}, []
        if self._due:
            due += self._due
            self._due = []
        if self._bar_moves and now_ms >= self._bar_pushed_ms + every_ms:
            self._bar_pushed_ms = now_ms
            due += self._forming()
        due += self._book.changes(now_ms, every_ms=every_ms)
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
        rows = self._recent.rows
        puts += [PutTradeRows(self.symbol, rows)] if rows else []
        return puts + self._book.rebuilt()

    def _put_row(self, taken: Taken) -> None:
        for first_id in taken.gone:
            if self._rows.pop(first_id, None) is None:
                self._gone.append(first_id)
        self._rows[taken.row.first_id] = taken.row

    def _take_closed(self, candle: Candle, *, replayed: bool) -> None:
        held = self._closed.get(candle.open_ms)
        if candle.open_ms < self._keep_from_ms or not candle.supersedes(held):
            return
        news = candle.open_ms > self._newest_ms - NEWS_MINUTES * MINUTE_MS
        self._closed[candle.open_ms] = candle
        self._advance(max(self._newest_ms, candle.open_ms))
        self._due.append(PutCandle(candle, self._keep_from_ms))
        if news and not replayed and (held is None or held.values != candle.values):
            body = self._kline_body(candle, _text(candle))
            self._due.append(self._numbering.published("kline", pushes.REALTIME, body))

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
        text = _text(candle)
        if candle.closed:
            return [PutLatest(candle, text)]
        body = self._kline_body(candle, text)
        return [
            PutLatest(candle, text),
            self._numbering.published("kline", pushes.UPDATE, body, covers=covers),
        ]

    def _kline_body(self, candle: Candle, text: bytes) -> bytes:
        kind = pushes.REALTIME if candle.closed else pushes.UPDATE
        body = b'{"type":"%b","symbol":%b,"candle":%b,"eventTime":%d}'
        return body % (kind.encode(), quoted(self.symbol).encode(), text, candle.event_ms)

    @property
    def _keep_from_ms(self) -> int:
        return max(0, self._newest_ms - (REALTIME_MINUTES - 1) * MINUTE_MS)


def _rank(candle: Candle) -> tuple[int, bool, int]:
    """Which of two newest minutes is newer: a closed one outranks any forming frame of the same minute."""
    return (candle.open_ms, candle.closed, candle.event_ms)


def _text(candle: Candle) -> bytes:
    return jsontext.dumps(views.candle_view(candle))

"""From the log to Redis: the latest state of every symbol, and the messages that tell of its changes."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Event
from typing import Any

from pipeline.domain.book_texts import decode_book_texts
from pipeline.domain.faults import BadMessageError
from pipeline.domain.names import REALTIME_MINUTES, Topics
from pipeline.domain.records import decode_candle, decode_trade
from pipeline.stages.dead_letters import keep_record
from pipeline.stages.ports import Candles, Clock, Publisher, Reader, Record, Shelf
from pipeline.stages.shelving import PUSH_EVERY_MS, SymbolShelf

log = logging.getLogger(__name__)

BATCH = 1_000
WAIT_S = 0.01
"""How long a batch waits for its first record: also how late a paced message may be."""
BEHIND_EVERY_MS = 250
"""How often what may be conflated is written while a full batch says that more is waiting: catching up goes first."""
COMMIT_EVERY_MS = 500
LOOK_EVERY_MS = 1_000


@dataclass(slots=True)
class Counts:
    """What went by."""

    records: int = 0
    changes: int = 0
    dead_letters: int = 0
    rebuilds: int = 0


@dataclass(slots=True)
class Cache:
    """Follows klines, trades and books and keeps the shelf as their fold."""

    reader: Reader
    shelf: Shelf
    stored: Candles
    dead_letters: Publisher
    topics: Topics
    clock: Clock
    counts: Counts = field(default_factory=Counts)
    _symbols: dict[str, SymbolShelf] = field(default_factory=dict)
    _looked_ms: int = 0
    _committed_ms: int = 0
    _written: bool = False

    def run(self, stopped: Event) -> None:
        """Follow until ``stopped``. Raises TransientError when a server is away."""
        while not stopped.is_set():
            self.step()
        self.reader.commit()

    def step(self) -> None:
        """One batch: read, fold, write, commit what is written."""
        batch = self.reader.batch(limit=BATCH, wait_s=WAIT_S)
        for record in batch:
            self._take(record)
        now_ms = self.clock()
        if now_ms >= self._looked_ms + LOOK_EVERY_MS:
            self._looked_ms = now_ms
            self._rebuild_if_wiped()
        every_ms = PUSH_EVERY_MS if len(batch) < BATCH else BEHIND_EVERY_MS
        changes = [change for symbol in self._symbols.values() for change in symbol.changes(now_ms, every_ms=every_ms)]
        if changes:
            self.shelf.apply(changes)
        self.counts.records += len(batch)
        self.counts.changes += len(changes)
        self._commit(bool(batch), now_ms)

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        return asdict(self.counts) | {"symbols": len(self._symbols)}

    def _take(self, record: Record) -> None:
        try:
            self._fold(record)
        except BadMessageError as error:
            self.counts.dead_letters += 1
            log.warning("a record that can't be read: %s", error)
            if record.topic != self.topics.kline:  # those the archive keeps
                keep_record(
                    self.dead_letters, self.topics.dead_letter, record, reason=str(error), received_ms=self.clock()
                )

    def _fold(self, record: Record) -> None:
        if record.topic == self.topics.trades:
            trade = decode_trade(record.value)
            self._symbol(trade.symbol).trade(trade, replayed=record.replayed)
        elif record.topic == self.topics.orderbook:
            book = decode_book_texts(record.value)
            self._symbol(book.symbol).book(book)
        else:
            candle = decode_candle(record.value)
            self._symbol(candle.symbol).candle(candle, replayed=record.replayed)

    def _symbol(self, symbol: str) -> SymbolShelf:
        held = self._symbols.get(symbol)
        if held is None:
            shelved = self.shelf.load(symbol)
            held = self._symbols[symbol] = SymbolShelf(symbol, shelved, first_seq=self.clock())
            if len(shelved.closed) < REALTIME_MINUTES:
                self.shelf.apply(held.restored(self.stored.newest(symbol, count=REALTIME_MINUTES)))
        return held

    def _rebuild_if_wiped(self) -> None:
        if self.shelf.filled:
            return
        for symbol, held in self._symbols.items():
            self.shelf.apply(held.rebuilt(self.stored.newest(symbol, count=REALTIME_MINUTES)))
        self.shelf.mark_filled()
        self.counts.rebuilds += 1

    def _commit(self, some: bool, now_ms: int) -> None:
        self._written = self._written or some
        if self._written and now_ms >= self._committed_ms + COMMIT_EVERY_MS:
            self._committed_ms, self._written = now_ms, False
            self.reader.commit()

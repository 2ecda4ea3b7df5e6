"""From the exchange to the log: every frame becomes a record, what can't be read becomes a dead letter."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.domain import records
from pipeline.domain.book import BookDiff, BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.events import Event, Reply, Shutdown
from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.domain.names import Topics
from pipeline.domain.trade import Trade
from pipeline.stages.backoff import Backoff
from pipeline.stages.dead_letters import dead_letter_headers
from pipeline.stages.ports import BookSync, Clock, Connect, Publisher, Venue

log = logging.getLogger(__name__)

PRESSED_WAIT_S = 0.02
HEALTHY_AFTER_MS = 5_000
"""A connection that lived this long was a good one: the wait before the next begins small again."""
CONNECTION_LIFE_S = 23.5 * 3_600
"""The exchange cuts every connection after 24 hours; ours ends before."""


@dataclass(slots=True)
class Counts:
    """What came in."""

    klines: int = 0
    trades: int = 0
    depth: int = 0
    dead_letters: int = 0
    connects: int = 0
    last_event_ms: int = 0


@dataclass(slots=True)
class Ingest:
    """Follows ``symbols`` on a venue and appends what it says to the log."""

    venue: Venue
    publisher: Publisher
    topics: Topics
    connect: Connect
    clock: Clock
    symbols: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)
    _books: dict[str, BookSync] = field(default_factory=dict)
    _fetches: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Follow until cancelled, reconnecting whenever a connection ends. Raises UndeliveredError if the log fails."""
        self._books = {symbol: self.venue.book_sync(symbol) for symbol in self.symbols}
        async with asyncio.TaskGroup() as group:
            for url in self.venue.connection_urls(self.symbols):
                group.create_task(self._follow(url))

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        books = {symbol: sync.state.value for symbol, sync in self._books.items()}
        return asdict(self.counts) | {
            "books": books,
            "resyncs": sum(sync.resyncs for sync in self._books.values()),
        }

    def take(self, raw: bytes, *, received_ms: int) -> Event | None:
        """One frame: decoded and appended, or kept as a dead letter."""
        try:
            event = self.venue.decode(raw, received_ms=received_ms)
        except BadMessageError as error:
            self._dead_letter(raw, reason=str(error), received_ms=received_ms)
            return None
        symbol = getattr(event, "symbol", None)
        if symbol is not None and symbol not in self._books:
            self._dead_letter(raw, reason=f"{symbol} was not asked for", received_ms=received_ms)
            return None
        self._append(event)
        return event

    async def _follow(self, url: str) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._connection(url, backoff)
            except TransientError as error:
                wait_s = backoff.next_s()
                log.warning("%s; again in %.1f s", error, wait_s)
                await asyncio.sleep(wait_s)

    async def _connection(self, url: str, backoff: Backoff) -> None:
        """One connection's life. Raises TransientError when it ends against our will."""
        async with self.connect(url) as frames:
            self.counts.connects += 1
            began_ms = self.clock()
            ends_ms = began_ms + int(CONNECTION_LIFE_S * 1000)
            async for raw, received_ms in frames:
                if received_ms > began_ms + HEALTHY_AFTER_MS:
                    backoff.healthy()
                event = self.take(raw, received_ms=received_ms)
                if isinstance(event, Shutdown) or received_ms > ends_ms:
                    return
                while self.publisher.pressed:
                    await asyncio.sleep(PRESSED_WAIT_S)

    def _append(self, event: Event) -> None:
        match event:
            case Candle():
                self.counts.klines += 1
                self._record(self.topics.kline, event.symbol, records.encode_candle(event))
            case Trade():
                self.counts.trades += 1
                self._record(self.topics.trades, event.symbol, records.encode_trade(event))
            case BookDiff():
                self.counts.depth += 1
                self._difference(event)
            case Reply(error=str(reason)):
                log.warning("the exchange refused a message of ours: %s", reason)
        if isinstance(event, Candle | Trade | BookDiff):
            self.counts.last_event_ms = max(self.counts.last_event_ms, event.event_ms)

    def _difference(self, diff: BookDiff) -> None:
        sync = self._books[diff.symbol]
        for record in sync.diff(diff, now_ms=self.clock()):
            self._book_record(record)
        epoch = sync.snapshot_wanted(self.clock())
        if epoch is not None:
            task = asyncio.create_task(self._fetch_snapshot(diff.symbol, sync, epoch))
            self._fetches.add(task)
            task.add_done_callback(self._fetches.discard)

    async def _fetch_snapshot(self, symbol: str, sync: BookSync, epoch: int) -> None:
        try:
            snapshot = await self.venue.depth(symbol, received_ms=self.clock())
        except (TransientError, BadMessageError, MisconfiguredError) as error:
            log.warning("no snapshot of %s: %s", symbol, error)
            sync.snapshot_failed(epoch=epoch, now_ms=self.clock())
            return
        for record in sync.snapshot(snapshot, epoch=epoch, now_ms=self.clock()):
            self._book_record(record)

    def _book_record(self, record: BookDiff | BookSnapshot) -> None:
        self._record(self.topics.orderbook, record.symbol, records.encode_book(record))

    def _record(self, topic: str, symbol: str, value: bytes) -> None:
        self.publisher.append(topic, key=symbol, value=value)

    def _dead_letter(self, raw: bytes, *, reason: str, received_ms: int) -> None:
        self.counts.dead_letters += 1
        headers = dead_letter_headers(source="ws", reason=reason, received_ms=received_ms)
        self.publisher.append(self.topics.dead_letter, key="", value=raw, headers=headers)

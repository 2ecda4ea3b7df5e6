"""From the exchange to the log: every frame becomes a record, what can't be read becomes a dead letter."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from pipeline.domain import records, splice
from pipeline.domain.candle import Candle
from pipeline.domain.coverage import Coverage, Verdict
from pipeline.domain.event_clock import EventClock
from pipeline.domain.events import Event, Reply, Shutdown
from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.domain.frames import DepthFrame, TickerFrame, TradeFrame
from pipeline.domain.names import Topics
from pipeline.stages.dead_letters import dead_letter_headers
from pipeline.stages.followed import DEPTH, KLINE, TICKER, TRADE, Followed
from pipeline.stages.gap_notes import GapNotes
from pipeline.stages.line import Line
from pipeline.stages.ports import Clock, Open, Publisher, Venue
from pipeline.stages.repairs import Repairs

log = logging.getLogger(__name__)

STREAM, REST = "ws", "rest"
LOOK_AT_PRESSURE_EVERY = 64
PRESSED_LOOK_S = 0.02
WATCH_EVERY_S = 1.0
"""Two control messages a second at most: the exchange takes five, pongs included."""
RETIRE_AFTER_S = 5.0
"""How long a connection goes on beside those that carry its symbols from now on."""


@dataclass(slots=True)
class Counts:
    """What came in; ``known`` frames came before, ``foreign`` ones are of symbols no longer followed."""

    klines: int = 0
    trades: int = 0
    depth: int = 0
    tickers: int = 0
    known: int = 0
    foreign: int = 0
    dead_letters: int = 0
    resubscriptions: int = 0


@dataclass(slots=True)
class Ingest:
    """Follows symbols on a venue and appends what it says to the log.

    ``covered`` says which trades the log already holds, where that is known.
    """

    venue: Venue
    publisher: Publisher
    topics: Topics
    open: Open
    clock: Clock
    notes: GapNotes
    covered: Mapping[str, Coverage] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    event_clock: EventClock = field(default_factory=EventClock)
    repairs: Repairs = field(init=False)
    followed: dict[str, Followed] = field(default_factory=dict)
    _was: dict[str, Coverage] = field(default_factory=dict)
    _lines: dict[str, Line] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[NoReturn]] = field(default_factory=dict)
    _since_look: int = 0
    _group: asyncio.TaskGroup | None = None

    def __post_init__(self) -> None:
        self._was = dict(self.covered)
        self.repairs = Repairs(
            venue=self.venue, followed=self.followed, notes=self.notes, clock=self.clock,
            exchange_ms=lambda: self.event_clock.now(self.clock()),
            trade=self._repaired_trade, minute=self._repaired_minute,
        )  # fmt: skip

    async def run(self) -> None:
        """Follow until cancelled. Raises UndeliveredError if the log fails."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._arrange()
            group.create_task(self.repairs.keep())
            group.create_task(self._watch())
            group.create_task(self._ease())

    def learn(self, covered: Mapping[str, Coverage]) -> None:
        """Hear which trades the log holds by now, of symbols that are not followed yet."""
        self._was |= covered

    def follow(self, symbols: Iterable[str], *, quiet: Iterable[str] = ()) -> None:
        """From now on follow exactly these; of the ``quiet`` ones nothing is expected for now."""
        wanted = list(dict.fromkeys(symbols))
        for symbol in self.followed.keys() - set(wanted):
            self._was[symbol] = self.followed.pop(symbol).trades
        for symbol in wanted:
            if symbol not in self.followed:
                self.followed[symbol] = self._fresh(symbol)
        silent = set(quiet)
        for symbol, followed in self.followed.items():
            followed.quiet = symbol in silent
        self._arrange()

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        lines = self._lines.values()
        return asdict(self.counts) | {
            "last_event_ms": self.event_clock.newest_ms,
            "books": {symbol: followed.book.state.value for symbol, followed in self.followed.items()},
            "resyncs": sum(followed.book.resyncs for followed in self.followed.values()),
            "bookMatch": {
                symbol: {
                    "state": followed.book.state.value,
                    "resyncs": followed.book.resyncs,
                    **followed.book.match.detail(),
                }
                for symbol, followed in self.followed.items()
            },
            "connects": sum(line.counts.opened for line in lines),
            "connections": [asdict(line.counts) for line in lines],
            "repairs": self.repairs.detail(),
            "gapNotes": {"noted": self.notes.noted, "healed": self.notes.healed, "dropped": self.notes.dropped},
            "heard": {symbol: dict(followed.heard_ms) for symbol, followed in self.followed.items()},
        }

    def take(self, raw: bytes, *, received_ms: int) -> Event | None:
        """One frame: decoded and appended, or kept as a dead letter."""
        try:
            event = self.venue.decode(raw, received_ms=received_ms)
            self._append(event, received_ms)
        except BadMessageError as error:
            self._dead_letter(raw, reason=str(error), received_ms=received_ms)
            return None
        return event

    def _fresh(self, symbol: str) -> Followed:
        trades = self._was.pop(symbol, None) or Coverage()
        return Followed(symbol, self.venue.book_sync(symbol), trades, self.clock())

    def _arrange(self) -> None:
        """Open the connections the followed symbols need; those no longer needed go on for a moment."""
        if self._group is None:
            return
        wanted = dict(self.venue.connections(sorted(self.followed)))
        for url in self._lines.keys() - wanted.keys():
            self._lines.pop(url)
            asyncio.get_running_loop().call_later(RETIRE_AFTER_S, self._tasks.pop(url).cancel)
        for url, symbols in wanted.items():
            if url not in self._lines:
                line = self._lines[url] = Line(url, symbols, self.open, self._taken, self.clock)
                self._tasks[url] = self._group.create_task(line.follow())

    def _taken(self, line: Line, raw: bytes) -> None:
        event = self.take(raw, received_ms=line.heard_ms)
        self._since_look += 1
        if self._since_look >= LOOK_AT_PRESSURE_EVERY:
            self._since_look = 0
            if self.publisher.pressed:
                line.pause()
        if event.__class__ is Shutdown:
            line.replace("the exchange is about to close it")

    def _append(self, event: Event, now_ms: int) -> None:
        if isinstance(event, _OF_THE_CONNECTION):
            _note(event)
            return
        followed = self.followed.get(event.symbol)
        if followed is None:
            self._foreign(event.symbol)
        elif not isinstance(event, TickerFrame) and not self.event_clock.admits(event.event_ms, now_ms=now_ms):
            raise BadMessageError(f"its time {event.event_ms} is far from {self.event_clock.now(now_ms)}, the others'")
        else:
            _TAKERS[event.__class__](self, followed, event, now_ms)

    def _foreign(self, symbol: str) -> None:
        if symbol not in self._was:
            raise BadMessageError(f"{symbol[:40]} was not asked for")
        self.counts.foreign += 1

    def _kline(self, followed: Followed, candle: Candle, now_ms: int) -> None:
        self.counts.klines += 1
        followed.heard(KLINE, now_ms)
        if followed.kline(candle, now_ms=now_ms):
            self._record(self.topics.kline, candle.symbol, records.encode_candle(candle))
        else:
            self.counts.known += 1
        followed.compare(candle)

    def _trade(self, followed: Followed, trade: TradeFrame, now_ms: int) -> None:
        self.counts.trades += 1
        followed.heard(TRADE, now_ms)
        self._trade_record(followed, trade, source=STREAM, now_ms=now_ms)

    def _trade_record(self, followed: Followed, trade: TradeFrame, *, source: str, now_ms: int) -> None:
        verdict = followed.trades.take(trade.first_id, trade.last_id, time_ms=trade.time_ms, now_ms=now_ms)
        if verdict is Verdict.NEW:
            record = splice.trade_record(trade, received_ms=now_ms, source=source)
            self.publisher.append(self.topics.trades, key=trade.symbol, value=record)
        elif verdict is Verdict.STRAY:
            raise BadMessageError(f"trade {trade.first_id} is far from {followed.trades.next_id}, the next one")
        else:
            self.counts.known += 1

    def _depth(self, followed: Followed, diff: DepthFrame, now_ms: int) -> None:
        self.counts.depth += 1
        followed.heard(DEPTH, now_ms)
        for value in followed.book.diff(diff, now_ms=now_ms):
            self.publisher.append(self.topics.orderbook, key=diff.symbol, value=value)
        epoch = followed.book.snapshot_wanted(now_ms)
        if epoch is not None and self._group is not None:
            self._group.create_task(self._fetch_snapshot(followed, epoch))

    def _ticker(self, followed: Followed, ticker: TickerFrame, now_ms: int) -> None:
        self.counts.tickers += 1
        followed.heard(TICKER, now_ms)
        followed.ticker(ticker, now_ms=now_ms)

    def _repaired_trade(self, trade: TradeFrame) -> None:
        followed = self.followed.get(trade.symbol)
        if followed is not None:
            self._trade_record(followed, trade, source=REST, now_ms=self.clock())

    def _repaired_minute(self, candle: Candle) -> None:
        followed = self.followed.get(candle.symbol)
        if followed is not None:
            followed.repair(candle)
            self._record(self.topics.kline, candle.symbol, records.encode_candle(candle))

    async def _fetch_snapshot(self, followed: Followed, epoch: int) -> None:
        symbol, book = followed.symbol, followed.book
        try:
            snapshot = await self.venue.depth(symbol, received_ms=self.clock())
        except (TransientError, BadMessageError, MisconfiguredError) as error:
            log.warning("no snapshot of %s: %s", symbol, error)
            book.snapshot_failed(epoch=epoch, now_ms=self.clock())
            return
        for value in book.snapshot(snapshot, epoch=epoch, now_ms=self.clock()):
            self._record(self.topics.orderbook, symbol, value)

    async def _watch(self) -> NoReturn:
        """Subscribe anew to streams that fell silent, and replace a connection on which that does not help."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            now_ms = self.clock()
            for line in [line for line in self._lines.values() if not line.paused]:
                carried = [self.followed[symbol] for symbol in line.symbols if symbol in self.followed]
                silent = {
                    followed.symbol: kinds
                    for followed in carried
                    if (kinds := followed.silent(now_ms, line_heard_ms=line.heard_ms))
                }
                if silent:
                    self._resubscribe(line, silent)
                vain = [followed.in_vain() for followed in carried]  # each counts anew
                if any(vain):
                    line.replace("a stream on it stays silent")

    def _resubscribe(self, line: Line, silent: Mapping[str, Sequence[str]]) -> None:
        self.counts.resubscriptions += 1
        log.warning("fell silent, subscribing anew: %s", {symbol: list(kinds) for symbol, kinds in silent.items()})
        for message in self.venue.resubscription(silent, number=2 * self.counts.resubscriptions):
            line.send(message)

    async def _ease(self) -> NoReturn:
        """Read on when the log has caught up."""
        while True:
            await asyncio.sleep(PRESSED_LOOK_S)
            if not self.publisher.pressed:
                for line in [line for line in self._lines.values() if line.paused]:
                    self._read_on(line)

    def _read_on(self, line: Line) -> None:
        line.resume()
        for symbol in self.followed.keys() & line.symbols:
            self.followed[symbol].unread_until_ms = line.heard_ms

    def _record(self, topic: str, symbol: str, value: bytes) -> None:
        self.publisher.append(topic, key=symbol, value=value)

    def _dead_letter(self, raw: bytes, *, reason: str, received_ms: int) -> None:
        self.counts.dead_letters += 1
        headers = dead_letter_headers(source=STREAM, reason=reason, received_ms=received_ms)
        self.publisher.append(self.topics.dead_letter, key="", value=raw, headers=headers)


def _note(event: Shutdown | Reply) -> None:
    if isinstance(event, Reply) and event.error:
        log.warning("the exchange refused a message of ours: %s", event.error)


_OF_THE_CONNECTION = (Shutdown, Reply)
_TAKERS: dict[type, Callable[[Ingest, Followed, Any, int], None]] = {
    Candle: Ingest._kline,
    TradeFrame: Ingest._trade,
    DepthFrame: Ingest._depth,
    TickerFrame: Ingest._ticker,
}

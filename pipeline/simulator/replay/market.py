"""The replayed market: a recording behind the exchange's face, its clock started by the first subscriber."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from pipeline.domain.interval import Interval
from pipeline.simulator.market import Frame, KlineQuery, TradeQuery
from pipeline.simulator.replay.formats import read_recording
from pipeline.simulator.replay.reel import Reel, Row, reel_of
from pipeline.simulator.replay.tape import Moment, days_to_now, sessions_of, shifted
from pipeline.simulator.roll import Range, Roll
from pipeline.simulator.streams import Kind, parse_stream, stream_name
from pipeline.simulator.symbol_info import recorded_entry
from pipeline.simulator.wire import boolean

MOST_FRAMES = 256
"""Frames given out at once, so that however fast the replay, everything else gets its turn."""
UNHEARD_MS = 10_000
"""How far it goes on while nobody listens, ms of the recording: who was away has missed something, and not all."""
BOOK_ON_ITS_WAY_MS = 1_000
"""How long after a REST book, ms of our clock, it plays no faster than it was recorded: the book must find the reader
at the differences that follow it, and those it keeps are of seconds."""


class ReplayMarket:
    """A recording played from its first subscription on; REST knows what has been played.

    However fast, it waits for its slowest reader and, ``UNHEARD_MS`` after the last one went, for the next. At the
    share ``hold`` of its messages it stands still until it is released.
    """

    concurrent = False
    lossless = True

    def __init__(self, reel: Reel, *, speed: float, clock_ms: Callable[[], int], hold: float = 1.0) -> None:
        self._reel, self._speed, self._clock_ms = reel, speed, clock_ms
        self._hold = int(min(1.0, hold) * len(reel.moments))
        self.roll = Roll()
        self._began_ms: int | None = None
        self._stood_ms = 0
        self._alone_ms: int | None = None
        self._book_given_ms, self._book_place = -BOOK_ON_ITS_WAY_MS, 0
        self._place = 0
        self._rows: dict[tuple[str, Interval], dict[int, Row]] = {}

    @classmethod
    def of_files(
        cls, source: str, *, speed: float, shift: bool, clock_ms: Callable[[], int], hold: float = 1.0
    ) -> "ReplayMarket":
        """The recording at ``source``: a file, a comma list or a folder. Raises MisconfiguredError."""
        sessions = sessions_of(read_recording(source))
        if shift:
            sessions = shifted(sessions, days=days_to_now(sessions, now_ms=clock_ms()))
        return cls(reel_of(sessions), speed=speed, clock_ms=clock_ms, hold=hold)

    def start(self) -> None:
        """The first subscriber is here: let the clock run."""
        if self._began_ms is None:
            self._began_ms = self._clock_ms()

    def release(self) -> None:
        """Hold no more."""
        self._hold = len(self._reel.moments)

    def now_ms(self) -> int:
        """The recording's clock: it stands before the start and at the end, and never runs ahead of what was sent."""
        moments, place = self._reel.moments, self._place
        if self._done or not place:
            return moments[max(0, place - 1)].at_ms
        ahead_ms = max(0, self._reel.due_ms[place] - int(self._elapsed_ms))
        return max(moments[place - 1].at_ms, moments[place].at_ms - ahead_ms)

    def due(self, streams: Collection[str]) -> list[Frame]:
        """What has come up since the last call, at most ``MOST_FRAMES``."""
        elapsed_ms, reel = self._waited(heard=bool(streams)), self._reel
        frames: list[Frame] = []
        while len(frames) < MOST_FRAMES and self._place < self._hold and reel.due_ms[self._place] <= elapsed_ms:
            moment = reel.moments[self._place]
            if moment.stream in streams and not (self.roll and self._lost(moment)):
                frames.append(Frame(moment.at_ms, moment.stream, moment.data))
            self._learn_row()
            self._place += 1
        return frames

    def prepare(self, streams: Collection[str]) -> None:
        """All is prepared."""

    def symbols(self) -> Sequence[str]:
        """The symbols recorded, and what became of them."""
        return self.roll.names(tuple(self._reel.symbols))

    def listed(self, symbol: str) -> bool:
        """Whether it was recorded."""
        return symbol in self._reel.symbols

    def symbol_info(self, symbol: str) -> Mapping[str, Any]:
        """The recorded entry, or one derived from the recorded digits; TRADING unless a fault changed it."""
        known = self._reel.exchange_info.get(symbol)
        if known is not None:
            return self.roll.entry(known)
        return self.roll.entry(recorded_entry(symbol, samples=self._digits(symbol)))

    def klines(self, query: KlineQuery) -> list[str]:
        """Rows whose buckets were seen from their start; once over, only as their closing frame has them."""
        rows, now_ms = self._rows.get((query.symbol, query.interval), {}), self.now_ms()
        missing = self.roll.missing_klines(query.symbol)
        opens = [open_ms for open_ms in sorted(rows) if not _within(open_ms, missing)]
        said = [open_ms for open_ms in opens if rows[open_ms].closed or now_ms < open_ms + query.interval.ms]
        return [rows[open_ms].text for open_ms in query.picked(said)]

    def depth(self, symbol: str, *, limit: int) -> bytes:
        """The book at the replay's position."""
        body = self._reel.books[symbol].answer(self._place, limit=limit)
        self._book_given_ms, self._book_place = self._clock_ms(), self._place
        return body

    def book_at(self, symbol: str, update_id: int) -> bytes | None:
        """The book after the difference that ended with ``update_id``, if it was played."""
        return self._reel.books[symbol].answer_at(update_id, played=self._place)

    def aggregates(self, query: TradeQuery) -> list[str]:
        """Recorded aggregates; where only trades were recorded, each as an aggregate of itself."""
        kind = next(
            (k for k in (Kind.AGGREGATE, Kind.TRADE) if stream_name(query.symbol, k) in self._reel.trades), None
        )
        if kind is None:
            return []
        places = self._played(query.symbol, kind)
        letter = "a" if kind is Kind.AGGREGATE else "t"
        return [_aggregate_row(self._event(place), letter) for place in self._selected(places, query, letter)]

    def trades(self, symbol: str, *, limit: int) -> list[str]:
        """The newest trades played."""
        return [_trade_row(self._event(place)) for place in self._played(symbol, Kind.TRADE)[-limit:]]

    def trades_by_id(self, symbol: str, *, first: int, last: int) -> list[str]:
        """The single trades played; none where only aggregates were recorded."""
        places = self._played(symbol, Kind.TRADE)
        start, stop = (bisect_left(places, number, key=lambda p: self._event(p)["t"]) for number in (first, last + 1))
        return [_trade_row(self._event(place)) for place in places[start:stop]]

    def status(self) -> Mapping[str, Any]:
        """Where the replay is."""
        moments = self._reel.moments
        return {
            "position": self.now_ms(), "start": moments[0].at_ms, "end": moments[-1].at_ms,
            "started": self._began_ms is not None, "done": self._done,
            "held": self._held, "heard": self._alone_ms is None,
            "played": self._place, "messages": len(moments),
        }  # fmt: skip

    @property
    def _done(self) -> bool:
        return self._place >= len(self._reel.moments)

    @property
    def _elapsed_ms(self) -> float:
        """How far the tape may be, ms after its start: it runs from ``_stood_ms`` since ``_began_ms`` of our clock."""
        return -1.0 if self._began_ms is None else self._stood_ms + (self._clock_ms() - self._began_ms) * self._speed

    def _waited(self, *, heard: bool) -> float:
        """How far the tape may be now; its clock stands where it is held, and where it may go no further yet."""
        if heard or self._began_ms is None or self._done:
            self._alone_ms = None
        elif self._alone_ms is None:
            self._alone_ms = self._reel.due_ms[self._place]
        elapsed_ms, latest_ms = self._elapsed_ms, self._latest_ms
        if latest_ms is None or elapsed_ms <= latest_ms:
            return elapsed_ms
        self._stood_ms, self._began_ms = latest_ms, self._clock_ms()
        return latest_ms

    @property
    def _latest_ms(self) -> int | None:
        """How far the tape may be at most, where it may not be wherever the speed takes it."""
        if self._began_ms is None or self._done:
            return None
        if self._held:
            return self._reel.due_ms[self._place]
        if self._alone_ms is not None:
            return self._alone_ms + UNHEARD_MS
        since_ms = self._clock_ms() - self._book_given_ms
        return self._reel.due_ms[self._book_place] + since_ms if since_ms < BOOK_ON_ITS_WAY_MS else None

    @property
    def _held(self) -> bool:
        return self._place == self._hold and not self._done

    def _learn_row(self) -> None:
        row = self._reel.rows.get(self._place)
        if row is None:
            return
        known = self._rows.setdefault((row.symbol, row.interval), {})
        if row.closed or row.open_ms not in known or not known[row.open_ms].closed:
            known[row.open_ms] = row

    def _played(self, symbol: str, kind: Kind) -> list[int]:
        places = self._reel.trades.get(stream_name(symbol, kind), [])
        played = places[: bisect_left(places, self._place)]
        if not self.roll.missing_trades(symbol):
            return played
        return [place for place in played if not self.roll.lost(symbol, self._reel.moments[place].at_ms)]

    def _lost(self, moment: Moment) -> bool:
        stream = parse_stream(moment.stream)
        if stream is None or stream.kind is not Kind.KLINE:
            return stream is not None and self.roll.lost(stream.symbol, moment.at_ms)
        return _within(orjson.loads(moment.data)["k"]["t"], self.roll.missing_klines(stream.symbol))

    def _selected(self, places: list[int], query: TradeQuery, letter: str) -> list[int]:
        if query.from_id is not None:
            return places[bisect_left(places, query.from_id, key=lambda p: self._event(p)[letter]) :][: query.limit]
        if query.end_ms is not None:
            places = places[: bisect_right(places, query.end_ms, key=lambda p: self._event(p)["T"])]
        if query.start_ms is not None:
            return places[bisect_left(places, query.start_ms, key=lambda p: self._event(p)["T"]) :][: query.limit]
        return places[-query.limit :]

    def _event(self, place: int) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self._reel.moments[place].data)
        return event

    def _digits(self, symbol: str) -> list[tuple[str, str]]:
        book = self._reel.books[symbol]
        changes = [orjson.loads(data) for _, data in book.diffs[:200]]
        levels = [(price, quantity) for change in changes for price, quantity in (*change["b"], *change["a"])]
        trades = [
            place
            for kind in (Kind.TRADE, Kind.AGGREGATE)
            for place in self._reel.trades.get(stream_name(symbol, kind), [])[:1000]
        ]
        return levels + [(event["p"], event["q"]) for event in map(self._event, trades)]


def _within(time_ms: int, ranges: Sequence[Range]) -> bool:
    return any(start_ms <= time_ms < end_ms for start_ms, end_ms in ranges)


def _aggregate_row(event: dict[str, Any], letter: str) -> str:
    first, last = (event["f"], event["l"]) if letter == "a" else (event["t"], event["t"])
    return (
        f'{{"a":{event[letter]},"p":"{event["p"]}","q":"{event["q"]}","f":{first},"l":{last},"T":{event["T"]},'
        f'"m":{boolean(event["m"])},"M":true}}'
    )


def _trade_row(event: dict[str, Any]) -> str:
    quote = Decimal(event["p"]) * Decimal(event["q"])
    return (
        f'{{"id":{event["t"]},"price":"{event["p"]}","qty":"{event["q"]}","quoteQty":"{quote:.8f}",'
        f'"time":{event["T"]},"isBuyerMaker":{boolean(event["m"])},"isBestMatch":true}}'
    )

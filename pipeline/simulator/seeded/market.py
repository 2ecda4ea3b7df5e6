"""The seeded market: listings, history and frames behind the exchange's face."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from pipeline.simulator.market import Frame, KlineQuery, TradeQuery
from pipeline.simulator.roll import Range, Roll
from pipeline.simulator.seeded.book import IDS_A_STEP, STEP_MS, Side, side_levels, sides_at
from pipeline.simulator.seeded.flow import SLOTS_AN_HOUR, hour_of
from pipeline.simulator.seeded.history import candles_between
from pipeline.simulator.seeded.listing import LISTED_MS, Listing, listing_of
from pipeline.simulator.seeded.path import SLOT_MS
from pipeline.simulator.seeded.rows import aggregate_rows, kline_rows, trade_rows
from pipeline.simulator.seeded.schedule import frames_in_slot
from pipeline.simulator.seeded.trades import Trades, kept_spans, last_id_at, trades_by_id
from pipeline.simulator.streams import Kind, parse_stream
from pipeline.simulator.symbol_info import symbol_entry
from pipeline.simulator.wire import book_text, decimal8, levels_text

LONGEST_SILENCE_MS = 60_000
"""After a longer sleep of this machine the market goes on from now instead of sending everything missed."""
CALLS_TO_PREPARE = 80
"""A slot's frames are made over so many calls of ``prepare``, of some two hundred within a slot."""
SLOTS_TO_PREPARE = 300
"""Slots before the end of an hour in which the next one is prepared."""
WHOLE_BOOK = 1 << 20

_due_ms = attrgetter("time_ms")


class SeededMarket:
    """A market made of hashes; two of the same seed and rate agree in everything."""

    concurrent = True
    lossless = False

    def __init__(self, symbols: Sequence[str], *, seed: int, rate: float, clock_ms: Callable[[], int]) -> None:
        self._symbols = tuple(symbol for symbol in symbols if listing_of(symbol, seed=seed, rate=rate))
        self._seed, self._rate, self._clock_ms = seed, rate, clock_ms
        self.roll = Roll()
        self._sent_ms = clock_ms()
        self._slots: dict[tuple[str, int], list[Frame]] = {}
        self._ahead_slot = 0
        self._ahead: Iterator[None] = iter(())
        self._queues: dict[int, tuple[tuple[str, ...], list[Frame]]] = {}

    def now_ms(self) -> int:
        """The wall clock."""
        return self._clock_ms()

    def start(self) -> None:
        """It runs whether or not somebody listens."""

    def symbols(self) -> Sequence[str]:
        """The symbols it was made with, and what became of them."""
        return self.roll.names(self._symbols)

    def listed(self, symbol: str) -> bool:
        """Any name ending in a known quote asset has a market."""
        return listing_of(symbol, seed=self._seed, rate=self._rate) is not None

    def due(self, streams: Collection[str]) -> list[Frame]:
        """Frames since the last call, in order of time."""
        now_ms = self.now_ms()
        since_ms = max(self._sent_ms, now_ms - LONGEST_SILENCE_MS)
        frames: list[Frame] = []
        for slot in range(since_ms // SLOT_MS, now_ms // SLOT_MS + 1):
            queue = self._queue(slot, tuple(streams))
            frames += queue[bisect_right(queue, since_ms, key=_due_ms) : bisect_right(queue, now_ms, key=_due_ms)]
        self._sent_ms = now_ms
        return [frame for frame in frames if not self._lost(frame)] if self.roll else frames

    def prepare(self, streams: Collection[str]) -> None:
        """Make some streams' frames of the coming slot, so that its beginning is no burst of work."""
        slot = self.now_ms() // SLOT_MS + 1
        if slot != self._ahead_slot:
            self._ahead_slot, self._ahead = slot, self._work_ahead(slot, tuple(streams))
            self._slots = {key: frames for key, frames in self._slots.items() if key[1] >= slot - 2}
            self._queues = {number: queue for number, queue in self._queues.items() if number >= slot - 2}
        for _ in islice(self._ahead, 1 + len(streams) // CALLS_TO_PREPARE):
            pass

    def _work_ahead(self, slot: int, streams: tuple[str, ...]) -> Iterator[None]:
        """The coming slot's frames, its queue, and towards the end of an hour the hour to come, a piece at a time.

        While nobody listens, this hour of every symbol, so that the first subscriber need not wait for it.
        """
        hour, into = divmod(slot, SLOTS_AN_HOUR)
        for symbol in () if streams else self._symbols:
            hour_of(self._listing(symbol), hour)
            yield
        for stream in streams:
            self._frames(stream, slot)
            yield
        self._queue(slot, streams)
        yield
        if into >= SLOTS_AN_HOUR - SLOTS_TO_PREPARE:
            for symbol in dict.fromkeys(stream.symbol for stream in map(parse_stream, streams) if stream):
                if self.listed(symbol):
                    hour_of(self._listing(symbol), hour + 1)
                    yield

    def _queue(self, slot: int, streams: tuple[str, ...]) -> list[Frame]:
        """All frames of the slot on these streams, in order of time."""
        wanted, queue = self._queues.get(slot, ((), []))
        if wanted != streams:
            queue = sorted((frame for stream in streams for frame in self._frames(stream, slot)), key=_order)
            self._queues[slot] = (streams, queue)
        return queue

    def symbol_info(self, symbol: str) -> Mapping[str, Any]:
        """The symbol's entry in exchangeInfo."""
        listing = self._listing(symbol)
        tick, step = decimal8(listing.tick), decimal8(listing.step)
        return self.roll.entry(symbol_entry(symbol, assets=(listing.base, listing.quote), tick=tick, step=step))

    def klines(self, query: KlineQuery) -> list[str]:
        """Rows of any time since 2024, up to the candle in progress."""
        now_ms, listing = self.now_ms(), self._listing(query.symbol)
        missing, listed_ms = self.roll.missing_klines(query.symbol), self._listed_ms(query.symbol)
        absent = sum((min(end, now_ms) - start) // query.interval.ms + 1 for start, end in missing if start < now_ms)
        first_ms, last_ms = query.bounds(now_ms, listed_ms=listed_ms, missing=absent)
        columns = candles_between(
            listing, query.interval,
            first_ms=max(first_ms, query.interval.open_ms(listed_ms)), last_ms=last_ms, now_ms=now_ms,
            missing=(*missing, (0, listed_ms)),
        )  # fmt: skip
        rows = kline_rows(listing, columns, interval=query.interval)
        return rows[-query.limit :] if query.start_ms is None else rows[: query.limit]

    def depth(self, symbol: str, *, limit: int) -> bytes:
        """The book after the newest step."""
        step = self.roll.book_ms(symbol, self.now_ms()) // STEP_MS
        return self._book(symbol, step, limit=limit)

    def book_at(self, symbol: str, update_id: int) -> bytes | None:
        """The whole book after the step that took ``update_id`` as its last."""
        step, rest = divmod(update_id, IDS_A_STEP)
        known = rest == 0 and LISTED_MS <= step * STEP_MS <= self.now_ms()
        return self._book(symbol, step, limit=WHOLE_BOOK) if known else None

    def aggregates(self, query: TradeQuery) -> list[str]:
        """Each trade as an aggregate of itself."""
        listing = self._listing(query.symbol)
        return [row for run in self._selected(listing, query) for row in aggregate_rows(listing, run)]

    def trades(self, symbol: str, *, limit: int) -> list[str]:
        """The newest trades."""
        listing = self._listing(symbol)
        newest = TradeQuery(symbol=symbol, limit=limit)
        return [row for run in self._selected(listing, newest) for row in trade_rows(listing, run)]

    def trades_by_id(self, symbol: str, *, first: int, last: int) -> list[str]:
        """The trades there were, up to now."""
        listing = self._listing(symbol)
        query = TradeQuery(symbol=symbol, from_id=first, limit=max(0, last - first + 1))
        rows = (row for run in self._selected(listing, query, last=last) for row in trade_rows(listing, run))
        return list(rows)

    def status(self) -> Mapping[str, Any]:
        """It has no end."""
        return {"position": self.now_ms(), "start": LISTED_MS, "end": None, "done": False}

    def _listing(self, symbol: str) -> Listing:
        listing = listing_of(symbol, seed=self._seed, rate=self._rate)
        if listing is None:
            raise KeyError(f"{symbol} is not listed here")
        return listing

    def _listed_ms(self, symbol: str) -> int:
        return max(LISTED_MS, self.roll.listed_ms(symbol))

    def _book(self, symbol: str, step: int, *, limit: int) -> bytes:
        listing = self._listing(symbol)
        bids, asks = (_side_text(listing, side, limit) for side in sides_at(listing, step))
        return book_text(step * IDS_A_STEP, bids=bids, asks=asks)

    def _selected(self, listing: Listing, query: TradeQuery, *, last: int | None = None) -> list[Trades]:
        """The runs of trades that answer the query, without those the exchange lost."""
        newest = self._last_id(listing, query.end_ms)
        newest = newest if last is None else min(newest, last)
        oldest_first = query.from_id is not None or query.start_ms is not None
        first = query.from_id or 1
        if query.start_ms is not None:
            first = self._last_id(listing, query.start_ms - 1) + 1
        spans = kept_spans((max(1, first), newest), self._lost_ids(listing), limit=query.limit, newest=not oldest_first)
        return [trades_by_id(listing, first=start, last=stop) for start, stop in spans]

    def _lost_ids(self, listing: Listing) -> list[tuple[int, int]]:
        """The ids, both inclusive, of trades in the times without data."""
        ranges = self.roll.missing_trades(listing.symbol)
        return [(self._last_id(listing, start - 1) + 1, self._last_id(listing, end - 1)) for start, end in ranges]

    def _lost(self, frame: Frame) -> bool:
        stream = parse_stream(frame.stream)
        return stream is not None and stream.kind is not Kind.KLINE and self.roll.lost(stream.symbol, frame.time_ms)

    def _last_id(self, listing: Listing, time_ms: int | None) -> int:
        now_ms = self.now_ms()
        return last_id_at(listing, now_ms if time_ms is None else min(time_ms, now_ms))

    def _frames(self, stream: str, slot: int) -> list[Frame]:
        frames = self._slots.get((stream, slot))
        if frames is None:
            frames = self._slots[stream, slot] = self._make_frames(stream, slot)
        return frames

    def _make_frames(self, name: str, slot: int) -> list[Frame]:
        stream = parse_stream(name)
        if stream is None or not self.listed(stream.symbol) or slot * SLOT_MS < LISTED_MS:
            return []
        missing: tuple[Range, ...] = ()
        if self.roll:
            missing = (*self.roll.missing_klines(stream.symbol), (0, self.roll.listed_ms(stream.symbol)))
        return frames_in_slot(self._listing(stream.symbol), stream, slot, missing=missing)


def _order(frame: Frame) -> tuple[int, bool]:
    """By time; at the same moment the book moves first, since the trades happen at its new prices."""
    return frame.time_ms, frame.stream.endswith("rade")


def _side_text(listing: Listing, side: Side, limit: int) -> str:
    best = dict(list(side.items())[:limit])
    return levels_text(side_levels(listing, best))

"""The frames of one stream over one two-second slot."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

from pipeline.simulator.market import Frame
from pipeline.simulator.roll import Range
from pipeline.simulator.seeded.book import (
    IDS_A_STEP,
    STEP_MS,
    STEPS_A_SLOT,
    Change,
    Side,
    best_lots,
    changes_in_slot,
    mid_level,
    side_levels,
)
from pipeline.simulator.seeded.flow import SLOTS_AN_HOUR, hour_of
from pipeline.simulator.seeded.history import candles_between
from pipeline.simulator.seeded.listing import Listing
from pipeline.simulator.seeded.path import SLOT_MS, SLOTS_A_DAY
from pipeline.simulator.seeded.rows import kline_words, trade_fields
from pipeline.simulator.seeded.trades import trades_in_slots
from pipeline.simulator.streams import Kind, Stream
from pipeline.simulator.wire import aggregate_text, decimal8, depth_text, levels_text, ticker_text, trade_text

STEPS_A_SECOND = 10
KLINE_DELAYS_MS = (20, 200)
"""A kline comes this long after the moment it describes: at least, and spread over this many ms by symbol."""


def frames_in_slot(listing: Listing, stream: Stream, slot: int, *, missing: Sequence[Range] = ()) -> list[Frame]:
    """What ``stream`` sends during ``slot`` (counted from the epoch), in order; no kline has ``missing`` minutes."""
    if stream.kind is Kind.KLINE:
        return _klines(listing, stream, slot, missing=missing)
    return _FRAMES[stream.kind](listing, stream.name, slot)


def _klines(listing: Listing, stream: Stream, slot: int, *, missing: Sequence[Range]) -> list[Frame]:
    """The candle as it was at the slot's start: closed if that was its end."""
    interval, start_ms = stream.interval, slot * SLOT_MS
    event_ms = start_ms + KLINE_DELAYS_MS[0] + listing.key("delay") % KLINE_DELAYS_MS[1]
    open_ms = interval.open_ms(start_ms - 1)
    now_ms = start_ms - 1
    column = candles_between(listing, interval, first_ms=open_ms, last_ms=open_ms, now_ms=now_ms, missing=missing)
    if not column.shape[1]:
        return []
    closed = interval.open_ms(start_ms) == start_ms
    words = kline_words(listing, column[:, 0].tolist(), interval=interval)
    text = words.event(listing.symbol, interval=interval.value, event_ms=event_ms, closed=closed)
    return [Frame(event_ms, stream.name, text.encode())]


def _trades(listing: Listing, name: str, slot: int) -> list[Frame]:
    return _each_trade(listing, name, slot, text=trade_text)


def _aggregates(listing: Listing, name: str, slot: int) -> list[Frame]:
    return _each_trade(listing, name, slot, text=aggregate_text)


def _each_trade(listing: Listing, name: str, slot: int, *, text: Callable[..., str]) -> list[Frame]:
    place = slot % SLOTS_A_DAY
    trades = trades_in_slots(listing, hour_of(listing, slot // SLOTS_AN_HOUR), first=place, last=place + 1)
    return [
        Frame(fields[3], name, text(listing.symbol, trade=fields, event_ms=fields[3]).encode())
        for fields in trade_fields(listing, trades)
    ]


def _fast_depth(listing: Listing, name: str, slot: int) -> list[Frame]:
    return [_depth_frame(listing, name, [change]) for change in changes_in_slot(listing, slot)]


def _slow_depth(listing: Listing, name: str, slot: int) -> list[Frame]:
    changes = (*changes_in_slot(listing, slot - 1), *changes_in_slot(listing, slot))
    ends = range(STEPS_A_SLOT, 2 * STEPS_A_SLOT, STEPS_A_SECOND)
    return [_depth_frame(listing, name, changes[end - STEPS_A_SECOND + 1 : end + 1]) for end in ends]


def _depth_frame(listing: Listing, name: str, changes: list[Change] | tuple[Change, ...]) -> Frame:
    step = changes[-1].step
    bids: Side = reduce(or_, (change.bids for change in changes))
    asks: Side = reduce(or_, (change.asks for change in changes))
    sides = (levels_text(side_levels(listing, bids)), levels_text(side_levels(listing, asks)))
    ids = ((changes[0].step - 1) * IDS_A_STEP + 1, step * IDS_A_STEP)
    event_ms = step * STEP_MS
    return Frame(event_ms, name, depth_text(listing.symbol, event_ms=event_ms, ids=ids, sides=sides).encode())


def _tickers(listing: Listing, name: str, slot: int) -> list[Frame]:
    """The best prices' quantities change at every step, so each step has a ticker; the prices stand for the slot."""
    first = slot * STEPS_A_SLOT
    mid = mid_level(listing, first)
    (bid, _), (ask, _) = side_levels(listing, {mid: 0, mid + 1: 0})
    frames = []
    for step, lots in enumerate(zip(*best_lots(listing, slot), strict=True), start=first):
        bid_lots, ask_lots = (decimal8(number * listing.step) for number in lots)
        text = ticker_text(listing.symbol, update_id=step * IDS_A_STEP, bid=(bid, bid_lots), ask=(ask, ask_lots))
        frames.append(Frame(step * STEP_MS, name, text.encode()))
    return frames


_FRAMES: dict[Kind, Callable[[Listing, str, int], list[Frame]]] = {
    Kind.TRADE: _trades,
    Kind.AGGREGATE: _aggregates,
    Kind.DEPTH: _slow_depth,
    Kind.FAST_DEPTH: _fast_depth,
    Kind.TICKER: _tickers,
}

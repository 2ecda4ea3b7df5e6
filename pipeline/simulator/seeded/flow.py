"""What is traded when: each day's 43,200 slots, and the one-minute candles they fold to."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.simulator.seeded.candles import Field
from pipeline.simulator.seeded.listing import LISTED_MS, Listing, price_ticks
from pipeline.simulator.seeded.noise import Ints, bits, hashes
from pipeline.simulator.seeded.path import SLOTS_A_DAY, day_levels

MINUTES_A_DAY = 1_440
SLOTS_A_MINUTE = 30
SLOTS_AN_HOUR = 1_800
HOURS_A_DAY = 24
LISTED_DAY = LISTED_MS // DAY_MS
_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class DaySlots:
    """One symbol's day, or the part of it from slot ``start`` on: what each slot's row says.

    Best bid level, whether takers buy, their price, trades, lots, first trade id.
    """

    day: int
    start: int
    level: Ints
    buy: Ints
    price: Ints
    trades: Ints
    lots: Ints
    first_id: Ints

    def part(self, start: int, stop: int) -> "DaySlots":
        """The slots from ``start`` up to ``stop`` of the day, as a copy that keeps nothing else alive."""
        columns = (self.level, self.buy, self.price, self.trades, self.lots, self.first_id)
        return DaySlots(self.day, start, *(column[start - self.start : stop - self.start].copy() for column in columns))


def first_id_of(listing: Listing, day: int) -> int:
    """The id of a day's first trade; each day has the same number of trades, so ids need no counting."""
    return 1 + (day - LISTED_DAY) * listing.trades_a_day


def make_slots(listing: Listing, day: int) -> DaySlots:
    """The slots of ``day`` (days since the epoch)."""
    level = day_levels(listing, day)
    dice = hashes(listing.key("slot"), np.arange(day * SLOTS_A_DAY, (day + 1) * SLOTS_A_DAY))
    trades = _slot_trades(listing, day, weights=bits(dice, shift=0, width=16))
    buy = bits(dice, shift=63, width=1)
    size = bits(dice, shift=16, width=16)
    lots = trades * (1 + listing.mean_lots * (size * size >> 16) * 3 // 65_536)
    first_id = first_id_of(listing, day) + np.cumsum(trades) - trades
    return DaySlots(day, 0, level, buy, price_ticks(listing, level + buy), trades, lots, first_id)


@lru_cache(maxsize=48)
def slots_of(listing: Listing, day: int) -> DaySlots:
    """The slots of ``day``, kept for the days in use."""
    return make_slots(listing, day)


@lru_cache(maxsize=1024)
def hour_of(listing: Listing, hour: int) -> DaySlots:
    """The slots of one hour (counted from the epoch): what a live market of many symbols can keep of all of them."""
    day, into = divmod(hour, HOURS_A_DAY)
    return slots_of(listing, day).part(into * SLOTS_AN_HOUR, (into + 1) * SLOTS_AN_HOUR)


def close_before(listing: Listing, slot: int) -> int:
    """The price of the last trade before ``slot`` (counted from the epoch) and after midnight, in ticks.

    No day begins with an empty minute, so at least the day before has one.
    """
    hour, into = divmod(slot, SLOTS_AN_HOUR)
    while True:
        slots = hour_of(listing, hour)
        traded = np.flatnonzero(slots.trades[:into])
        if len(traded):
            return int(slots.price[traded[-1]])
        hour, into = hour - 1, SLOTS_AN_HOUR


@lru_cache(maxsize=320)
def minutes_of(listing: Listing, day: int) -> Ints:
    """The day's one-minute candles as a matrix (fields, 1440)."""
    return fold_slots(make_slots(listing, day))


def fold_slots(slots: DaySlots) -> Ints:
    """The one-minute candles of a day's slots; a minute without a trade repeats the close before it."""
    traded, price = _by_minute(slots.trades) > 0, _by_minute(slots.price)
    minutes = np.empty((len(Field), MINUTES_A_DAY), dtype=np.int64)
    rows, some = np.arange(MINUTES_A_DAY), traded.any(axis=1)
    minutes[Field.OPEN_MS] = slots.day * DAY_MS + rows * MINUTE_MS
    minutes[Field.OPEN] = price[rows, traded.argmax(axis=1)]
    minutes[Field.CLOSE] = price[rows, SLOTS_A_MINUTE - 1 - traded[:, ::-1].argmax(axis=1)]
    minutes[Field.HIGH] = np.where(traded, price, -1).max(axis=1)
    minutes[Field.LOW] = np.where(traded, price, _FAR).min(axis=1)
    _add_volumes(minutes, slots)
    last_traded = np.maximum.accumulate(np.where(some, rows, 0))
    for field in (Field.OPEN, Field.HIGH, Field.LOW, Field.CLOSE):
        minutes[field] = np.where(some, minutes[field], minutes[Field.CLOSE, last_traded])
    return minutes


def _add_volumes(minutes: Ints, slots: DaySlots) -> None:
    trades = _by_minute(slots.trades).sum(axis=1)
    first_id = slots.first_id[::SLOTS_A_MINUTE]
    minutes[Field.TRADES] = trades
    minutes[Field.FIRST_ID] = np.where(trades > 0, first_id, -1)
    minutes[Field.LAST_ID] = np.where(trades > 0, first_id + trades - 1, -1)
    minutes[Field.VOLUME] = _by_minute(slots.lots).sum(axis=1)
    minutes[Field.QUOTE] = _by_minute(slots.lots * slots.price).sum(axis=1)
    minutes[Field.TAKER] = _by_minute(slots.lots * slots.buy).sum(axis=1)
    minutes[Field.TAKER_QUOTE] = _by_minute(slots.lots * slots.buy * slots.price).sum(axis=1)


def _slot_trades(listing: Listing, day: int, *, weights: Ints) -> Ints:
    shares = _by_minute(weights + 1).cumsum(axis=1)
    counts = _minute_trades(listing, day)[:, None]
    filled = counts * shares // shares[:, -1:]
    trades: Ints = np.diff(filled, axis=1, prepend=0).ravel()
    return trades


def _minute_trades(listing: Listing, day: int) -> Ints:
    dice = hashes(listing.key("minute"), np.arange(day * MINUTES_A_DAY, (day + 1) * MINUTES_A_DAY))
    weights = 32_768 + (bits(dice, shift=0, width=16) * bits(dice, shift=16, width=16) >> 16)
    if listing.quiet:
        weights[bits(dice, shift=59, width=5) == 0] = 0
    spread = (listing.trades_a_day - 1) * np.cumsum(weights) // weights.sum()
    counts: Ints = np.diff(spread, prepend=0)
    counts[0] += 1
    return counts


def _by_minute(values: Ints) -> Ints:
    return values.reshape(MINUTES_A_DAY, SLOTS_A_MINUTE)

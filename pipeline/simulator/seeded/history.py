"""Candle history of any past moment at any interval, folded from the minutes and cut at now."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.simulator.roll import Range
from pipeline.simulator.seeded.candles import Field, empty_columns, fold_columns
from pipeline.simulator.seeded.flow import MINUTES_A_DAY, SLOTS_A_MINUTE, close_before, hour_of, minutes_of
from pipeline.simulator.seeded.listing import LISTED_MS, Listing
from pipeline.simulator.seeded.noise import Ints
from pipeline.simulator.seeded.path import SLOT_MS
from pipeline.simulator.seeded.trades import Trades, trades_in_slots


def candles_between(
    listing: Listing, interval: Interval, *, first_ms: int, last_ms: int, now_ms: int, missing: Sequence[Range] = ()
) -> Ints:
    """Candles opened from ``first_ms`` to ``last_ms`` (bucket opens, inclusive); the one in progress ends at now.

    Minutes in the ``missing`` ranges don't exist, and longer candles are made of those that do.
    """
    first_ms = max(first_ms, interval.open_ms(LISTED_MS))
    last_ms = min(last_ms, interval.open_ms(now_ms))
    if first_ms > last_ms:
        return empty_columns()
    whole = _minutes if interval.minutes < Interval.H1.minutes else _hours
    columns = whole(listing, first_ms=first_ms, stop_ms=last_ms + interval.ms, now_ms=now_ms)
    if interval is not Interval.M1:
        columns = fold_columns(columns, interval_ms=interval.ms)
    return _without(listing, columns, interval, missing=missing, now_ms=now_ms) if missing else columns


def _without(listing: Listing, columns: Ints, interval: Interval, *, missing: Sequence[Range], now_ms: int) -> Ints:
    """The candles with those that touch a missing range left out, or folded again from the minutes there are."""
    hit = _touched(columns[Field.OPEN_MS], interval.ms, missing)
    parts = [columns[:, ~hit]]
    for open_ms in columns[Field.OPEN_MS, hit].tolist() if interval is not Interval.M1 else ():
        minutes = _minutes(listing, first_ms=open_ms, stop_ms=open_ms + interval.ms, now_ms=now_ms)
        kept = minutes[:, ~_touched(minutes[Field.OPEN_MS], MINUTE_MS, missing)]
        if kept.shape[1]:
            parts.append(fold_columns(kept, interval_ms=interval.ms))
    left = np.concatenate(parts, axis=1)
    return left[:, np.argsort(left[Field.OPEN_MS])]


def _touched(opens: Ints, length_ms: int, missing: Sequence[Range]) -> NDArray[np.bool_]:
    """Which candles of that length share a moment with a missing range."""
    hit = np.zeros(len(opens), dtype=bool)
    for start_ms, end_ms in missing:
        hit |= (opens < end_ms) & (opens + length_ms > start_ms)
    return hit


def forming_minute(listing: Listing, *, now_ms: int) -> Ints:
    """The minute in progress, from its first trade to those at ``now_ms``."""
    into = now_ms % DAY_MS
    minute, slot = into // MINUTE_MS, into // SLOT_MS
    slots = hour_of(listing, now_ms // Interval.H1.ms)
    trades = trades_in_slots(listing, slots, first=minute * SLOTS_A_MINUTE, last=slot + 1).until(now_ms)
    open_ms = now_ms - now_ms % MINUTE_MS
    before = 0 if len(trades.ids) else close_before(listing, open_ms // SLOT_MS)
    return _fold_trades(trades, open_ms=open_ms, before=before)


@lru_cache(maxsize=20_000)
def _day_hours(listing: Listing, day: int) -> Ints:
    return fold_columns(minutes_of(listing, day), interval_ms=Interval.H1.ms)


def _hours(listing: Listing, *, first_ms: int, stop_ms: int, now_ms: int) -> Ints:
    today = now_ms // DAY_MS * DAY_MS
    parts = [_day_hours(listing, day) for day in range(first_ms // DAY_MS, min(stop_ms, today) // DAY_MS)]
    tail_ms = max(first_ms, min(stop_ms, today) // DAY_MS * DAY_MS)
    if tail_ms < stop_ms:
        parts.append(_minutes(listing, first_ms=tail_ms, stop_ms=stop_ms, now_ms=now_ms))
    columns = np.concatenate(parts, axis=1)
    return columns[:, np.searchsorted(columns[Field.OPEN_MS], first_ms) :]


def _minutes(listing: Listing, *, first_ms: int, stop_ms: int, now_ms: int) -> Ints:
    closed_ms = min(stop_ms, now_ms // MINUTE_MS * MINUTE_MS)
    parts = [empty_columns()]
    for day in range(first_ms // DAY_MS, (closed_ms - 1) // DAY_MS + 1):
        start = max(0, (first_ms - day * DAY_MS) // MINUTE_MS)
        stop = min(MINUTES_A_DAY, (closed_ms - day * DAY_MS) // MINUTE_MS)
        parts.append(minutes_of(listing, day)[:, start:stop])
    if stop_ms > now_ms // MINUTE_MS * MINUTE_MS:
        parts.append(forming_minute(listing, now_ms=now_ms))
    return np.concatenate(parts, axis=1)


def _fold_trades(trades: Trades, *, open_ms: int, before: int) -> Ints:
    column = np.array([open_ms, before, before, before, before, 0, 0, 0, 0, 0, -1, -1], dtype=np.int64)
    if len(trades.ids):
        price, lots, bought = trades.price, trades.lots, trades.lots * trades.buy
        column[1:5] = price[0], price.max(), price.min(), price[-1]
        column[5:10] = lots.sum(), (price * lots).sum(), len(lots), bought.sum(), (price * bought).sum()
        column[10:] = trades.ids[0], trades.ids[-1]
    return column[:, None]

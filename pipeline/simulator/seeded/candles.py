"""Candles as columns of integers: one row of a matrix is one field, one column one candle."""

from enum import IntEnum

import numpy as np

from pipeline.simulator.seeded.noise import Ints

_FAR = np.iinfo(np.int64).max


class Field(IntEnum):
    """The rows of a candle matrix; prices in ticks, volumes in lots, quote volumes in ticks times lots."""

    OPEN_MS = 0
    OPEN = 1
    HIGH = 2
    LOW = 3
    CLOSE = 4
    VOLUME = 5
    QUOTE = 6
    TRADES = 7
    TAKER = 8
    TAKER_QUOTE = 9
    FIRST_ID = 10
    LAST_ID = 11


_SUMS = [Field.VOLUME, Field.QUOTE, Field.TRADES, Field.TAKER, Field.TAKER_QUOTE]


def fold_columns(minutes: Ints, *, interval_ms: int) -> Ints:
    """Longer candles of one-minute ones in time order: the exchange's rule, where an empty minute sets no price."""
    opens = minutes[Field.OPEN_MS] // interval_ms * interval_ms
    starts = np.flatnonzero(np.diff(opens, prepend=-1))
    folded = np.empty((len(Field), len(starts)), dtype=np.int64)
    traded = minutes[Field.TRADES] > 0
    some = np.logical_or.reduceat(traded, starts) if len(starts) else traded
    place = np.arange(minutes.shape[1])
    first, last = _ends(traded, starts, place)
    folded[Field.OPEN_MS] = opens[starts]
    folded[Field.OPEN] = minutes[Field.OPEN, np.where(some, first, starts)]
    folded[Field.CLOSE] = minutes[Field.CLOSE, np.where(some, last, starts)]
    folded[Field.HIGH] = np.maximum.reduceat(np.where(traded, minutes[Field.HIGH], -1), starts)
    folded[Field.LOW] = np.minimum.reduceat(np.where(traded, minutes[Field.LOW], _FAR), starts)
    folded[Field.HIGH] = np.where(some, folded[Field.HIGH], minutes[Field.HIGH, starts])
    folded[Field.LOW] = np.where(some, folded[Field.LOW], minutes[Field.LOW, starts])
    folded[_SUMS] = np.add.reduceat(minutes[_SUMS], starts, axis=1)
    folded[Field.FIRST_ID] = np.where(some, minutes[Field.FIRST_ID, np.where(some, first, starts)], -1)
    folded[Field.LAST_ID] = np.maximum.reduceat(minutes[Field.LAST_ID], starts)
    return folded


def _ends(traded: Ints, starts: Ints, place: Ints) -> tuple[Ints, Ints]:
    first = np.minimum.reduceat(np.where(traded, place, _FAR), starts)
    last = np.maximum.reduceat(np.where(traded, place, -1), starts)
    return first, last


def empty_columns() -> Ints:
    """No candle."""
    return np.empty((len(Field), 0), dtype=np.int64)

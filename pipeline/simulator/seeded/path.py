"""The price path: octaves of interpolated noise, each finer one refining the coarser one's line."""

from math import isqrt

import numpy as np

from pipeline.simulator.seeded.listing import Listing
from pipeline.simulator.seeded.noise import Ints, around_zero

SLOT_MS = 2_000
"""The price stands still for this long."""
SLOTS_A_DAY = 43_200
_DAY_OCTAVES = (256, 64, 16, 4, 1)
"""Octaves longer than or equal to a day, in days."""
_REFINEMENTS = (4, 6, 3, 4, 5, 3, 10)
"""From a day down to a slot: 6 h, 1 h, 20 min, 5 min, 1 min, 20 s, 2 s."""
_FRACTION = 256
"""Path values count in this fraction of a level."""
_DAILY_PER_MILLE = 12
"""Amplitude of the one-day octave; the others follow the square root of their length."""


def day_levels(listing: Listing, day: int) -> Ints:
    """The level of the best bid in each of the 43,200 slots of ``day`` (days since the epoch)."""
    line = np.array([_day_start(listing, day), _day_start(listing, day + 1)], dtype=np.int64)
    parts = 1
    for ratio in _REFINEMENTS:
        parts *= ratio
        line = _refine(line, ratio)
        nodes = day * parts + np.arange(len(line))
        line += around_zero(listing.key(f"octave/{parts}"), nodes, amplitude=_amplitude(listing, 1, parts))
    return listing.base_level + (line[:-1] // _FRACTION)


def _refine(line: Ints, ratio: int) -> Ints:
    weights = np.arange(ratio, dtype=np.int64)
    inner = (line[:-1, None] * (ratio - weights) + line[1:, None] * weights) // ratio
    return np.append(inner.ravel(), line[-1])


def _day_start(listing: Listing, day: int) -> int:
    return sum(_long_octave(listing, day, length) for length in _DAY_OCTAVES)


def _long_octave(listing: Listing, day: int, length: int) -> int:
    node, into = divmod(day, length)
    nodes = np.array([node, node + 1], dtype=np.int64)
    ends = around_zero(listing.key(f"days/{length}"), nodes, amplitude=_amplitude(listing, length, 1))
    before, after = (int(end) for end in ends)
    return (before * (length - into) + after * into) // length


def _amplitude(listing: Listing, days: int, parts: int) -> int:
    daily = listing.base_level * _FRACTION * _DAILY_PER_MILLE // 1000
    return max(1, isqrt(daily * daily * days // parts))

"""The order book at any tenth of a second, and what changed since the one before."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.simulator.seeded.flow import SLOTS_AN_HOUR, hour_of
from pipeline.simulator.seeded.listing import Listing, price_ticks
from pipeline.simulator.seeded.noise import Ints, below, bits, hashes
from pipeline.simulator.seeded.path import SLOT_MS
from pipeline.simulator.wire import decimal8

STEP_MS = 100
STEPS_A_SLOT = SLOT_MS // STEP_MS
IDS_A_STEP = 8
"""Update ids a step takes; the book after step ``s`` is the book at id ``s * IDS_A_STEP``."""
LONGEST_STEPS = 600
ABSENT_OF_16 = 3
"""Of sixteen lifetimes of a level, this many are spent without a quantity."""

Side = dict[int, int]
"""Lots by level; 0 deletes."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What one step changed: lots by level, each side."""

    step: int
    bids: Side
    asks: Side


def mid_level(listing: Listing, step: int) -> int:
    """The best bid's level; the best ask is the next one up."""
    hour, slot = divmod(step // STEPS_A_SLOT, SLOTS_AN_HOUR)
    return int(hour_of(listing, hour).level[slot])


def best_lots(listing: Listing, slot: int) -> tuple[list[int], list[int]]:
    """The lots at the best bid and at the best ask after each of the slot's twenty steps."""
    first = slot * STEPS_A_SLOT
    mid, steps = mid_level(listing, first), np.arange(first, first + STEPS_A_SLOT)
    bid, ask = (_lots(listing, np.full(STEPS_A_SLOT, level), steps, mid).tolist() for level in (mid, mid + 1))
    return bid, ask


def sides_at(listing: Listing, step: int) -> tuple[Side, Side]:
    """All bids and asks after ``step``, as lots by level, best first."""
    mid, reach = mid_level(listing, step), listing.book_levels
    bids, asks = np.arange(mid, mid - reach, -1), np.arange(mid + 1, mid + 1 + reach)
    return _present(listing, bids, step=step, mid=mid), _present(listing, asks, step=step, mid=mid)


@lru_cache(maxsize=1024)
def changes_in_slot(listing: Listing, slot: int) -> tuple[Change, ...]:
    """The changes of the slot's twenty steps (``slot`` counted from the epoch)."""
    first = slot * STEPS_A_SLOT
    return (_change_of_slots(listing, first), *_changes_within(listing, first))


def side_levels(listing: Listing, side: Side) -> list[tuple[str, str]]:
    """A side as the venue writes it: (price, quantity) a level."""
    prices = price_ticks(listing, np.fromiter(side, dtype=np.int64, count=len(side))).tolist()
    tick, step = listing.tick, listing.step
    return [(decimal8(price * tick), decimal8(lots * step)) for price, lots in zip(prices, side.values(), strict=True)]


def _change_of_slots(listing: Listing, step: int) -> Change:
    """The first step of a slot, where the price may have moved: both books in full, compared."""
    old, new, reach = mid_level(listing, step - 1), mid_level(listing, step), listing.book_levels
    low, high = min(old, new), max(old, new)
    bids = np.arange(high, low - reach, -1)
    asks = np.arange(low + 1, high + 1 + reach)
    return Change(
        step, _moved(listing, bids, step, (old, new), side=-1), _moved(listing, asks, step, (old, new), side=1)
    )


def _moved(listing: Listing, levels: Ints, step: int, mids: tuple[int, int], *, side: int) -> Side:
    """Those of a side's levels that hold something else after ``step`` than before."""
    before, after = (
        np.where(
            _on_side(listing, levels, mid, side=side),
            _lots(listing, levels, np.full(len(levels), at), mid),
            0,
        )
        for mid, at in zip(mids, (step - 1, step), strict=True)
    )
    changed = before != after
    return dict(zip(levels[changed].tolist(), after[changed].tolist(), strict=True))


def _on_side(listing: Listing, levels: Ints, mid: int, *, side: int) -> NDArray[np.bool_]:
    """Whether each level belongs to that side (1 asks, -1 bids) of the book around ``mid``."""
    away = levels - mid if side > 0 else mid + 1 - levels
    return (away > 0) & (away <= listing.book_levels)


def _changes_within(listing: Listing, first: int) -> list[Change]:
    """The other steps, where the price stands still: only levels whose lifetime ends are looked at."""
    mid, reach = mid_level(listing, first), listing.book_levels
    levels = np.arange(mid + 1 - reach, mid + 1 + reach)
    touched, steps = _endings(listing, levels, first, mid)
    lots = _lots(listing, touched, steps, mid)
    changed = lots != _lots(listing, touched, steps - 1, mid)
    return _grouped(touched[changed], steps[changed], lots[changed], first=first, mid=mid)


def _endings(listing: Listing, levels: Ints, first: int, mid: int) -> tuple[Ints, Ints]:
    """The levels whose lifetime changes within the slot, and at which steps: by step, then by level."""
    periods, phases = _lifetimes(listing)
    spot = levels & 4095
    period = periods[spot]
    ends = period - (first + phases[spot]) % period
    places, into = [], []
    while len(soon := np.flatnonzero(ends < STEPS_A_SLOT)):
        places.append(soon)
        into.append(ends[soon])
        ends = np.where(ends < STEPS_A_SLOT, ends + period, ends)
    best = np.flatnonzero((levels == mid) | (levels == mid + 1))
    kept = [~np.isin(place, best) for place in places]
    numbers = np.arange(1, STEPS_A_SLOT)
    place = np.concatenate([*(p[k] for p, k in zip(places, kept, strict=True)), np.repeat(best, len(numbers))])
    step = np.concatenate([*(i[k] for i, k in zip(into, kept, strict=True)), np.tile(numbers, len(best))])
    order = np.lexsort((place, step))
    return levels[place[order]], first + step[order]


def _grouped(levels: Ints, steps: Ints, lots: Ints, *, first: int, mid: int) -> list[Change]:
    changes = [Change(first + number, {}, {}) for number in range(1, STEPS_A_SLOT)]
    for level, step, amount in zip(levels.tolist(), steps.tolist(), lots.tolist(), strict=True):
        change = changes[step - first - 1]
        (change.bids if level <= mid else change.asks)[level] = amount
    return changes


def _present(listing: Listing, levels: Ints, *, step: int, mid: int) -> Side:
    lots = _lots(listing, levels, np.full(len(levels), step), mid)
    kept = lots > 0
    return dict(zip(levels[kept].tolist(), lots[kept].tolist(), strict=True))


def _lots(listing: Listing, levels: Ints, steps: Ints, mid: int) -> Ints:
    """Each level's lots after its step, which lies in the slot with best bid ``mid``; 0 where there is none."""
    lives = _lives(listing, levels, steps, mid)
    dice = hashes(listing.key("quantity"), levels * 1_000_003 + lives)
    depth = np.minimum(np.abs(levels - mid), 40)
    size = 2 + below(dice, listing.mean_lots * 4) * (4 + depth) // 8
    absent = bits(dice, shift=0, width=4) < ABSENT_OF_16
    best = (levels == mid) | (levels == mid + 1)
    return np.where(best, 2 * size + (steps & 1), np.where(absent, 0, size))


def _lives(listing: Listing, levels: Ints, steps: Ints, mid: int) -> Ints:
    """Which of its lifetimes each level is in; at the best prices a lifetime is a single step."""
    periods, phases = _lifetimes(listing)
    spot = levels & 4095
    lives = (steps + phases[spot]) // periods[spot]
    return np.where((levels == mid) | (levels == mid + 1), steps, lives)


@lru_cache(maxsize=4096)
def _lifetimes(listing: Listing) -> tuple[Ints, Ints]:
    dice = hashes(listing.key("lifetime"), np.arange(4096))
    return 10 + bits(dice, shift=0, width=20) % (LONGEST_STEPS - 9), bits(dice, shift=32, width=20)

"""The order book at any tenth of a second, and what changed since the one before."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.simulator.seeded.flow import slots_of
from pipeline.simulator.seeded.listing import Listing, price_ticks
from pipeline.simulator.seeded.noise import Ints, below, bits, hashes
from pipeline.simulator.seeded.path import SLOT_MS, SLOTS_A_DAY
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
    day, slot = divmod(step // STEPS_A_SLOT, SLOTS_A_DAY)
    return int(slots_of(listing, day).level[slot])


def sides_at(listing: Listing, step: int) -> tuple[Side, Side]:
    """All bids and asks after ``step``, as lots by level, best first."""
    mid, reach = mid_level(listing, step), listing.book_levels
    bids, asks = np.arange(mid, mid - reach, -1), np.arange(mid + 1, mid + 1 + reach)
    return _present(listing, bids, step=step, mid=mid), _present(listing, asks, step=step, mid=mid)


@lru_cache(maxsize=256)
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
    pairs = zip(sides_at(listing, step - 1), sides_at(listing, step), strict=True)
    bids, asks = (
        {level: lots for level, lots in new.items() if old.get(level) != lots}
        | {level: 0 for level in old if level not in new}
        for old, new in pairs
    )
    return Change(step, bids, asks)


def _changes_within(listing: Listing, first: int) -> list[Change]:
    """The other steps, where the price stands still: only levels whose lifetime ends are looked at."""
    mid, reach = mid_level(listing, first), listing.book_levels
    levels = np.arange(mid + 1 - reach, mid + 1 + reach)
    lives = _lives(listing, levels, np.arange(first, first + STEPS_A_SLOT)[:, None], mid)
    rows, places = np.nonzero(lives[1:] != lives[:-1])
    touched, steps = levels[places], first + 1 + rows
    lots = _lots(listing, touched, steps, mid)
    changed = lots != _lots(listing, touched, steps - 1, mid)
    return _grouped(touched[changed], steps[changed], lots[changed], first=first, mid=mid)


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

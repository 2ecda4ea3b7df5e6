"""Single trades, made on demand from their slots: ids, times and quantities that add up exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.domain.interval import DAY_MS
from pipeline.simulator.seeded.flow import LISTED_DAY, SLOTS_AN_HOUR, DaySlots, hour_of, slots_of
from pipeline.simulator.seeded.listing import Listing
from pipeline.simulator.seeded.noise import Ints, bits, hashes
from pipeline.simulator.seeded.path import SLOT_MS


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """A run of trades in id order, as columns; ``buy`` is 1 where the taker bought."""

    ids: Ints
    time_ms: Ints
    price: Ints
    lots: Ints
    buy: Ints

    def __getitem__(self, part: slice) -> "Trades":
        return Trades(self.ids[part], self.time_ms[part], self.price[part], self.lots[part], self.buy[part])

    def until(self, time_ms: int) -> "Trades":
        """Those not after ``time_ms``."""
        return self[: int(np.searchsorted(self.time_ms, time_ms, side="right"))]


def trades_in_slots(listing: Listing, slots: DaySlots, *, first: int, last: int) -> Trades:
    """The trades of slots ``first`` up to but not including ``last``; ``slots`` has them all."""
    first, last = first - slots.start, last - slots.start
    counts = slots.trades[first:last]
    owner = np.repeat(np.arange(first, last), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    ids = slots.first_id[owner] + place
    dice = hashes(listing.key("trade"), ids)
    into = (SLOT_MS * place + bits(dice, shift=0, width=20) % SLOT_MS) // slots.trades[owner]
    lots = _split(slots.lots[first:last] - counts, counts=counts, weights=1 + bits(dice, shift=32, width=12))
    slot_ms = slots.day * DAY_MS + (owner + slots.start) * SLOT_MS
    return Trades(ids, slot_ms + into, slots.price[owner], lots + 1, slots.buy[owner])


def trades_by_id(listing: Listing, *, first: int, last: int) -> Trades:
    """The trades with ids from ``first`` to ``last``, both inclusive and at least 1."""
    parts = []
    for day in range(_day_of(listing, first), _day_of(listing, last) + 1):
        slots = slots_of(listing, day)
        start = int(np.searchsorted(slots.first_id, first, side="right")) - 1
        stop = int(np.searchsorted(slots.first_id, last, side="right"))
        run = trades_in_slots(listing, slots, first=max(0, start), last=stop)
        parts.append(run[int(np.searchsorted(run.ids, first)) : int(np.searchsorted(run.ids, last, side="right"))])
    return _joined(parts)


def kept_spans(
    span: tuple[int, int], lost: Sequence[tuple[int, int]], *, limit: int, newest: bool
) -> list[tuple[int, int]]:
    """The parts of ``span`` outside ``lost`` (ids, ends inclusive), at most ``limit`` ids: the oldest or the newest."""
    parts = [span]
    for gone in lost:
        parts = [part for whole in parts for part in _cut(whole, gone)]
    kept: list[tuple[int, int]] = []
    for first, last in sorted(parts, reverse=newest):
        take = min(limit, last - first + 1)
        if take > 0:
            kept.append((last - take + 1, last) if newest else (first, first + take - 1))
            limit -= take
    return sorted(kept)


def _cut(whole: tuple[int, int], gone: tuple[int, int]) -> list[tuple[int, int]]:
    """``whole`` without ``gone``."""
    if gone[0] > gone[1] or gone[1] < whole[0] or gone[0] > whole[1]:
        return [whole]
    parts = [(whole[0], gone[0] - 1), (gone[1] + 1, whole[1])]
    return [part for part in parts if part[0] <= part[1]]


def last_id_at(listing: Listing, time_ms: int) -> int:
    """The id of the newest trade not after ``time_ms``; 0 before the first."""
    day, into = divmod(time_ms, DAY_MS)
    if day < LISTED_DAY:
        return 0
    slots, slot = hour_of(listing, time_ms // SLOT_MS // SLOTS_AN_HOUR), into // SLOT_MS
    begun = trades_in_slots(listing, slots, first=slot, last=slot + 1).until(time_ms)
    return int(slots.first_id[slot - slots.start]) - 1 + len(begun.ids)


def _day_of(listing: Listing, trade_id: int) -> int:
    return LISTED_DAY + (trade_id - 1) // listing.trades_a_day


def _split(rest: Ints, *, counts: Ints, weights: Ints) -> Ints:
    if not len(weights):
        return weights
    busy = counts > 0
    starts = (np.cumsum(counts) - counts)[busy]
    running = np.cumsum(weights)
    before = np.repeat(running[starts] - weights[starts], counts[busy])
    total = np.repeat(np.add.reduceat(weights, starts), counts[busy])
    share = np.repeat(rest[busy], counts[busy])
    upto = share * (running - before) // total
    parts: Ints = np.diff(upto, prepend=0)
    parts[starts] = upto[starts]
    return parts


def _joined(parts: list[Trades]) -> Trades:
    return Trades(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.time_ms for part in parts]),
        np.concatenate([part.price for part in parts]),
        np.concatenate([part.lots for part in parts]),
        np.concatenate([part.buy for part in parts]),
    )

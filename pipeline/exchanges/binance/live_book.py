"""One symbol's book as ingest keeps it: cheap to change, able to say at any moment what its best prices are.

Levels are found by the price's number: a price of the exchange has at most fifteen significant digits, which a float
tells apart. What is published are the exchange's own texts.
"""

from heapq import heappop, heappush, nsmallest
from itertools import islice
from math import inf

from pipeline.domain.faults import GapError
from pipeline.domain.frames import BookFrame, DepthFrame, TextLevel, TickerFrame

Texts = tuple[str, str]
NEAR = 100
"""Levels at the top of a side among which its best price is looked for."""


class Side:
    """One side of a book: its levels by price, and a heap of the prices near the top.

    ``sign`` orders: -1 for bids (highest first), 1 for asks. ``edge`` is the worst price the snapshot told of; beyond
    it nothing is known, and such levels are not kept in what is published. The heap holds every price better than
    ``_far``; an entry outlives its level and is dropped when it comes to the top.
    """

    __slots__ = ("_far", "_heap", "_sign", "edge", "levels")

    def __init__(self, levels: list[TextLevel], *, sign: int, whole: bool) -> None:
        self.levels: dict[float, Texts] = {price: texts for (price, _quantity), texts in levels}
        self.edge = None if whole or not levels else levels[-1][0][0]
        self._sign = sign
        self._look_near()

    def apply(self, changes: list[TextLevel]) -> None:
        """Set and delete levels; quantities are absolute."""
        levels, heap, sign, far = self.levels, self._heap, self._sign, self._far
        for (price, quantity), texts in changes:
            if not quantity:
                levels.pop(price, None)
                continue
            if sign * price < far and price not in levels:
                heappush(heap, sign * price)
            levels[price] = texts

    def best(self) -> float | None:
        """The best price, None on an empty side."""
        heap, levels, sign = self._heap, self.levels, self._sign
        while heap and sign * heap[0] not in levels:
            heappop(heap)
        if not heap and levels:
            heap = self._look_near()
        return sign * heap[0] if heap else None

    @property
    def lost(self) -> bool:
        """Whether nothing that is known is left of a side that goes on."""
        best = self.best()
        return self.edge is not None and (best is None or not self.knows(best))

    @property
    def known(self) -> int:
        """How many levels lie within what the snapshot told of."""
        return sum(map(self.knows, self.levels))

    def top(self, limit: int) -> list[Texts]:
        """The texts of the best ``limit`` known levels, best first."""
        return [self.levels[price] for price in self._best(limit)]

    def prune(self, limit: int) -> None:
        """Forget what is unknown, or beyond ``limit`` levels; the heap loses its stale entries too."""
        best = self._best(limit + 1)
        if len(best) > limit:
            self.edge = best[limit - 1]  # what is forgotten is not known any more
        self.levels = {price: self.levels[price] for price in best[:limit]}
        self._look_near()

    def _best(self, limit: int) -> list[float]:
        known = filter(self.knows, sorted(self.levels, reverse=self._sign < 0))
        return list(islice(known, limit))

    def _look_near(self) -> list[float]:
        """Begin the heap anew with the best levels there are; ascending, so it is a heap."""
        self._heap = nsmallest(NEAR, [self._sign * price for price in self.levels])
        self._far = self._heap[-1] if len(self._heap) < len(self.levels) else inf
        return self._heap

    def knows(self, price: float) -> bool:
        """Whether the snapshot reached as far as this price."""
        return self.edge is None or self._sign * price <= self._sign * self.edge


class LiveBook:
    """A book at ``last_update_id``. Source: Binance, "How to manage a local order book correctly", steps 5 and 6."""

    __slots__ = ("asks", "bids", "event_ms", "last_update_id", "received_ms")

    def __init__(self, snapshot: BookFrame) -> None:
        self.last_update_id = snapshot.last_update_id
        self.received_ms = self.event_ms = snapshot.received_ms
        self.bids = Side(snapshot.bids, sign=-1, whole=snapshot.whole[0])
        self.asks = Side(snapshot.asks, sign=1, whole=snapshot.whole[1])

    def apply(self, diff: DepthFrame) -> bool:
        """Fold one difference in; False if the book already holds it. Raises GapError if ids are missing."""
        if diff.last_id <= self.last_update_id:
            return False
        if diff.first_id > self.last_update_id + 1:
            raise GapError(f"{diff.symbol}: expected update {self.last_update_id + 1}, the next starts {diff.first_id}")
        self.bids.apply(diff.bids)
        self.asks.apply(diff.asks)
        self.last_update_id, self.event_ms, self.received_ms = diff.last_id, diff.event_ms, diff.received_ms
        return True

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no true book is."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid >= ask

    @property
    def blind(self) -> bool:
        """Whether a side has moved beyond all that its snapshot told of: its best price is a guess."""
        return self.bids.lost or self.asks.lost

    def is_thin(self, levels: int) -> bool:
        """Whether a side that goes on beyond what the snapshot told has fewer known levels than ``levels``."""
        return any(side.edge is not None and side.known < levels for side in (self.bids, self.asks))

    def agrees(self, ticker: TickerFrame) -> bool:
        """Whether the best prices and quantities are those the exchange tells, number for number."""
        return _top_is(self.bids, ticker.bid) and _top_is(self.asks, ticker.ask)


def matched_levels(one: LiveBook, other: LiveBook, *, limit: int) -> tuple[int, int]:
    """(levels compared, levels equal) over the best ``limit`` a side of two books at the same update id."""
    compared = equal = 0
    for side, twin in ((one.bids, other.bids), (one.asks, other.asks)):
        common = min(len(side.top(limit)), len(twin.top(limit)))
        here, there = set(side.top(common)), set(twin.top(common))
        compared += len(here | there)
        equal += len(here & there)
    return compared, equal


def _top_is(side: Side, told: Texts) -> bool:
    price = side.best()
    held = side.levels.get(price) if price is not None else None
    if held is None:
        return float(told[1]) == 0
    return held == told or (float(held[0]), float(held[1])) == (float(told[0]), float(told[1]))

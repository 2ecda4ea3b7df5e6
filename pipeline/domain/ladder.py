"""A live order book of the exchange's own texts: two ladders in price order, exact, cheap to change and to show."""

from bisect import bisect_left
from collections.abc import Iterable

from pipeline.domain.book_texts import TextDiff, TextLevel, TextSnapshot
from pipeline.domain.faults import GapError

LADDER_LEVELS = 1_000
"""Levels a side that are kept: as many as a full book has."""
SLACK = 250
"""Levels beyond those kept, so that the worst are not cut off after every difference."""


class Ladder:
    """One side of a book: each level as it stands in JSON, ``[price,quantity]``, in price order.

    A price is told apart by its value, so ``1.5`` and ``1.50`` are one level; what is shown is the text that came last.
    Values are compared as doubles, which hold every price of up to fifteen digits apart.
    """

    __slots__ = ("_best_is_lowest", "_prices", "_rows")

    def __init__(self, levels: Iterable[TextLevel], *, best_is_lowest: bool) -> None:
        rows = {float(price): f"[{price},{quantity}]" for price, quantity in levels if quantity.strip("0.")}
        self._best_is_lowest = best_is_lowest
        self._prices = sorted(rows)
        self._rows = [rows[price] for price in self._prices]

    def set(self, levels: Iterable[TextLevel]) -> None:
        """Take absolute quantities; none of it left deletes the level."""
        prices, rows = self._prices, self._rows
        for text, quantity in levels:
            price = float(text)
            at = bisect_left(prices, price)
            known = at < len(prices) and prices[at] == price
            if not quantity.strip("0."):
                if known:
                    del prices[at], rows[at]
            elif known:
                rows[at] = f"[{text},{quantity}]"
            else:
                prices.insert(at, price)
                rows.insert(at, f"[{text},{quantity}]")

    def rows(self, limit: int) -> list[str]:
        """The best ``limit`` levels, best first."""
        return self._rows[:limit] if self._best_is_lowest else self._rows[: -limit - 1 : -1]

    @property
    def best(self) -> float | None:
        """The best price; None on an empty side."""
        return self._prices[0 if self._best_is_lowest else -1] if self._prices else None

    def prune(self) -> None:
        """Forget the worst levels where there are too many."""
        excess = len(self._prices) - LADDER_LEVELS
        if excess > SLACK:
            worst = slice(LADDER_LEVELS, None) if self._best_is_lowest else slice(excess)
            del self._prices[worst], self._rows[worst]

    def __len__(self) -> int:
        return len(self._prices)


class LadderBook:
    """One symbol's live book, folded from records by the same procedure as ``book.OrderBook``."""

    __slots__ = ("asks", "bids", "event_ms", "last_update_id", "received_ms")

    def __init__(self, snapshot: TextSnapshot) -> None:
        self.last_update_id = snapshot.last_update_id
        self.event_ms = snapshot.event_ms
        self.received_ms = snapshot.received_ms
        self.bids = Ladder(snapshot.bids, best_is_lowest=False)
        self.asks = Ladder(snapshot.asks, best_is_lowest=True)

    def apply(self, diff: TextDiff) -> bool:
        """Fold one difference in; False if the book already holds it. Raises GapError if ids are missing."""
        if diff.last_id <= self.last_update_id:
            return False
        if diff.first_id > self.last_update_id + 1:
            raise GapError(
                f"{diff.symbol}: expected update {self.last_update_id + 1}, the next one starts at {diff.first_id}"
            )
        self.bids.set(diff.bids)
        self.asks.set(diff.asks)
        self.bids.prune()
        self.asks.prune()
        self.last_update_id, self.event_ms, self.received_ms = diff.last_id, diff.event_ms, diff.received_ms
        return True

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no true book is."""
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid >= ask

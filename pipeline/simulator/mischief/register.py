"""The orders in force and the log of all there were; frames and answers ask it what to suffer."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from pipeline.simulator.mischief.answers import Answers
from pipeline.simulator.mischief.frames import Frames
from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.orders import FOREVER_MS, Order

STRIKING_AT_ONCE = frozenset({Kind.SILENCE, Kind.STALL, Kind.SLOW, Kind.SKEW})
LASTING = STRIKING_AT_ONCE | {Kind.SILENT_MINUTES, Kind.REFUSE}
"""Faults whose ``seconds`` say how long they are in force."""
MOST_LOGGED = 10_000


class Mischief:
    """Every fault in force, the newest last, and the log."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self.orders: list[Order] = []
        self.done: Counter[str] = Counter()
        self._log: list[Order] = []
        self._clock_ms = clock_ms
        self._numbers = 0
        self.frames = Frames(self)
        self.answers = Answers(self)

    @property
    def now_ms(self) -> int:
        """The time, which skew does not touch."""
        return self._clock_ms()

    def order(self, order: Order) -> None:
        """Put a fault in force."""
        self._note(order)
        fate = order.fate
        fate.left = order.count
        if order.kind in LASTING and (order.seconds or order.kind is not Kind.REFUSE):
            lasts = order.seconds or order.kind is not Kind.SKEW
            fate.left = FOREVER_MS
            fate.until_ms = fate.ordered_ms + int(order.seconds * 1_000) if lasts else FOREVER_MS
        if order.kind in STRIKING_AT_ONCE:
            self._strike(order)
        self.orders.append(order)

    def happened(self, order: Order) -> None:
        """Log a fault that was over at once."""
        self._note(order)
        self._strike(order)
        order.fate.ended_ms = order.fate.ordered_ms

    def take(self, kind: Kind, name: str) -> Order | None:
        """Use up one of an order's ``count`` on what is called ``name``."""
        if not self.orders:
            return None
        name = name.lower()
        order = next((one for one in self.orders if one.kind is kind and one.match in name), None)
        if order is not None:
            self.spend(order)
        return order

    def spend(self, order: Order) -> None:
        """Count one stroke of an order in force; the last one ends it."""
        self._strike(order)
        order.fate.left -= 1
        if order.fate.left <= 0:
            self._end(order, self.now_ms)

    def lasting(self, kind: Kind, name: str) -> Order | None:
        """The order in force that lasts and matches ``name``."""
        now_ms, name = self.now_ms, name.lower()
        return next(
            (one for one in self.orders if one.kind is kind and one.match in name and now_ms < one.fate.until_ms), None
        )

    def sweep(self) -> None:
        """End what has lasted long enough."""
        now_ms = self.now_ms
        for order in [one for one in self.orders if now_ms >= one.fate.until_ms]:
            self._end(order, order.fate.until_ms)

    def clear(self) -> None:
        """Everything works again."""
        self.sweep()
        for order in tuple(self.orders):
            self._end(order, self.now_ms)

    def log(self) -> list[dict[str, Any]]:
        """Every order there was, the latest ``MOST_LOGGED``, oldest first."""
        self.sweep()
        return [order.entry() for order in self._log]

    def _note(self, order: Order) -> None:
        order.match = order.match.lower()
        self._numbers += 1
        order.fate.number, order.fate.ordered_ms = self._numbers, self.now_ms
        self._log.append(order)
        del self._log[:-MOST_LOGGED]

    def _strike(self, order: Order) -> None:
        order.fate.struck += 1
        order.fate.begun_ms = order.fate.begun_ms or self.now_ms
        self.done[order.kind.value] += 1

    def _end(self, order: Order, at_ms: int) -> None:
        order.fate.ended_ms = at_ms
        self.orders.remove(order)

"""Which trades of one symbol have come: ids are consecutive, so what has not come is known exactly."""

from dataclasses import dataclass, field
from enum import Enum

MOST_HOLES = 1_000
"""Runs of missing ids held apart; beyond it neighbours are joined, and what lies between is fetched once more."""


MOST_JUMP = 10_000_000
"""Ids between a trade and the one before it: some days of the busiest market. More is a mistake, until repeated."""
MOST_STRAYS = 3


class Verdict(Enum):
    """What a trade is to what has come already."""

    NEW = "new"
    KNOWN = "known"
    STRAY = "stray"


@dataclass(slots=True)
class Hole:
    """Ids ``first … last`` that have not come, found at ``found_ms`` (our clock).

    ``after_ms`` is when the trade before them was made: they are not older. ``attempts`` counts the repairs tried.
    """

    first: int
    last: int
    after_ms: int
    found_ms: int
    attempts: int = 0
    not_before_ms: int = 0

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(slots=True)
class Coverage:
    """The trade ids that have come, as everything below ``next_id`` but the ``holes``, which lie in ascending order."""

    next_id: int | None = None
    time_ms: int = 0
    holes: list[Hole] = field(default_factory=list)
    jumps: int = 0
    """How often so many ids were passed over that nobody can fetch them."""
    _strays: int = 0

    def take(self, first: int, last: int, *, time_ms: int, now_ms: int) -> Verdict:
        """Count the ids ``first … last``, traded at ``time_ms``, as come."""
        expected = self.next_id
        if expected is None or first >= expected:
            if expected is not None and first > expected and not self._reaches(expected, first, now_ms):
                return Verdict.STRAY
            self._strays = 0
            self.next_id, self.time_ms = last + 1, time_ms
            return Verdict.NEW
        if last >= expected:
            self.next_id, self.time_ms = last + 1, time_ms
            self.fill(first, expected - 1)
            return Verdict.NEW
        return Verdict.NEW if self.fill(first, last) else Verdict.KNOWN

    def told(self, last: int, *, now_ms: int) -> bool:
        """Hear that trades up to ``last`` exist; whether some of them have not come and were not missed before."""
        expected = self.next_id
        if expected is None or not expected <= last < expected + MOST_JUMP:
            return False
        self._open(expected, last, now_ms)
        self.next_id = last + 1
        return True

    def fill(self, first: int, last: int) -> int:
        """Take ids out of the holes; how many were in one."""
        if not self.holes or last < self.holes[0].first:
            return 0
        filled, left = 0, []
        for hole in self.holes:
            low, high = max(hole.first, first), min(hole.last, last)
            if low > high:
                left.append(hole)
                continue
            filled += high - low + 1
            left += _around(hole, low, high)
        self.holes = left
        return filled

    @property
    def missing(self) -> int:
        """How many ids are in holes."""
        return sum(map(len, self.holes))

    def _reaches(self, expected: int, first: int, now_ms: int) -> bool:
        """Open the hole before ``first``; False for a first stray too far to be believed."""
        if first - expected <= MOST_JUMP:
            self._open(expected, first - 1, now_ms)
            return True
        self._strays += 1
        if self._strays < MOST_STRAYS:
            return False
        self.jumps += 1
        return True

    def _open(self, first: int, last: int, now_ms: int) -> None:
        self.holes.append(Hole(first, last, self.time_ms, now_ms))
        if len(self.holes) > MOST_HOLES:
            one, other = self.holes[:2]
            self.holes[:2] = [Hole(one.first, other.last, one.after_ms, one.found_ms)]


def _around(hole: Hole, low: int, high: int) -> list[Hole]:
    """What is left of a hole when ``low … high`` came: nothing, one end, or both."""
    ends = [(hole.first, low - 1), (high + 1, hole.last)]
    return [
        Hole(first, last, hole.after_ms, hole.found_ms, hole.attempts, hole.not_before_ms)
        for first, last in ends
        if first <= last
    ]

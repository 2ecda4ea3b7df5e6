"""Fills a range of one-minute history from the exchange's own candles, and says what became of every minute."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from pipeline.domain.comparison import Pair, Verdict
from pipeline.domain.interval import MINUTE_MS, minute_runs
from pipeline.stages.asking import PAGE
from pipeline.stages.mending import Mending

Page = tuple[str, int, int]
"""Symbol and half-open range of one request."""


@dataclass(slots=True)
class Ranges:
    """Half-open ranges of minutes, kept as few as they can be."""

    _opens: set[int] = field(default_factory=set)

    def add(self, open_ms: int) -> None:
        """One minute more."""
        self._opens.add(open_ms)

    @property
    def minutes(self) -> int:
        """How many there are."""
        return len(self._opens)

    def detail(self) -> dict[str, Any]:
        """``{minutes, ranges: [[start, end], …]}``, oldest first."""
        return {"minutes": self.minutes, "ranges": [list(run) for run in minute_runs(sorted(self._opens))]}


@dataclass(slots=True)
class Filled:
    """What became of one symbol's minutes; ``asked`` is the sum of the others."""

    asked: int = 0
    present: int = 0
    fetched: int = 0
    repaired: int = 0
    unavailable: Ranges = field(default_factory=Ranges)
    failed: Ranges = field(default_factory=Ranges)

    def take(self, pair: Pair) -> None:
        """Count one minute that was asked for."""
        self.asked += 1
        match pair.verdict:
            case Verdict.MISSING:
                self.fetched += 1
            case Verdict.DIFFERS:
                self.repaired += 1
            case Verdict.GAP:
                self.unavailable.add(pair.open_ms)
            case _:
                self.present += 1

    def lose(self, start_ms: int, end_ms: int) -> None:
        """Count the minutes of a page that never came."""
        for open_ms in range(start_ms, end_ms, MINUTE_MS):
            self.asked += 1
            self.failed.add(open_ms)

    def detail(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "asked": self.asked, "present": self.present, "fetched": self.fetched, "repaired": self.repaired,
            "unavailable": self.unavailable.detail(), "failed": self.failed.detail(),
        }  # fmt: skip


@dataclass(slots=True)
class Backfill:
    """Asks for every minute of a range, whatever is stored: the exchange rewrites old candles. Safe to run again."""

    mending: Mending
    filled: dict[str, Filled]

    async def run(self, symbols: Sequence[str], *, start_ms: int, end_ms: int, show: Callable[[int], None]) -> None:
        """Fill the half-open range, newest pages first; ``show`` is told how many minutes more are settled."""
        self.filled.update({symbol: Filled() for symbol in symbols})
        for symbol, from_ms, to_ms in pages(symbols, start_ms=start_ms, end_ms=end_ms):
            found = await self.mending.page(symbol, start_ms=from_ms, end_ms=to_ms)
            if found is None:
                self.filled[symbol].lose(from_ms, to_ms)
            for pair in found or ():
                self.filled[symbol].take(pair)
            show((to_ms - from_ms) // MINUTE_MS)
        if self.mending.shipment is not None:
            await self.mending.shipment.arrived()


def pages(symbols: Sequence[str], *, start_ms: int, end_ms: int) -> Iterator[Page]:
    """Requests that cover the range of every symbol, the newest of each before the next of any."""
    ends = range(end_ms, start_ms, -PAGE * MINUTE_MS)
    by_symbol = [[(symbol, max(start_ms, to_ms - PAGE * MINUTE_MS), to_ms) for to_ms in ends] for symbol in symbols]
    for rank in zip_longest(*by_symbol):
        yield from rank

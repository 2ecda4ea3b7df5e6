"""What a market must answer, so that the server only has to pace and send."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pipeline.domain.interval import Interval
from pipeline.simulator.roll import Roll


class Frame(NamedTuple):
    """One event ready to send: when it is due (market time, ms), its stream's name, its JSON; ``form`` if spoilt."""

    time_ms: int
    stream: str
    data: bytes
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KlineQuery:
    """Which klines: ``start_ms`` and ``end_ms`` bound the open times, inclusive; without a start the newest."""

    symbol: str
    interval: Interval = Interval.M1
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    def bounds(self, now_ms: int, *, listed_ms: int, missing: int = 0) -> tuple[int, int]:
        """(first, last) open time that hold the answer, both on the grid, where ``missing`` candles don't exist."""
        step, reach = self.interval.ms, self.limit - 1 + missing
        last = self.interval.open_ms(now_ms if self.end_ms is None else min(self.end_ms, now_ms))
        if self.start_ms is None:
            return last - reach * step, last
        first = -(-max(self.start_ms, listed_ms) // step) * step
        return first, min(last, first + reach * step)

    def picked(self, opens: Sequence[int]) -> Sequence[int]:
        """Which of these open times (ascending) the answer holds."""
        wanted = [open_ms for open_ms in opens if self._covers(open_ms)]
        return wanted[-self.limit :] if self.start_ms is None else wanted[: self.limit]

    def _covers(self, open_ms: int) -> bool:
        return (self.start_ms or 0) <= open_ms and (self.end_ms is None or open_ms <= self.end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeQuery:
    """Which aggregates: from an id, or between two times (ms, inclusive), or the newest."""

    symbol: str
    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500


class Market(Protocol):
    """A market: seeded or replayed. JSON comes in the venue's own spelling, rows as text."""

    concurrent: bool
    """Whether REST answers may be computed on another thread than the stream's."""
    lossless: bool
    """Whether a slow reader is waited for (a replay) or cut off (a live market)."""
    roll: Roll
    """What became of each symbol; ``symbols``, frames and answers follow it."""

    def now_ms(self) -> int:
        """The exchange's clock."""
        ...

    def start(self) -> None:
        """Somebody has subscribed."""
        ...

    def due(self, streams: Collection[str]) -> list[Frame]:
        """Everything on these streams since the last call up to now, in order."""
        ...

    def prepare(self, streams: Collection[str]) -> None:
        """Use an idle moment to work ahead."""
        ...

    def symbols(self) -> Sequence[str]:
        """Every listed symbol."""
        ...

    def listed(self, symbol: str) -> bool:
        """Whether ``symbol`` is traded here, named by ``symbols`` or not."""
        ...

    def symbol_info(self, symbol: str) -> Mapping[str, Any]:
        """The symbol's entry in exchangeInfo."""
        ...

    def klines(self, query: KlineQuery) -> list[str]:
        """Kline rows, oldest first."""
        ...

    def depth(self, symbol: str, *, limit: int) -> bytes:
        """The book, at most ``limit`` levels a side."""
        ...

    def aggregates(self, query: TradeQuery) -> list[str]:
        """Aggregate trades, oldest first."""
        ...

    def trades(self, symbol: str, *, limit: int) -> list[str]:
        """The newest trades, oldest first."""
        ...

    def book_at(self, symbol: str, update_id: int) -> bytes | None:
        """The whole book as it was at that update id, or None where there is none with it (yet)."""
        ...

    def trades_by_id(self, symbol: str, *, first: int, last: int) -> list[str]:
        """The trades there were, with ids from ``first`` to ``last``, as rows of ``/api/v3/trades``."""
        ...

    def status(self) -> Mapping[str, Any]:
        """Position (ms), end (ms or None) and whether it is done."""
        ...

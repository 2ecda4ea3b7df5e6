"""What became of each symbol: its status, and the stretches of time it has no data for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.domain.interval import MINUTE_MS

FOREVER_MS = 1 << 62
NO_DATA = ("BREAK", "DELISTED", "RENAMED")
_LEFT = ("DELISTED", "RENAMED")
Range = tuple[int, int]


class Stretch(NamedTuple):
    """A time without data, half-open, in whole minutes; ``all_data`` is False where only klines are missing."""

    start_ms: int
    end_ms: int
    all_data: bool = True


class Roll:
    """Statuses and stretches by symbol; as long as nothing is noted, every symbol is TRADING and complete."""

    def __init__(self) -> None:
        self._statuses: dict[str, str] = {}
        self._stretches: dict[str, list[Stretch]] = {}
        self._joined: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether anything is noted."""
        return bool(self._statuses or self._stretches)

    def lose(self, symbol: str, start_ms: int, end_ms: int = FOREVER_MS, *, all_data: bool = True) -> None:
        """The symbol has no data in the minutes that begin from ``start_ms`` up to ``end_ms``."""
        start_ms = whole_minute(start_ms)
        if start_ms < end_ms:
            self._stretches.setdefault(symbol, []).append(Stretch(start_ms, end_ms, all_data))

    def change(self, symbol: str, becomes: str, *, at_ms: int, renamed_to: str = "") -> None:
        """The symbol's status from now on; data ends or begins with the next whole minute after ``at_ms``."""
        minute_ms = whole_minute(at_ms)
        self._resume(symbol, minute_ms)
        self._statuses[symbol] = becomes
        if becomes in NO_DATA:
            self.lose(symbol, minute_ms)
        elif becomes == "CANCEL_ONLY":
            self.lose(symbol, minute_ms, all_data=False)
        if becomes == "RENAMED":
            self._joined[renamed_to] = minute_ms

    def clear(self, at_ms: int) -> None:
        """Every symbol trades again; what was lost stays lost."""
        for symbol in self._stretches:
            self._resume(symbol, whole_minute(at_ms))
        self._statuses.clear()
        self._joined.clear()

    def names(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Those of ``symbols`` still listed, and those that joined."""
        stayed = (symbol for symbol in symbols if not self.gone(symbol))
        return tuple(dict.fromkeys((*stayed, *self._joined)))

    def gone(self, symbol: str) -> bool:
        """Whether it was delisted or renamed."""
        return self._statuses.get(symbol) in _LEFT

    def entry(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """The exchangeInfo entry with the symbol's status of now."""
        status = self._statuses.get(info["symbol"], "TRADING")
        return {**info, "status": "BREAK" if status in _LEFT else status}

    def listed_ms(self, symbol: str) -> int:
        """When a symbol that took another's place began; 0 for any other."""
        return self._joined.get(symbol, 0)

    def lost(self, symbol: str, time_ms: int) -> bool:
        """Whether trades and book changes of that moment are missing."""
        return time_ms < self.listed_ms(symbol) or any(
            stretch.all_data and stretch.start_ms <= time_ms < stretch.end_ms
            for stretch in self._stretches.get(symbol, ())
        )

    def missing_klines(self, symbol: str) -> tuple[Range, ...]:
        """The ranges of minutes without a kline."""
        return tuple((start_ms, end_ms) for start_ms, end_ms, _ in self._stretches.get(symbol, ()))

    def missing_trades(self, symbol: str) -> tuple[Range, ...]:
        """The ranges of time without trades."""
        before = ((0, self.listed_ms(symbol)),) if symbol in self._joined else ()
        return (*before, *((one.start_ms, one.end_ms) for one in self._stretches.get(symbol, ()) if one.all_data))

    def book_ms(self, symbol: str, now_ms: int) -> int:
        """The moment whose book is shown at ``now_ms``: it stands still while there is no data."""
        starts = [start for start, end in self.missing_trades(symbol) if start <= now_ms < end and start]
        return min(starts) - 1 if starts else now_ms

    def _resume(self, symbol: str, minute_ms: int) -> None:
        """End what was still to last; a stretch that had not begun never comes."""
        kept: Iterable[Stretch] = self._stretches.get(symbol, ())
        ended = (one._replace(end_ms=min(one.end_ms, minute_ms)) if one.end_ms == FOREVER_MS else one for one in kept)
        self._stretches[symbol] = [one for one in ended if one.start_ms < one.end_ms]


def whole_minute(time_ms: int) -> int:
    """The first whole minute that begins at ``time_ms`` or after."""
    return -(-time_ms // MINUTE_MS) * MINUTE_MS

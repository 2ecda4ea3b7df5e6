"""Which one-minute candles of one symbol are still to be closed, told by the candles that came and by the clock."""

from dataclasses import dataclass, field

from pipeline.domain.candle import Candle
from pipeline.domain.interval import MINUTE_MS, Interval

OVERDUE_MS = 3_000
"""The closing frame comes within this of the minute's end; then the exchange is asked for the row."""
MOST_MISSING = 120
"""Minutes remembered as missing; what is older is left to the sweep of the store."""


@dataclass(slots=True)
class Minutes:
    """The minutes since this process follows: ``missing`` are over, by the exchange's clock, and not closed."""

    missing: dict[int, int] = field(default_factory=dict)
    """Open time -> how often it was asked for."""
    _expected_ms: int | None = None
    """The oldest minute that has neither come closed nor been found missing."""
    _early: set[int] = field(default_factory=set)
    """Minutes that came closed although an older one has not."""

    def take(self, candle: Candle) -> None:
        """Count a candle that came; the first one says where following begins."""
        if self._expected_ms is None or (not candle.closed and candle.open_ms < self._expected_ms - MINUTE_MS):
            self._expected_ms = candle.open_ms  # the first, or the clock had run ahead of the market
            self.missing = {open_ms: tries for open_ms, tries in self.missing.items() if open_ms < candle.open_ms}
        if not candle.closed:
            return
        self.missing.pop(candle.open_ms, None)
        if candle.open_ms >= self._expected_ms:
            self._early.add(candle.open_ms)
            while self._expected_ms in self._early:
                self._early.remove(self._expected_ms)
                self._expected_ms += MINUTE_MS

    def overdue(self, exchange_ms: int) -> list[int]:
        """Open times of minutes that should have been closed by ``exchange_ms``, oldest first."""
        if self._expected_ms is not None:
            self._expected_ms = max(self._expected_ms, Interval.M1.open_ms(exchange_ms) - MOST_MISSING * MINUTE_MS)
            while self._expected_ms + MINUTE_MS + OVERDUE_MS <= exchange_ms:
                self._pass(self._expected_ms)
                self._expected_ms += MINUTE_MS
        return sorted(self.missing)

    def again(self, open_ms: int) -> None:
        """Ask for this minute once more: what came for it is in doubt."""
        self.missing[open_ms] = 0

    def give_up(self, open_ms: int) -> None:
        """Ask no more for this minute: the exchange has none, or the sweep will see to it."""
        self.missing.pop(open_ms, None)

    def _pass(self, open_ms: int) -> None:
        if open_ms in self._early:
            self._early.remove(open_ms)
            return
        self.missing[open_ms] = 0
        if len(self.missing) > MOST_MISSING:
            del self.missing[min(self.missing)]

"""The exchange's request-weight limit as a plain object: how long to wait before the next request.

Source: binance-spot-api-docs, rest-api.md, "IP limits": weight a minute per IP, told back in a header; 429 and 418 name
the seconds to stay away, and whoever goes on is banned.
"""

from dataclasses import dataclass

from pipeline.domain.interval import MINUTE_MS

WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"


@dataclass(slots=True)
class WeightBudget:
    """How much of the minute's weight is used; leaves a reserve for whoever shares the address."""

    limit: int = 6_000
    reserve: int = 1_200
    _minute: int = 0
    _used: int = 0
    _blocked_until_ms: int = 0

    def wait_ms(self, weight: int, *, now_ms: int) -> int:
        """Milliseconds until a request of ``weight`` may go out; 0 is now, and then it counts as sent."""
        if now_ms < self._blocked_until_ms:
            return self._blocked_until_ms - now_ms
        self._turn(now_ms)
        if self._used and self._used + weight > self.limit - self.reserve:
            return MINUTE_MS - now_ms % MINUTE_MS
        self._used += weight
        return 0

    def told(self, used: int, *, now_ms: int) -> None:
        """Take the exchange's own count from the answer's header."""
        self._turn(now_ms)
        self._used = max(self._used, used)

    def block(self, seconds: float, *, now_ms: int) -> None:
        """Send nothing for ``seconds``, as a 429 or 418 demands."""
        self._blocked_until_ms = max(self._blocked_until_ms, now_ms + int(seconds * 1000))

    def _turn(self, now_ms: int) -> None:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0

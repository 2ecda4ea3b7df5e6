"""Candle intervals and the half-open UTC buckets they cut time into."""

from collections.abc import Iterable
from enum import Enum

MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Interval(Enum):
    """A candle's length; the value is the exchange's own name for it."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def minutes(self) -> int:
        """How many one-minute candles one candle of this interval is made of."""
        return _MINUTES[self.value]

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return self.minutes * MINUTE_MS

    def open_ms(self, time_ms: int) -> int:
        """Open time of the bucket that holds ``time_ms``; buckets align to the Unix epoch in UTC."""
        return time_ms - time_ms % self.ms

    def close_ms(self, open_ms: int) -> int:
        """Last millisecond of the bucket opened at ``open_ms``, inclusive, as the exchange stamps it."""
        return open_ms + self.ms - 1


_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}


def minute_runs(open_times: Iterable[int]) -> list[tuple[int, int]]:
    """The fewest half-open ranges that cover the minutes opened at ``open_times`` (ascending)."""
    runs: list[tuple[int, int]] = []
    for open_ms in open_times:
        if runs and runs[-1][1] == open_ms:
            runs[-1] = (runs[-1][0], open_ms + MINUTE_MS)
        else:
            runs.append((open_ms, open_ms + MINUTE_MS))
    return runs

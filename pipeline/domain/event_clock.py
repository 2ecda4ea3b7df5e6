"""The exchange's time as its events tell it: how late it is there now, and which event can't belong to its moment."""

from dataclasses import dataclass

AHEAD_MS, BEHIND_MS = 600_000, 3_600_000
"""An event so far from the events before it is a mistake of that event, not of the clock."""
MOST_STRAYS = 3
"""So many strays in a row are no strays: it is the clock that moved."""


@dataclass(slots=True)
class EventClock:
    """Goes with the newest event seen, and with our own clock since."""

    newest_ms: int = 0
    _seen_ms: int = 0
    _strays: int = 0

    def now(self, now_ms: int) -> int:
        """The exchange's time when our clock says ``now_ms``; 0 before the first event."""
        return self.newest_ms + max(0, now_ms - self._seen_ms) if self.newest_ms else 0

    def admits(self, event_ms: int, *, now_ms: int) -> bool:
        """Whether an event of that moment may have happened now; counts it if so."""
        if self.newest_ms and not -BEHIND_MS <= event_ms - self.now(now_ms) <= AHEAD_MS:
            self._strays += 1
            if self._strays < MOST_STRAYS:
                return False
            self.newest_ms = 0
        self._strays = 0
        if event_ms > self.newest_ms:
            self.newest_ms, self._seen_ms = event_ms, now_ms
        return True

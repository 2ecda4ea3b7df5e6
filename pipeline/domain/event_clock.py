"""The exchange's time as its events tell it: how late it is there now, and which event can't belong to its moment."""

from dataclasses import dataclass

AHEAD_MS, BEHIND_MS = 600_000, 3_600_000
"""An event so far from the events before it is a mistake of that event, not of the clock."""
STRAY_FOR_MS = 3_000
"""If nothing but strays comes for so long they are none: it is the clock that moved."""
OFF_MS, OFF_FOR_MS = 2_000, 1_000
"""Events further off than this move the clock only when all of them have been for so long: one alone moves nothing."""


@dataclass(slots=True)
class EventClock:
    """Goes with the events, and with our own clock between them.

    ``live`` is False for a recording, in which any time may follow any other.
    """

    live: bool = True
    newest_ms: int = 0
    _seen_ms: int = 0
    _stray_since_ms: int = 0
    _off_since_ms: int = 0

    def now(self, now_ms: int) -> int:
        """The exchange's time when our clock says ``now_ms``; 0 before the first event."""
        return self.newest_ms + max(0, now_ms - self._seen_ms) if self.newest_ms else 0

    def admits(self, event_ms: int, *, now_ms: int) -> bool:
        """Whether an event of that moment may have happened now; counts it if so."""
        if not self.newest_ms or not self.live:
            self._set(max(event_ms, self.newest_ms), now_ms)
            return True
        off_ms = event_ms - self.newest_ms - max(0, now_ms - self._seen_ms)
        if not -BEHIND_MS <= off_ms <= AHEAD_MS:
            return self._strays(event_ms, now_ms)
        self._stray_since_ms = 0
        if -OFF_MS <= off_ms <= OFF_MS:
            self._off_since_ms = 0
            if event_ms > self.newest_ms:
                self.newest_ms, self._seen_ms = event_ms, now_ms
        elif not self._off_since_ms:
            self._off_since_ms = now_ms
        elif now_ms - self._off_since_ms >= OFF_FOR_MS:
            self._set(event_ms, now_ms)
        return True

    def _strays(self, event_ms: int, now_ms: int) -> bool:
        self._stray_since_ms = self._stray_since_ms or now_ms
        if now_ms - self._stray_since_ms < STRAY_FOR_MS:
            return False
        self._set(event_ms, now_ms)
        return True

    def _set(self, event_ms: int, now_ms: int) -> None:
        self.newest_ms, self._seen_ms = event_ms, now_ms
        self._stray_since_ms = self._off_since_ms = 0

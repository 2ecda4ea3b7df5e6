"""Asked to stop: Ctrl-C, SIGTERM and SIGHUP, counted, so that a second one hurries."""

import signal
import time
from types import FrameType

SAME_REQUEST_S = 0.5
"""Signals closer than this are one request: a closing terminal and `timeout` send two at once."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts the requests to stop; while ``interrupting``, the first one raises KeyboardInterrupt as well."""

    def __init__(self) -> None:
        self.asked = 0
        self.interrupting = True
        self._last = float("-inf")
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            signal.signal(number, self._note)

    @property
    def hurried(self) -> bool:
        """Whether somebody asked twice."""
        return self.asked > 1

    def restore(self) -> None:
        """Give the signals back to who had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        self.asked += now - self._last >= SAME_REQUEST_S
        self._last = now
        if self.interrupting and self.asked == 1:
            raise KeyboardInterrupt

"""How far a download is: a bar that moves on a terminal, a line every tenth elsewhere. Standard library only."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30
_DRAW_EVERY_S = 0.1
_PRINT_EVERY_S = 1.0


class DownloadBar:
    """Progress of ``total`` bytes of ``what``, on standard error; ``advance`` may be called from several threads."""

    def __init__(
        self, what: str, total: int, *, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.arrived = 0
        self._what, self._total, self._clock = what, total, clock
        self._out = out or sys.stderr
        self._alive = self._out.isatty()
        self._lock = threading.Lock()
        self._began = clock()
        self._drawn = float("-inf") if self._alive else self._began

    def advance(self, count: int) -> None:
        """``count`` bytes more have arrived (negative: so many have to come again)."""
        with self._lock:
            before, self.arrived = self.arrived, self.arrived + count
            if self._alive:
                self._draw()
            elif self._tenth(before) != self._tenth(self.arrived):
                self._print()

    def line(self) -> str:
        """What is shown: how much of how much, how fast, how long still."""
        arrived, seconds = max(0, self.arrived), max(self._clock() - self._began, 1e-3)
        speed = arrived / seconds
        left = f", {(self._total - arrived) / speed:.0f} s left" if 0 < arrived < self._total else ""
        return f"{self._what}: {arrived / 1e6:.1f} of {self._total / 1e6:.1f} MB, {speed / 1e6:.1f} MB/s{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alive:
            self._draw(last=True)

    def _draw(self, *, last: bool = False) -> None:
        now = self._clock()
        if not last and now - self._drawn < _DRAW_EVERY_S:
            return
        self._drawn = now
        full = _WIDTH * min(max(0, self.arrived), self._total) // max(1, self._total)
        self._out.write(f"\r\x1b[K[{'#' * full}{'.' * (_WIDTH - full)}] {self.line()}" + "\n" * last)
        self._out.flush()

    def _print(self) -> None:
        now = self._clock()
        if self.arrived < self._total and now - self._drawn < _PRINT_EVERY_S:
            return
        self._drawn = now
        self._out.write(f"{self.line()}\n")
        self._out.flush()

    def _tenth(self, arrived: int) -> int:
        return arrived * 10 // max(1, self._total)

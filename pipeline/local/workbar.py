"""How far a long piece of work is, on standard error: a moving bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

PLAIN_EVERY_S = 10.0


class WorkBar:
    """Progress through ``total`` of ``unit``, named once it is known what there is to do."""

    def __init__(self, *, unit: str, clock: Callable[[], float] = time.monotonic, living: bool | None = None) -> None:
        self._unit, self._clock, self._told_at = unit, clock, clock()
        self._total = self._done = 0
        is_living = sys.stderr.isatty() if living is None else living
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True) if is_living else None
        self._task = self._bar.add_task(unit, total=None) if self._bar else None

    def begin(self, total: int) -> None:
        """So much there is to do."""
        self._total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def advance(self, count: int) -> None:
        """``count`` more are done."""
        self._done += count
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=count)
        elif self._clock() - self._told_at >= PLAIN_EVERY_S:
            self._told_at = self._clock()
            self.tell(f"{self._done:,} of {self._total:,} {self._unit}")

    def tell(self, line: str) -> None:
        """One line that stays."""
        if self._bar:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

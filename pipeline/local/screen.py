"""What the terminal shows of a stack: one living line a process on a terminal, one line a change elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.local.child import Child, State
from pipeline.local.logs import readable

Cells = tuple[str, ...]
_COLOURS = {State.RUNNING: "green", State.FAILED: "red", State.BACKOFF: "yellow"}


class Screen(Protocol):
    """Where a start reports to."""

    def say(self, line: str) -> None:
        """One line for the person who waits."""

    def changed(self, child: Child) -> None:
        """A process has another state now."""

    def show(self, children: Iterable[Child]) -> None:
        """The processes as they are; called a few times a second."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainScreen:
    """Lines on standard output, each with the seconds since the start."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def say(self, line: str) -> None:
        """Print the line."""
        print(f"{self._clock() - self._began:6.1f} s  {line}", flush=True)

    def changed(self, child: Child) -> None:
        """Print the state, and the end of the log where it failed."""
        for line in describe(child):
            self.say(line)

    def show(self, children: Iterable[Child]) -> None:
        """Say nothing: what changed was printed."""

    def close(self) -> None:
        """Nothing is held."""


class LiveScreen:
    """A table that stays at the bottom of the terminal, lines above it."""

    def __init__(self) -> None:
        self._console = Console()
        self._drawn: list[Cells] = []
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._live.start()

    def say(self, line: str) -> None:
        """Print the line above the table."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def changed(self, child: Child) -> None:
        """Print what went wrong; the table shows the rest."""
        if child.state in (State.FAILED, State.BACKOFF):
            for line in describe(child):
                self.say(line)

    def show(self, children: Iterable[Child]) -> None:
        """Draw the table anew where something changed."""
        rows = [cells_of(child) for child in children]
        if rows != self._drawn:
            self._drawn = rows
            self._live.update(table_of(rows), refresh=True)

    def close(self) -> None:
        """Leave the last table standing."""
        self._live.stop()


def open_screen() -> Screen:
    """The screen that suits standard output."""
    return LiveScreen() if sys.stdout.isatty() else PlainScreen()


def describe(child: Child) -> list[str]:
    """A process's state in words; a failed one with the last lines of its log."""
    where = f" on port {child.spec.port}" if child.spec.port else ""
    match child.state:
        case State.FAILED if child.cause:
            return [f"{child.spec.name} failed: {child.cause}"]
        case State.FAILED:
            head = f"{child.spec.name} failed ({child.last_end}) and is not restarted any more; from {child.log.path}:"
            return [head, *(f"    {readable(line)}" for line in child.log.last_lines())]
        case State.BACKOFF:
            return [f"{child.spec.name} died ({child.last_end}); trying again"]
        case _:
            return [f"{child.spec.name} {child.state.value}{where}"]


def cells_of(child: Child) -> Cells:
    """Name, state, pid, port and restarts, as text."""
    numbers = (child.pid, child.spec.port, child.restarts or None)
    return (child.spec.name, child.state.value, *("" if number is None else str(number) for number in numbers))


def table_of(rows: Iterable[Cells]) -> Table:
    """One line a process."""
    table = Table("process", "state", "pid", "port", "restarts", box=None, pad_edge=False)
    for name, state, *numbers in rows:
        table.add_row(name, Text(state, style=_COLOURS.get(State(state), "")), *numbers)
    return table

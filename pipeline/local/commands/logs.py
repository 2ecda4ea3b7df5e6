"""``./run logs``: what the processes of a stack printed last, and what they print now."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.places import root_of
from pipeline.local.state import logs_of
from pipeline.local.tails import Tail, last_lines, names_of

LINES = 20
_LOOK_EVERY_S = 0.2


@click.command
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on with what they print, until Ctrl-C.")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(min=0), default=LINES, show_default=True, help="Last lines of each."
)
def command(names: tuple[str, ...], follow: bool, count: int) -> None:
    """Show the last lines of the processes' logs, of all when none is named.

    Of several, one after the other, each line begins with the name of its process; with --follow the lines come as they
    are printed.
    """
    logs = logs_of(root_of(os.environ))
    chosen = choose(logs, names)
    tails = [Tail(logs / f"{name}.log") for name in chosen] if follow else []
    for name in chosen:
        _print(last_lines(logs / f"{name}.log", count), _prefix(name, chosen))
    if follow:
        _follow(tails, lambda: _newcomers(logs, tails) if not names else iter(()))


def choose(logs: Path, names: Sequence[str]) -> list[str]:
    """The named processes that have a log, or all. Raises MisconfiguredError naming those there are."""
    known = names_of(logs)
    if not known:
        raise MisconfiguredError(f"{logs} holds no log; start a stack with ./run, or set DATA_DIR to that of one")
    if unknown := [name for name in names if name not in known]:
        raise MisconfiguredError(f"{', '.join(unknown)} has no log in {logs}; there are {', '.join(known)}")
    return list(dict.fromkeys(names)) or known


def _follow(tails: list[Tail], newcomers: Callable[[], Iterator[Tail]]) -> None:
    try:
        while True:
            tails += newcomers()
            everyone = [tail.path.stem for tail in tails]
            for tail in tails:
                _print(tail.lines(), _prefix(tail.path.stem, everyone))
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        return


def _newcomers(logs: Path, tails: Sequence[Tail]) -> Iterator[Tail]:
    """Logs that were not there before, from their first line on."""
    known = {tail.path.stem for tail in tails}
    return (Tail(logs / f"{name}.log", from_start=True) for name in names_of(logs) if name not in known)


def _prefix(name: str, everyone: Sequence[str]) -> str:
    return f"{name:<{max(map(len, everyone))}} | " if len(everyone) > 1 else ""


def _print(lines: Sequence[str], prefix: str) -> None:
    for line in lines:
        click.echo(prefix + line)

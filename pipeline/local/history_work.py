"""What commands over a range of history share: their options, servers, progress, and how they end."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from pipeline.domain.faults import Fault
from pipeline.local.borrowed import archives_elsewhere, borrowed
from pipeline.local.ranges import moment, symbols_of, time_range
from pipeline.local.signals import StopSignals
from pipeline.local.workbar import WorkBar
from pipeline.stages.mending import Mending
from pipeline.upkeep import Job, Scope, UnknownSymbolError, Work, run

Function = TypeVar("Function", bound=Callable[..., Any])
INTERRUPTED = 130
WIDE = 160
_say = partial(click.echo, err=True)


@dataclass(slots=True)
class Ending:
    """How the work ended: over what (None if it did not begin), and what kept it from its end."""

    source: str = ""
    work: Work | None = None
    fault: Fault | None = None
    interrupted: bool = False

    def detail(self, scope: Scope) -> dict[str, Any]:
        """What every such command's JSON says first."""
        end_ms = self.work.end_ms if self.work else scope.end_ms
        return {
            "source": self.source, "start": scope.start_ms, "end": end_ms, "dryRun": scope.dry_run,
            "interrupted": self.interrupted, "error": str(self.fault) if self.fault else None,
        }  # fmt: skip

    def tell(self) -> None:
        """What kept it from its end, on standard error."""
        if self.interrupted:
            _say("interrupted: what is shown is done, what was sent is stored by the next that runs; give it again")
        if self.fault is not None:
            _say(f"run: {self.fault}")

    def status(self, *, good: bool) -> int:
        """The exit status, where the outcome as such is ``good``."""
        return INTERRUPTED if self.interrupted else 0 if good and self.fault is None else 1


def options(function: Function) -> Function:
    """The options every such command takes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else."),
        click.option("--end", metavar="TIME", help="The end, itself left out. Default: now."),
        click.option("--start", metavar="TIME", help="The start: a UTC date, a moment, or epoch milliseconds."),
        click.option("--symbols", metavar="A,B", help="Which markets. Default: all of SYMBOLS."),
    ):
        function = option(function)
    return function


def show_table(columns: Sequence[str], rows: Iterable[tuple[str, ...]], *, names: int) -> None:
    """Print a table on standard output, the columns after the first ``names`` flush right; wide where nobody looks."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < names else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(table)


def scope_of(
    symbols: str | None, start: str | None, end: str | None, *, dry_run: bool, default_start: Callable[[int], int]
) -> Scope:
    """What was asked for. Raises click.BadParameter."""
    start_ms, end_ms = time_range(start, end, now_ms=time.time_ns() // 1_000_000, default_start=default_start)
    archives = not archives_elsewhere(os.environ)
    return Scope(
        symbols=symbols_of(symbols), start_ms=start_ms, end_ms=end_ms, dry_run=dry_run, archives=archives
    )  # fmt: skip


def perform(scope: Scope, job: Callable[[Mending], Job]) -> Ending:
    """Do the job with the running stack's servers, or with ours for the moment; a second Ctrl-C hurries the stop.

    Raises click.BadParameter for an unknown symbol, and a Fault if the work could not begin.
    """
    ending = Ending()
    servers = ("mongod", "exchange") if scope.dry_run else ("mongod", "kafka", "exchange")
    with borrowed(os.environ, servers, tell=_say) as settings, WorkBar(unit="minutes") as bar:
        ending.source = settings.source_kind
        signals = StopSignals()
        try:
            run(settings, scope, job, partial(_begin, ending, bar, scope))
        except UnknownSymbolError as error:
            raise click.BadParameter(str(error), param_hint="--symbols") from error
        except KeyboardInterrupt:
            ending.interrupted = True
        except Fault as fault:
            if ending.work is None:
                raise
            ending.fault = fault
        finally:
            signals.restore()
    return ending


def _begin(ending: Ending, bar: WorkBar, scope: Scope, work: Work) -> Callable[[int], None]:
    ending.work = work
    bar.begin(work.minutes)
    if work.end_ms < scope.end_ms:
        bar.tell(f"up to {moment(work.end_ms)}: what came later is not yet settled at the exchange")
    return bar.advance

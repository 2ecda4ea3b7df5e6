"""``./run backfill``: a range of one-minute history from the exchange's own candles."""

import os
import sys
from collections.abc import Iterator

import click

from pipeline.domain import jsontext
from pipeline.local.commands.stage import stage_environment
from pipeline.local.history_work import Ending, options, perform, scope_of, show_table
from pipeline.local.ranges import days_before, moment
from pipeline.settings import Settings
from pipeline.stages.backfill import Backfill, Filled, Ranges
from pipeline.upkeep import Scope

RANGES_SHOWN = 20


@click.command
@options
@click.option("--dry-run", is_flag=True, help="Say what would be fetched and repaired, and change nothing.")
def command(symbols: str | None, start: str | None, end: str | None, as_json: bool, dry_run: bool) -> None:
    """Fill one-minute history from the exchange, and repair what differs from it.

    Every minute of the range (default: the last HISTORY_DAYS days) is asked for, whatever is stored: the exchange
    rewrites old candles. What lacks or differs goes through Kafka into MongoDB like any other candle, so the command
    may be interrupted and given again at any time. It uses the stack that runs on this DATA_DIR, or starts MongoDB and
    Kafka (and a simulated exchange) for the moment. Exit status: 0 all was answered, 1 not all, 2 bad input.
    """
    days = Settings.from_environment(stage_environment(os.environ)).history_days
    scope = scope_of(symbols, start, end, dry_run=dry_run, default_start=days_before(max(days, 1)))
    filled: dict[str, Filled] = {}
    ending = perform(scope, lambda mending: Backfill(mending, filled))
    if as_json:
        click.echo(jsontext.dumps(report(ending, scope, filled)))
    else:
        _show(ending, scope, filled)
    sys.exit(ending.status(good=not any(one.failed.minutes for one in filled.values())))


def report(ending: Ending, scope: Scope, filled: dict[str, Filled]) -> dict[str, object]:
    """The outcome as one object; minutes by symbol, ranges half-open in UTC epoch ms."""
    return {**ending.detail(scope), "symbols": {symbol: one.detail() for symbol, one in filled.items()}}


def _show(ending: Ending, scope: Scope, filled: dict[str, Filled]) -> None:
    words = ("to fetch", "to repair") if scope.dry_run else ("fetched", "repaired")
    columns = ("symbol", "asked", "already there", *words, "not available", "failed")
    show_table(columns, _rows(filled), names=1)
    lines = [
        line
        for symbol, one in filled.items()
        for line in (
            *_ranges(symbol, one.unavailable, "the exchange has no candle"),
            *_ranges(symbol, one.failed, "the exchange did not answer"),
        )
    ]
    for line in lines[:RANGES_SHOWN]:
        click.echo(line)
    if len(lines) > RANGES_SHOWN:
        click.echo(f"and {len(lines) - RANGES_SHOWN} more such ranges; --json names them all")
    ending.tell()


def _ranges(symbol: str, ranges: Ranges, what: str) -> list[str]:
    return [f"{symbol}: {what} from {moment(start)} to {moment(end)}" for start, end in ranges.detail()["ranges"]]


def _rows(filled: dict[str, Filled]) -> Iterator[tuple[str, ...]]:
    for symbol, one in filled.items():
        counts = (one.asked, one.present, one.fetched, one.repaired, one.unavailable.minutes, one.failed.minutes)
        yield (symbol, *(f"{count:,}" for count in counts))

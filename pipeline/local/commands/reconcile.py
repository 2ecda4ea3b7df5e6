"""``./run reconcile``: stored candles beside the exchange's own, at every interval."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from pipeline.domain import jsontext
from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval
from pipeline.local.history_work import Ending, options, perform, scope_of, show_table
from pipeline.local.ranges import moment, yesterday
from pipeline.stages.reconcile import Finding, Outcome, Reconcile
from pipeline.upkeep import Scope

FINDINGS_SHOWN = 10
FINDINGS_IN_JSON = 100
_FIELDS = (
    "open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume",
)  # fmt: skip


@click.command
@options
@click.option("--intervals", metavar="1m,1h", help="At which intervals. Default: all of 1m, 5m, 15m, 1h, 4h, 1d.")
@click.option("--dry-run", is_flag=True, help="Compare only: heal nothing and stamp nothing.")
def command(
    symbols: str | None, start: str | None, end: str | None, as_json: bool, intervals: str | None, dry_run: bool
) -> None:
    """Compare stored candles with the exchange's own at every interval, and heal what differs.

    Longer candles are compared as they are served: stored ones, or the fold of the minutes. Only buckets that lie
    whole in the range (default: yesterday and today, UTC) are. Minutes are healed by sending the exchange's through
    Kafka; what was equal is stamped with when it was found so. INCONSISTENT: every minute equals the exchange's, and
    its own longer candle is not what they add up to; nothing here can heal that. GAPS: candles that the exchange does
    not have either, or has of fewer minutes, which is a match.

    Exit status: 0 only if everything was as the exchange has it when it was looked at (so 1 where something was healed,
    and 0 the next time), 1 otherwise, 2 bad input.
    """
    scope = scope_of(symbols, start, end, dry_run=dry_run, default_start=yesterday)
    chosen, outcome = intervals_of(intervals), Outcome()
    ending = perform(scope, lambda mending: Reconcile(mending, outcome, chosen))
    if as_json:
        click.echo(jsontext.dumps(report(ending, scope, outcome)))
    else:
        _show(ending, outcome)
    sys.exit(ending.status(good=outcome.matched))


def intervals_of(text: str | None) -> tuple[Interval, ...]:
    """The intervals in a comma list, shortest first; all where nothing was given. Raises click.BadParameter."""
    if text is None:
        return tuple(Interval)
    words = {word.strip() for word in text.split(",") if word.strip()}
    known = {interval.value for interval in Interval}
    if not words or words - known:
        expected = ", ".join(interval.value for interval in Interval)
        raise click.BadParameter(f"{text!r}; expected some of {expected}", param_hint="--intervals")
    return tuple(interval for interval in Interval if interval.value in words)


def report(ending: Ending, scope: Scope, outcome: Outcome) -> dict[str, Any]:
    """The outcome as one object: ``matched``, counts by symbol and interval, the first differences."""
    symbols: dict[str, dict[str, Any]] = {}
    for (symbol, interval), tally in outcome.tallies.items():
        symbols.setdefault(symbol, {})[interval.value] = tally.detail()
    return {
        **ending.detail(scope), "matched": ending.status(good=outcome.matched) == 0, "symbols": symbols,
        "differences": [finding.detail() for finding in outcome.findings[:FINDINGS_IN_JSON]],
    }  # fmt: skip


def _show(ending: Ending, outcome: Outcome) -> None:
    columns = ("compared", "equal", "differ", "missing", "inconsistent", "gaps", "healed", "failed")
    show_table(("symbol", "interval", *columns), _rows(outcome), names=2)
    for finding in outcome.findings[:FINDINGS_SHOWN]:
        click.echo(line_of(finding))
    if outcome.off > FINDINGS_SHOWN:
        click.echo(f"and {outcome.off - FINDINGS_SHOWN} more; --json shows the first {FINDINGS_IN_JSON}")
    ending.tell()
    if ending.work is not None:
        click.echo(_verdict(outcome))


def _rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    for (symbol, interval), tally in outcome.tallies.items():
        counts = (
            tally.compared, tally.equal, tally.differ, tally.missing, tally.inconsistent, tally.exchange_gaps,
            tally.healed, tally.failed,
        )  # fmt: skip
        yield (symbol, interval.value, *(f"{count:,}" for count in counts))


def line_of(finding: Finding) -> str:
    """One difference with both values of what differs."""
    pair, where = finding.pair, f"{finding.symbol} {finding.interval.value} {moment(finding.pair.open_ms)}"
    after = ", healed" if finding.healed else ""
    if pair.ours is None:
        return f"{where}: {finding.verdict.value}: we have none, the exchange has {_prices(pair.theirs)}{after}"
    if pair.theirs is None:
        return f"{where}: {finding.verdict.value}: we have {_prices(pair.ours)}, the exchange has none{after}"
    return f"{where}: {finding.verdict.value}: {', '.join(_differing(pair.ours, pair.theirs))}{after}"


def _prices(candle: Candle | None) -> str:
    return f"{candle.open}/{candle.high}/{candle.low}/{candle.close}, volume {candle.volume}" if candle else "none"


def _differing(ours: Candle, theirs: Candle) -> Iterator[str]:
    for name in _FIELDS:
        one, other = getattr(ours, name), getattr(theirs, name)
        if one != other:
            yield f"{name.replace('_', ' ')} {one}, the exchange has {other}"


def _verdict(outcome: Outcome) -> str:
    if outcome.matched:
        return "everything is as the exchange has it"
    inconsistent = sum(tally.inconsistent for tally in outcome.tallies.values())
    healed = sum(tally.healed for tally in outcome.tallies.values())
    failed = sum(tally.failed for tally in outcome.tallies.values())
    said = [f"{outcome.off} candles were not as the exchange has them, {healed} of them are healed"]
    said += [f"{inconsistent} times the exchange contradicts itself"] if inconsistent else []
    said += [f"{failed} could not be asked for"] if failed else []
    return "; ".join(said)

"""One day's gaps, the books beside the exchange's, and what was counted, as tables and tiles."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component

from layouts.digits import UNKNOWN, spell
from layouts.parts.heatmap import lacking, percent
from layouts.parts.standing import lamp
from layouts.parts.table import Column, cell, head, nothing, number, row, table
from pipeline.domain.gap import Cause, Gap
from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.domain.quality import Counts, MarketTrust, Match, QualityDay

STALE_MS = 15_000


def day_detail(day: QualityDay, gaps: Sequence[Gap]) -> list[Component]:
    """What is known of one market's day: a sentence, and its gaps, oldest first."""
    told = html.P(
        [
            html.B(f"{day.symbol} · {day.date}"),
            f" {day.present:,} of {day.expected:,} minutes stored, {day.verified:,} verified"
            + (f". {lacking(day)}" if day.missing else ""),
        ],
        className="cs-day-words",
    )
    if not gaps:
        words = "No gap is known of this day." if not day.missing else "Nobody has looked into what lacks yet."
        return [told, nothing(words)]
    return [told, html.Div(gap_table(gaps, day_ms=day.day_ms), className="cs-scroll")]


def gap_table(gaps: Sequence[Gap], *, day_ms: int) -> Component:
    """One row a gap, with what of it lies outside the day said too."""
    return table(
        caption="Gaps of this day, times in UTC",
        class_name="cs-gaps",
        columns=[
            Column(name="From"),
            Column(name="To"),
            Column(name="Minutes", class_name="cs-num"),
            Column(name="Whose"),
            Column(name="Filled"),
            Column(name="Found", class_name="cs-wide"),
            Column(name="Why", class_name="cs-wide"),
        ],
        rows=[
            row(
                head(clock(gap.start, day_ms=day_ms)),
                cell(clock(gap.end, day_ms=day_ms)),
                number(f"{(gap.end - gap.start) // MINUTE_MS:,}"),
                cell(whose(gap)),
                cell(filled(gap, day_ms=day_ms)),
                cell(clock(gap.detected_ms, day_ms=day_ms), "cs-wide"),
                cell(gap.reason, "cs-wide"),
            )
            for gap in gaps
        ],
    )


def whose(gap: Gap) -> Component:
    """The exchange's gap is no fault of ours, so it is no alarm either."""
    if gap.cause is Cause.EXCHANGE:
        return html.Span([html.I("◇"), "exchange"], className="cs-lamp cs-theirs")
    return lamp("bad", "ours") if gap.is_open else lamp("good", "ours")


def filled(gap: Gap, *, day_ms: int) -> str:
    """When it was filled, that it was not, or that there is nothing to fill it with."""
    if gap.cause is Cause.EXCHANGE:
        return "never published"
    return clock(gap.healed_ms, day_ms=day_ms) if gap.healed_ms is not None else "not yet"


def clock(time_ms: int, *, day_ms: int) -> str:
    """``14:05``; with its date where that is another day, ``24:00`` for the end of this one."""
    if time_ms == day_ms + DAY_MS:
        return "24:00"
    when = datetime.fromtimestamp(time_ms / 1_000, UTC)
    return when.strftime("%H:%M" if day_ms <= time_ms < day_ms + DAY_MS else "%d %b %H:%M")


def book_table(markets: Sequence[MarketTrust], *, now_ms: int) -> Component:
    """One row a market: its book beside ``@bookTicker`` and beside a REST snapshot, and the trades that lack."""
    return table(
        caption="Our order book beside the exchange's best prices at equal update ids, and beside its snapshots",
        columns=[
            Column(name="Market"),
            Column(name="Book"),
            Column(name="Best prices", class_name="cs-num"),
            Column(name="Snapshot", class_name="cs-num"),
            Column(name="Audited", class_name="cs-num cs-wide"),
            Column(name="Resyncs", class_name="cs-num cs-wide"),
            Column(name="Trades"),
            Column(name="Data age", class_name="cs-num cs-wide"),
        ],
        rows=[_book_row(market, now_ms=now_ms) for market in markets],
    )


def _book_row(market: MarketTrust, *, now_ms: int) -> Component:
    age_ms = None if market.received_ms is None else max(0, now_ms - market.received_ms)
    audited = f"{spell(max(0, now_ms - market.audit.at_ms))} ago" if market.audit.at_ms is not None else UNKNOWN
    return row(
        head(market.symbol),
        cell(book_lamp(market.state)),
        number(share(market.ticker), match_class(market.ticker)),
        number(share(market.audit), match_class(market.audit)),
        number(audited, "cs-wide"),
        number(UNKNOWN if market.resyncs is None else f"{market.resyncs:,}", "cs-wide"),
        cell(trades_lamp(market)),
        number(spell(age_ms) if age_ms is not None else "no data", "cs-age cs-wide"),
        class_name="cs-stale" if age_ms is None or age_ms >= STALE_MS else "",
    )


def book_lamp(state: str | None) -> Component:
    """The state of a book in words."""
    if state == "synced":
        return lamp("good", "synced")
    return lamp("bad" if state == "failed" else "warn", state or "no book yet")


def trades_lamp(market: MarketTrust) -> Component:
    """Whether trades are known to lack."""
    trades = market.trades
    if trades.open:
        return lamp("bad", f"{trades.missing_ids:,} lack")
    filled_later = html.Span(f", {trades.healed:,} gaps filled", className="cs-wide")
    return html.Span([lamp("good", "whole"), filled_later if trades.healed else ""])


def share(match: Match) -> str:
    """``99.9 %`` rounded down; a dash before the first comparison."""
    return f"{percent(match.matched, match.compared)} %" if match.compared else UNKNOWN


def match_class(match: Match) -> str:
    """Stands out where something differed."""
    return "cs-lacking" if match.compared and match.matched < match.compared else ""


def tiles(counts: Counts) -> Component:
    """What the processes counted since they started."""
    weight = UNKNOWN
    if counts.weight_used is not None:
        weight = f"{counts.weight_used:,}" + (f" / {counts.weight_limit:,}" if counts.weight_limit is not None else "")
    told = (
        ("Dead letters", f"{counts.dead_letters:,}", "messages kept aside because they can't be read"),
        ("Minutes repaired", _count(counts.repaired_minutes), "closed by REST where the stream did not"),
        ("Trades repaired", _count(counts.repaired_trades), "fetched again by id"),
        ("Book resyncs", _count(counts.resyncs), "begun anew after a gap"),
        ("Request weight", weight, "of this minute, of what the exchange allows"),
    )
    return html.Dl([_tile(name, value, words) for name, value, words in told], className="cs-tiles")


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _tile(name: str, value: str, words: str) -> Component:
    return html.Div([html.Dt(name), html.Dd(value), html.Dd(words, className="cs-tile-words")])

"""The heat-map of markets by UTC days: a table of buttons, each with its share as figure, mark and pattern."""

from collections.abc import Mapping, Sequence
from datetime import date

from dash import html
from dash.development.base_component import Component

from layouts.parts.attributes import aria, data
from layouts.parts.table import Column, cell, head, row, table
from pipeline.domain.quality import QualityDay

MARKS = {"whole": "✓", "exchange": "◇", "slight": "▲", "some": "▲", "much": "✕"}
LEVELS = {
    "whole": "every minute is there",
    "exchange": "the exchange has no more either",
    "slight": "less than 1 % lacks",
    "some": "less than 10 % lacks",
    "much": "more lacks",
}
VERIFIED = {"all": ("●", "verified"), "part": ("◐", "partly verified"), "none": ("○", "not verified yet")}
_SLIGHT, _SOME = 0.99, 0.9


def level(day: QualityDay) -> str:
    """One of ``LEVELS``: how complete a day is, and whose hole it has."""
    if not day.missing:
        return "whole"
    if day.missing == day.exchange:
        return "exchange"
    complete = day.present / day.expected
    return "slight" if complete >= _SLIGHT else "some" if complete >= _SOME else "much"


def verified(day: QualityDay) -> str:
    """One of ``VERIFIED``: how much of what is stored was found equal to the exchange's own."""
    if not day.verified:
        return "none"
    return "all" if day.verified >= day.present else "part"


def percent(part: int, whole: int) -> str:
    """``99.9``, rounded down, so that only all of it is ``100``."""
    if not whole or part >= whole:
        return "100"
    tenths = 1_000 * part // whole
    return f"{tenths // 10}" if tenths < 100 else f"{tenths / 10:.1f}"


def heatmap(days: Sequence[QualityDay]) -> Component:
    """One row a market in their order, one column a day, the newest first."""
    dates = sorted({day.date for day in days}, reverse=True)
    rows: dict[str, dict[str, QualityDay]] = {}
    for day in days:
        rows.setdefault(day.symbol, {})[day.date] = day
    return table(
        caption="Minutes stored of those expected, in per cent, by UTC day; a cell tells of its gaps",
        class_name="cs-heat",
        columns=[Column(name="Market"), *(Column(name=short_date(each), class_name="cs-day-head") for each in dates)],
        rows=[_row(symbol, dates, found, is_first=place == 0) for place, (symbol, found) in enumerate(rows.items())],
    )


def _row(symbol: str, dates: Sequence[str], found: Mapping[str, QualityDay], *, is_first: bool) -> Component:
    cells = [_cell(found.get(each), reached=is_first and place == 0) for place, each in enumerate(dates)]
    return row(head(symbol), *cells)


def _cell(day: QualityDay | None, *, reached: bool) -> Component:
    if day is None:
        return cell(html.Span("·", className="cs-day-none", title="Nothing was expected"), "cs-day-cell")
    return cell(day_button(day, reached=reached), "cs-day-cell")


def day_button(day: QualityDay, *, reached: bool = False) -> Component:
    """A day: what is complete above, what is verified below; the arrow keys move between days (``quality.js``).

    ``reached`` is the one that Tab comes to first.
    """
    how = level(day)
    mark, _ = VERIFIED[verified(day)]
    return html.Button(
        type="button",
        className="cs-day",
        tabIndex="0" if reached else "-1",
        children=[
            html.Span([html.I(MARKS[how]), percent(day.present, day.expected)], className="cs-day-share"),
            html.Span(
                [html.I(mark), html.Span(percent(day.verified, day.expected), className="cs-wide"), _healed(day)],
                className="cs-day-verified",
            ),
        ],
        **aria(label=spoken(day)),
        **data(level=how, day=f"{day.symbol}|{day.day_ms}"),
    )


def _healed(day: QualityDay) -> Component | str:
    return html.I("↻", className="cs-day-healed") if day.healed else ""


def spoken(day: QualityDay) -> str:
    """A day in one sentence, as a screen reader says it."""
    parts = [f"{day.symbol} {day.date}: {day.present:,} of {day.expected:,} minutes"]
    if day.missing:
        parts.append(lacking(day))
    parts.append(f"{percent(day.verified, day.expected)} % verified")
    if day.healed:
        parts.append(f"{day.healed:,} filled later")
    return ", ".join(parts)


def lacking(day: QualityDay) -> str:
    """``12 lack: 3 the exchange's, 9 unexplained``."""
    named = ((day.exchange, "the exchange's"), (day.ours, "ours"), (day.unexplained, "unexplained"))
    return f"{day.missing:,} lack: " + ", ".join(f"{count:,} {whose}" for count, whose in named if count)


def short_date(text: str) -> str:
    """``23 Nov`` of ``2026-11-23``."""
    return date.fromisoformat(text).strftime("%d %b")


def _sample(how: str) -> Component:
    return html.Span(MARKS[how], className="cs-day cs-day-sample", **data(level=how), **aria(hidden="true"))


def legend() -> Component:
    """What the patterns and marks mean."""
    levels = [html.Li([_sample(how), words]) for how, words in LEVELS.items()]
    marks = [html.Li([html.I(mark), words]) for mark, words in (*VERIFIED.values(), ("↻", "filled later"))]
    return html.Ul([*levels, *marks], className="cs-legend-list", **aria(label="What the marks mean"))

"""The data quality page: what is stored of each day and how far it is verified, whose the gaps are, how books match."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts.parts.board import board
from layouts.parts.choice import choice
from layouts.parts.heatmap import legend
from layouts.parts.navigation import QUALITY
from layouts.parts.panel import body_id, panel
from layouts.parts.table import nothing

EVERY_MS = 4_000
"""More than a store that hangs takes to be given up, or no answer would ever be the newest."""
SLOW_EVERY_MS = 20_000

DAYS = "quality-days"
DAY_CHOICES = {"7": "7 days", "14": "14 days", "30": "30 days"}
SLOW_BEAT = "slow-beat"
CHOSEN = "quality-chosen"
"""``BTCUSDT|1700006400000``: the market and the day whose gaps are shown; written by ``quality.js``."""
SUMMARY = "quality-summary"
HEAT, DAY, BOOKS, COUNTS = "heat-panel", "day-panel", "books-panel", "counts-panel"


def quality_page(*, source: str) -> Component:
    """The whole page; its panels are filled in by callbacks."""
    return board(
        path=QUALITY,
        title="Data quality",
        source=source,
        every_ms=EVERY_MS,
        lead=[html.P(id=SUMMARY, className="cs-board-lead")],
        panels=[
            html.Div(
                className="cs-quality",
                children=[
                    _panel(HEAT, "Days", extra=[day_picker()], below=[legend()]),
                    _panel(DAY, "One day", waiting="Choose a day above: its gaps are told here."),
                    _panel(COUNTS, "Repairs and requests"),
                    _panel(BOOKS, "Order books and trades"),
                ],
            ),
            dcc.Interval(id=SLOW_BEAT, interval=SLOW_EVERY_MS),
            dcc.Store(id=CHOSEN),
        ],
    )


def day_picker() -> Component:
    """How many UTC days are shown."""
    return html.Fieldset(
        [html.Legend("Days shown", className="visually-hidden"), choice(DAYS, options=DAY_CHOICES, value="7")],
        className="cs-choice",
    )


def _panel(
    panel_id: str, title: str, *, extra: list[Component] | None = None, below: list[Component] | None = None,
    waiting: str = "Loading",
) -> Component:  # fmt: skip
    return panel(
        panel_id,
        title=title,
        class_name=f"cs-{panel_id}",
        extra=extra,
        body=[html.Div(id=body_id(panel_id), className="cs-scroll", children=nothing(waiting)), *(below or [])],
    )

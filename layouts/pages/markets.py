"""The markets page: every followed market by what it did over a window."""

from dash import html
from dash.development.base_component import Component

from layouts.parts.board import board
from layouts.parts.choice import choice
from layouts.parts.navigation import MARKETS
from layouts.parts.panel import panel
from layouts.parts.table import nothing

WINDOWS = ("1m", "5m", "15m", "1h", "4h", "24h")
GAINERS, LOSERS = "gainers", "losers"
ORDERS = {GAINERS: "Top gainers", LOSERS: "Top losers"}
EVERY_MS = 4_000

WINDOW = "window"
ORDER = "order"
PANEL = "ranking-panel"
TABLE = "ranking-table"
SUMMARY = "ranking-summary"


def markets_page(*, source: str) -> Component:
    """The whole page; its rows are filled in by a callback."""
    return board(
        path=MARKETS,
        title="Markets",
        source=source,
        every_ms=EVERY_MS,
        lead=[html.P(id=SUMMARY, className="cs-board-lead")],
        panels=[
            panel(
                PANEL,
                title="Ranking",
                extra=[_named("Order", choice(ORDER, options=ORDERS, value=GAINERS)), window_picker()],
                body=[html.Div(id=TABLE, className="cs-scroll", children=nothing("Loading the markets"))],
            )
        ],
    )


def window_picker() -> Component:
    """One choice of the windows, the last 24 hours at first."""
    return _named("Window", choice(WINDOW, options={each: each for each in WINDOWS}, value=WINDOWS[-1]))


def _named(name: str, picker: Component) -> Component:
    return html.Fieldset([html.Legend(name, className="visually-hidden"), picker], className="cs-choice")

"""The system page: what an operator wants at a glance."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts.parts.attributes import data
from layouts.parts.board import board
from layouts.parts.navigation import SYSTEM
from layouts.parts.panel import body_id, panel
from layouts.parts.table import nothing

EVERY_MS = 4_000
"""More than a store that hangs takes to be given up, or no answer would ever be the newest."""
SLOW_EVERY_MS = 20_000

SLOW_BEAT = "slow-beat"
VERDICT = "system-verdict"
STORES, PROCESSES, MARKETS = "stores-panel", "processes-panel", "freshness-panel"
HISTORY, QUALITY = "history-panel", "quality-panel"
PANELS = {
    PROCESSES: "Processes", STORES: "Stores", HISTORY: "History", QUALITY: "Stored minutes", MARKETS: "Markets",
}  # fmt: skip


def system_page(*, source: str) -> Component:
    """The whole page; its panels are filled in by callbacks."""
    return board(
        path=SYSTEM,
        title="System",
        source=source,
        every_ms=EVERY_MS,
        lead=[verdict()],
        panels=[
            html.Div(className="cs-system", children=[_panel(name, title) for name, title in PANELS.items()]),
            dcc.Interval(id=SLOW_BEAT, interval=SLOW_EVERY_MS),
        ],
    )


def verdict() -> Component:
    """The state of everything in one sentence."""
    return html.P("Asking", id=VERDICT, className="cs-verdict", role="status", **data(level="asking"))


def _panel(panel_id: str, title: str) -> Component:
    return panel(
        panel_id,
        title=title,
        class_name=f"cs-{panel_id}",
        body=[html.Div(id=body_id(panel_id), className="cs-scroll", children=nothing("Loading"))],
    )

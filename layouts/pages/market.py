"""The market page: one market's chart, book, depth and trades."""

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, theme
from layouts.figures.depth import depth_figure
from layouts.parts.attributes import data
from layouts.parts.chart import chart_panel
from layouts.parts.header import Option, header
from layouts.parts.ladder import ladder_panel
from layouts.parts.panel import panel
from layouts.parts.trades import trades_panel
from pipeline.domain.interval import Interval

POLL_MS = 1_000
SLOW_POLL_MS = 2_000
REVIEW_POLL_MS = 30_000
"""How long a bar beyond the newest few may stay as it was drawn after it was repaired."""


def market_page(*, options: Sequence[Option], symbol: str, push_port: int) -> Component:
    """The whole page; ``push_port`` tells the glue where on this host the push process listens."""
    return html.Div(
        id="page",
        className="cs-page",
        children=[
            header(options=options, symbol=symbol),
            html.Main(
                className="cs-grid",
                children=[chart_panel(interval=Interval.M1), ladder_panel(), trades_panel(), depth_panel()],
            ),
            *_beats(),
            *_stores(),
        ],
        **data(push_port=str(push_port)),
    )


def depth_panel() -> Component:
    """Cumulative bids and asks."""
    return panel(
        ids.DEPTH_PANEL,
        title="Depth",
        class_name="cs-depth",
        body=[
            dcc.Graph(
                id=ids.DEPTH,
                figure=depth_figure(None),
                config=theme.CONFIG | {"responsive": True},
                className="cs-plot",
                responsive=True,
            )
        ],
    )


def _beats() -> list[Component]:
    beats = {ids.POLL: POLL_MS, ids.SLOW_POLL: SLOW_POLL_MS, ids.REVIEW_POLL: REVIEW_POLL_MS}
    return [dcc.Interval(id=beat, interval=interval) for beat, interval in beats.items()]


def _stores() -> list[Component]:
    names = (ids.MARKETS, ids.FIGURE, ids.REVIEW, ids.TICK, ids.HAVE, ids.BOOK, ids.TRADES, ids.FEED)
    return [
        *(dcc.Store(id=name) for name in names),
        dcc.Store(id=ids.RELOAD, data=0),
        dcc.Store(id=ids.REFETCH, data=0),
    ]

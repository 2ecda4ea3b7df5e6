"""The trades feed: a fixed pool of rows, newest on top, rewritten in place by ``trades.js``."""

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts.attributes import aria
from layouts.parts.panel import panel

ROWS = 45
"""Rows in the pool."""


def trades_panel() -> Component:
    """Price with the taker's direction, quantity, and the exchange's time in UTC."""
    return panel(
        ids.TRADES_PANEL,
        title="Trades",
        class_name="cs-trades",
        body=[
            html.Div(
                className="cs-row cs-row-head",
                children=[html.Span("Price"), html.Span("Size"), html.Span("Time (UTC)")],
            ),
            html.Div(
                id="trades-rows",
                className="cs-rows",
                role="table",
                children=[_row() for _ in range(ROWS)],
                **aria(label="Latest trades, newest first"),
            ),
        ],
    )


def _row() -> Component:
    return html.Div(
        className="cs-row cs-trade",
        role="row",
        children=[
            html.Span(className="cs-price", role="cell"),
            html.Span(className="cs-size", role="cell"),
            html.Span(className="cs-time", role="cell"),
        ],
    )

"""The order-book ladder: a fixed pool of rows whose text the browser glue (``ladder.js``) rewrites in place."""

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts.attributes import aria
from layouts.parts.panel import panel

LEVELS = 20
"""Rows a side; as many as a pushed book carries."""


def ladder_panel() -> Component:
    """Asks above, the spread between, bids below; the best prices meet in the middle."""
    return panel(
        ids.LADDER_PANEL,
        title="Order book",
        class_name="cs-ladder",
        body=[
            html.Div(
                className="cs-row cs-row-head",
                children=[html.Span("Price"), html.Span("Size"), html.Span("Total")],
            ),
            _side("asks"),
            _spread(),
            _side("bids"),
        ],
    )


def _side(side: str) -> Component:
    return html.Div(
        id=f"ladder-{side}",
        className=f"cs-side cs-{side}",
        role="table",
        children=[_row(side) for _ in range(LEVELS)],
        **aria(label=f"{side}, best first"),
    )


def _row(side: str) -> Component:
    colour = "cs-up" if side == "bids" else "cs-down"
    return html.Div(
        className="cs-row cs-level",
        role="row",
        children=[
            html.I(className="cs-bar", **aria(hidden="true")),
            html.Span(className=f"cs-price {colour}", role="cell"),
            html.Span(className="cs-size", role="cell"),
            html.Span(className="cs-total", role="cell"),
        ],
    )


def _spread() -> Component:
    return html.Div(
        id="ladder-spread",
        className="cs-spread",
        children=[
            html.Span(id="ladder-last", className="cs-last"),
            html.Span(id="ladder-gap", className="cs-gap", title="Best ask less best bid"),
        ],
    )

"""How the data arrives, and how old it is: the words are chosen by ``feed.js``, which alone sees the sockets."""

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts.attributes import aria, data


def connection() -> Component:
    """A dot, the state in words, and the age of the newest datum."""
    return html.Div(
        id=ids.CONNECTION,
        className="cs-connection",
        role="status",
        children=[
            html.I(className="cs-dot", **aria(hidden="true")),
            html.Span("Connecting", className="cs-connection-state"),
            html.Span(className="cs-connection-age", **aria(live="off")),
        ],
        **data(state="connecting"),
    )

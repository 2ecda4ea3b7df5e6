"""What the pages of tables share: the header, the beat they ask at, and the words about the server's last answer.

The beat is polled; ``board.js`` says how long the server has not answered and greys what is old by then.
"""

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from layouts.parts.attributes import aria, data
from layouts.parts.header import source_badge
from layouts.parts.navigation import navigation

BEAT = "beat"
ANSWERED = "answered"
"""When the server made its last answer, UTC epoch milliseconds by its clock: changes with each."""
CONNECTION = "board-connection"


def board(
    *, path: str, title: str, source: str, every_ms: int, lead: Sequence[Component], panels: Sequence[Component]
) -> Component:
    """A page at ``path`` that asks again every ``every_ms``; ``lead`` stands beside its title, above the panels."""
    return html.Div(
        id="page",
        className="cs-page cs-board-page",
        children=[
            board_header(path=path, source=source),
            html.Main(
                className="cs-board",
                children=[
                    html.Div(className="cs-board-head", children=[html.H1(title), *lead]),
                    *panels,
                ],
            ),
            dcc.Interval(id=BEAT, interval=every_ms),
            dcc.Store(id=ANSWERED),
        ],
        **data(silent="no"),
    )


def board_header(*, path: str, source: str) -> Component:
    """Brand, navigation, where the data comes from, and whether the server answers."""
    return html.Header(
        className="cs-header",
        children=[
            html.Div("Candlestream", className="cs-brand"),
            navigation(current=path),
            html.Div(
                className="cs-header-right",
                children=[html.Div(id="board-source", children=source_badge(source)), connection()],
            ),
        ],
    )


def connection() -> Component:
    """A dot, whether the server answers in words, and how long ago it did."""
    return html.Div(
        id=CONNECTION,
        className="cs-connection",
        role="status",
        children=[
            html.I(className="cs-dot", **aria(hidden="true")),
            html.Span("Connecting", className="cs-connection-state"),
            html.Span(className="cs-answered-age", **aria(live="off")),
        ],
        **data(state="connecting"),
    )

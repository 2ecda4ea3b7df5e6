"""A panel: a titled region that says in words how it is, until it has something to show."""

from dash import html
from dash.development.base_component import Component

from layouts.parts.attributes import aria, data

Children = list[Component]


def panel(
    panel_id: str, *, title: str, body: Children, extra: Children | None = None, class_name: str = ""
) -> Component:
    """A region named ``title``; its state (loading, live, stale, empty, error) is in ``data-state`` and in words."""
    return html.Section(
        id=panel_id,
        className=f"cs-panel {class_name}".strip(),
        children=[
            html.Header(
                className="cs-panel-head",
                children=[html.H2(title, id=f"{panel_id}-title"), *(extra or []), note(note_id(panel_id))],
            ),
            html.Div(className="cs-panel-body", children=body),
        ],
        **aria(labelledby=f"{panel_id}-title"),
        **data(state="loading"),
    )


def note(element_id: str) -> Component:
    """The words of a panel's state; empty while it is live. Written by the browser glue."""
    return html.Span(id=element_id, className="cs-note", role="status")


def body_id(panel_id: str) -> str:
    """The id of what a panel shows, where a callback fills it in."""
    return f"{panel_id}-body"


def note_id(panel_id: str) -> str:
    """The id of the words of a panel's state."""
    return f"{panel_id}-note"

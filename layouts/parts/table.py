"""A table of figures: a caption, a header per column and per row, and words where there are no rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

Cell = Component | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's name and its class: ``cs-num`` stands to the right, ``cs-wide`` is left out on a small screen."""

    name: str
    class_name: str = ""


def table(*, caption: Cell, columns: Sequence[Column], rows: Sequence[Component], class_name: str = "") -> Component:
    """``rows`` under their columns; the caption says what they are."""
    return html.Table(
        className=f"cs-table {class_name}".strip(),
        children=[
            html.Caption(caption),
            html.Thead(html.Tr([html.Th(each.name, scope="col", className=each.class_name) for each in columns])),
            html.Tbody(list(rows)),
        ],
    )


def row(*cells: Component, class_name: str = "") -> Component:
    """One row; its header is among the cells."""
    return html.Tr(list(cells), className=class_name)


def head(name: Cell) -> Component:
    """The cell that names its row."""
    return html.Th(name, scope="row")


def cell(value: Cell | Sequence[Cell], class_name: str = "") -> Component:
    """Text."""
    return html.Td(value, className=class_name)


def number(text: str, class_name: str = "") -> Component:
    """A figure, aligned with those above and below."""
    return html.Td(text, className=f"cs-num {class_name}".strip())


def nothing(words: str) -> Component:
    """What stands where a table has no rows."""
    return html.P(words, className="cs-nothing")

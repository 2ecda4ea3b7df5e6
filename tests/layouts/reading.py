"""Reading components as a person does: their text, and the elements of a kind."""

from typing import Any


def text_of(component: Any) -> str:
    """What is written on a component, its children's words joined by spaces."""
    if isinstance(component, list | tuple):
        return " ".join(filter(None, (text_of(each) for each in component)))
    if component is None or isinstance(component, str):
        return component or ""
    return text_of(getattr(component, "children", ""))


def every(component: Any, kind: str) -> list[Any]:
    """The component itself and all below it that are of a kind, ``Th``."""
    below = [component, *component._traverse()]
    return [each for each in below if type(each).__name__ == kind]


def rows_of(component: Any) -> list[str]:
    """The rows of a table's body as text."""
    return [text_of(row) for row in every(every(component, "Tbody")[0], "Tr")]

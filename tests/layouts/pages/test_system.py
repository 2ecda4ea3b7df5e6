"""The system page has a panel for every part, each named and loading until its first answer."""

from typing import Any

from layouts.pages import system
from layouts.parts import board
from layouts.parts.panel import body_id
from tests.layouts.reading import every, text_of

PAGE: Any = system.system_page(source="simulator")


def test_every_id_a_callback_reaches_for_is_on_the_page_once() -> None:
    on_page = [part.id for part in PAGE._traverse() if getattr(part, "id", None)]
    bodies = {body_id(panel) for panel in system.PANELS}
    assert {system.VERDICT, system.SLOW_BEAT, board.BEAT, board.ANSWERED, *system.PANELS, *bodies} <= set(on_page)
    assert len(on_page) == len(set(on_page))


def test_every_panel_has_a_name_and_says_that_it_loads() -> None:
    panels = every(PAGE, "Section")
    assert [getattr(panel, "aria-labelledby") for panel in panels] == [f"{name}-title" for name in system.PANELS]
    assert {getattr(panel, "data-state") for panel in panels} == {"loading"}
    assert all("Loading" in text_of(panel) for panel in panels)


def test_the_source_is_named_from_the_first_paint() -> None:
    assert "SIMULATED" in text_of(PAGE)

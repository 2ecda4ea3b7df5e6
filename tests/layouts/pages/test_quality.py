"""The data quality page as a value: every id a callback needs, every panel named and loading."""

from typing import Any

from layouts.pages import quality
from layouts.parts import board
from layouts.parts.panel import body_id
from tests.layouts.reading import every, text_of

PAGE: Any = quality.quality_page(source="simulator")
PANELS = (quality.HEAT, quality.DAY, quality.COUNTS, quality.BOOKS)


def test_every_id_a_callback_reaches_for_is_on_the_page_once() -> None:
    on_page = [part.id for part in PAGE._traverse() if getattr(part, "id", None)]
    bodies = {body_id(panel) for panel in PANELS}
    needed = {quality.DAYS, quality.CHOSEN, quality.SUMMARY, quality.SLOW_BEAT, board.BEAT, board.ANSWERED}
    assert needed | bodies | set(PANELS) <= set(on_page)
    assert len(on_page) == len(set(on_page))


def test_every_panel_has_a_name_and_a_state_in_words() -> None:
    panels = every(PAGE, "Section")
    assert [getattr(panel, "aria-labelledby") for panel in panels] == [f"{name}-title" for name in PANELS]
    assert {getattr(panel, "data-state") for panel in panels} == {"loading"}
    assert all("Loading" in text_of(panel) or "Choose a day" in text_of(panel) for panel in panels)


def test_the_source_is_named_from_the_first_paint() -> None:
    assert "SIMULATED" in text_of(PAGE)

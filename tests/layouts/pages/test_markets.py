"""The markets page says where its data comes from before any callback has answered, and shows no figure till then."""

from typing import Any

import pytest

from layouts.pages import markets
from layouts.parts import board
from tests.layouts.reading import every, text_of

PAGE: Any = markets.markets_page(source="replay")


def test_every_id_a_callback_reaches_for_is_on_the_page_once() -> None:
    on_page = [part.id for part in PAGE._traverse() if getattr(part, "id", None)]
    wanted = {markets.WINDOW, markets.ORDER, markets.PANEL, markets.TABLE, markets.SUMMARY, board.BEAT, board.ANSWERED}
    assert wanted <= set(on_page)
    assert len(on_page) == len(set(on_page))


@pytest.mark.parametrize(
    ("source", "words"), [("simulator", "SIMULATED"), ("replay", "REPLAY"), ("binance", "BINANCE")]
)
def test_the_source_is_named_from_the_first_paint(source: str, words: str) -> None:
    assert words in text_of(markets.markets_page(source=source))


def test_the_last_day_is_chosen_at_first_and_both_pickers_have_a_name() -> None:
    chosen = {picker.id: picker.value for picker in every(PAGE, "RadioItems")}
    assert chosen == {markets.WINDOW: "24h", markets.ORDER: "gainers"}
    assert [legend.children for legend in every(PAGE, "Legend")] == ["Order", "Window"]


def test_until_the_first_answer_the_page_says_that_it_loads() -> None:
    assert "Loading the markets" in text_of(PAGE)
    assert every(PAGE, "Td") == []

"""The header says where the data comes from, and leaves a dash where nothing is known."""

from decimal import Decimal
from typing import Any

import pytest

from layouts.parts.header import history_progress, source_badge, stats


def text_of(component: Any) -> str:
    if isinstance(component, list | tuple):
        return " ".join(text_of(each) for each in component)
    if component is None or isinstance(component, str):
        return component or ""
    return text_of(getattr(component, "children", ""))


@pytest.mark.parametrize(
    ("source", "words"),
    [("binance", "BINANCE"), ("simulator", "SIMULATED"), ("replay", "REPLAY"), (None, "SOURCE UNKNOWN")],
)
def test_the_source_is_named_in_words(source: str | None, words: str) -> None:
    assert text_of(source_badge(source)) == words


def test_the_day_is_written_with_the_markets_digits() -> None:
    words = text_of(
        stats(digits=1, change=Decimal("-12.34"), change_percent=Decimal("-1.5"), high=Decimal(101), base="BTC")
    )
    assert "-12.3  ▼ 1.50 %" in words
    assert "101.0" in words
    assert "24h volume BTC" in words


def test_a_day_not_known_yet_is_dashes() -> None:
    assert text_of(stats(digits=2)).count("–") == 5


def test_history_is_shown_only_while_it_loads() -> None:
    assert history_progress(None) == []
    assert text_of(history_progress(0.424)).strip() == "Loading history 42 %"

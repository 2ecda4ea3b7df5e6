"""A day is told by figure, mark, pattern and sentence, never by colour alone."""

from dataclasses import replace
from typing import Any

import pytest

from layouts.parts.heatmap import LEVELS, MARKS, day_button, heatmap, legend, level, percent, spoken, verified
from pipeline.domain.interval import DAY_MS
from pipeline.domain.quality import QualityDay
from tests.layouts.reading import every, rows_of, text_of

DAY_MS_23_NOV = 1_795_392_000_000


def a_day(**other: Any) -> QualityDay:
    whole = QualityDay(
        symbol="BTCUSDT", day_ms=DAY_MS_23_NOV, expected=1_440, present=1_440, verified=1_440, closed=0, rest=1_440,
        exchange=0, ours=0, healed=0,
    )  # fmt: skip
    return replace(whole, **other)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (a_day(), "whole"),
        (a_day(present=1_400, exchange=40), "exchange"),
        (a_day(present=1_439), "slight"),
        (a_day(present=1_439, ours=1), "slight"),
        (a_day(present=1_400, exchange=30, ours=10), "some"),
        (a_day(present=1_200), "much"),
    ],
)
def test_an_exchange_s_gap_is_told_from_ours_and_a_small_hole_from_a_large_one(day: QualityDay, expected: str) -> None:
    assert level(day) == expected


def test_every_level_has_its_mark_its_words_and_its_pattern_in_the_legend() -> None:
    assert LEVELS.keys() == MARKS.keys()
    assert [getattr(span, "data-level") for span in every(legend(), "Span")] == list(LEVELS)
    assert all(words in text_of(legend()) for words in LEVELS.values())


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1_440, 1_440, "100"), (1_439, 1_440, "99.9"), (1_439_999, 1_440_000, "99.9"), (0, 1_440, "0"), (100, 1_440, "6"),
     (720, 1_440, "50.0"), (5, 0, "100")],
)  # fmt: skip
def test_only_all_of_it_is_a_hundred_per_cent(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


def test_what_is_verified_is_of_what_is_stored() -> None:
    short = a_day(present=1_000, verified=1_000)
    assert [verified(day) for day in (a_day(), short, a_day(verified=7), a_day(verified=0))] == [
        "all", "all", "part", "none",
    ]  # fmt: skip


def test_a_day_is_said_in_one_sentence() -> None:
    day = a_day(present=1_428, exchange=3, ours=4, verified=720, healed=9)
    assert spoken(day) == (
        "BTCUSDT 2026-11-23: 1,428 of 1,440 minutes, 12 lack: 3 the exchange's, 4 ours, 5 unexplained, "
        "50.0 % verified, 9 filled later"
    )
    button = day_button(day)
    assert getattr(button, "aria-label") == spoken(day)
    assert getattr(button, "data-day") == f"BTCUSDT|{DAY_MS_23_NOV}"
    assert text_of(button) == "▲ 99.1 ◐ 50.0 ↻"


def test_days_stand_in_columns_the_newest_first_and_one_without_expectation_is_a_dot() -> None:
    yesterday = a_day(day_ms=DAY_MS_23_NOV - DAY_MS, present=1_439)
    table = heatmap([a_day(), yesterday, a_day(symbol="ETHUSDT")])
    assert text_of(every(table, "Thead")[0]) == "Market 23 Nov 22 Nov"
    assert rows_of(table) == ["BTCUSDT ✓ 100 ● 100 ▲ 99.9 ● 100", "ETHUSDT ✓ 100 ● 100 ·"]


def test_tab_comes_to_one_day_and_the_arrow_keys_to_the_others() -> None:
    table = heatmap([a_day(), a_day(symbol="ETHUSDT"), a_day(symbol="DOGEUSDT")])
    assert [button.tabIndex for button in every(table, "Button")] == ["0", "-1", "-1"]

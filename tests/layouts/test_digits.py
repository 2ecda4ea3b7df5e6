"""Figures are written with the digits their steps need, and a direction is a sign."""

from decimal import Decimal

import pytest

from layouts.digits import compact, digits_of, direction, grouped, marked_percent, signed_percent, spell


@pytest.mark.parametrize(("step", "digits"), [("0.01000000", 2), ("1.00000000", 0), ("0.00000001", 8), ("10", 0)])
def test_a_step_says_how_many_digits_a_price_needs(step: str, digits: int) -> None:
    assert digits_of(Decimal(step)) == digits


def test_prices_are_grouped_and_keep_trailing_zeros() -> None:
    assert grouped(Decimal("64012.3"), digits=2) == "64,012.30"


def test_what_is_not_known_is_a_dash() -> None:
    assert [grouped(None, digits=2), compact(None), signed_percent(None)] == ["–", "–", "–"]


@pytest.mark.parametrize(("value", "text"), [("1237000000", "1.24B"), ("999", "999.00"), ("1000", "1.00K")])
def test_large_figures_are_short(value: str, text: str) -> None:
    assert compact(Decimal(value)) == text


@pytest.mark.parametrize(("value", "text", "way"), [("1.239", "▲ 1.24 %", "up"), ("-0.3", "▼ 0.30 %", "down")])
def test_a_change_has_a_sign_and_not_only_a_colour(value: str, text: str, way: str) -> None:
    assert signed_percent(Decimal(value)) == text
    assert direction(Decimal(value)) == way


def test_in_a_table_a_large_figure_keeps_its_letter_apart() -> None:
    assert compact(Decimal("1237000000"), gap=" ") == "1.24 B"


@pytest.mark.parametrize(("value", "text"), [("1.239", "▲ +1.24 %"), ("-0.3", "▼ −0.30 %"), ("0.0000", "= 0.00 %")])
def test_in_a_table_a_change_has_a_mark_and_a_sign(value: str, text: str) -> None:
    assert marked_percent(Decimal(value)) == text


@pytest.mark.parametrize(
    ("age_ms", "text"),
    [
        (None, "–"),
        (0, "< 1 s"),
        (999, "< 1 s"),
        (14_999, "14 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h"),
    ],
)
def test_an_age_is_spelled_in_its_unit(age_ms: int | None, text: str) -> None:
    assert spell(age_ms) == text

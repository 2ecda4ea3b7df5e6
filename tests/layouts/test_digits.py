"""Figures are written with the digits their steps need, and a direction is a sign."""

from decimal import Decimal

import pytest

from layouts.digits import compact, digits_of, direction, grouped, signed_percent


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

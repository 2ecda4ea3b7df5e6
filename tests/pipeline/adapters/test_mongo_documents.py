"""Decimal128 to Decimal, digit for digit."""

from decimal import Decimal, InvalidOperation

import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.mongo_documents import candle_document, candle_of, exact, stored
from pipeline.domain.candle import Revision
from tests.words import a_candle

STORED = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda value: len(value.as_tuple().digits) <= 34)


@given(STORED.filter(lambda value: -6_000 < value.adjusted() < 6_000))
def test_every_digit_comes_back(value: Decimal) -> None:
    assert exact(Decimal128(value)).as_tuple() == value.as_tuple()


@pytest.mark.parametrize(
    "text", ["0", "0.00000000", "-0.10", "64000.10000000", "1E+3", "9" * 34, "Infinity", "-Infinity", "9E+6111"]
)
def test_it_agrees_with_the_library(text: str) -> None:
    assert exact(Decimal128(text)).as_tuple() == Decimal128(text).to_decimal().as_tuple()


@given(st.one_of(STORED, st.decimals(allow_nan=False, places=8, min_value=0, max_value=10**12)))
def test_what_is_written_is_what_the_library_writes(value: Decimal) -> None:
    try:
        expected = Decimal128(value)
    except InvalidOperation:
        with pytest.raises(InvalidOperation):
            stored(value)
    else:
        assert stored(value).bid == expected.bid


@pytest.mark.parametrize("text", ["Infinity", "-Infinity", "NaN", "0E-6176", "9E+6111", "9E+6144", "-0.00", "9" * 34])
def test_the_edges_are_written_as_the_library_writes_them(text: str) -> None:
    assert stored(Decimal(text)).bid == Decimal128(text).bid


def test_nan_stays_nan() -> None:
    assert exact(Decimal128("NaN")).is_nan()


def test_a_stored_candle_comes_back_as_it_was() -> None:
    candle = a_candle(open="0.10000000", revision=Revision.REST, verified_ms=5, cause="exchange", first_trade_id=7)
    assert candle_of(candle_document(candle)) == candle

"""Kafka records keep every digit, both ways."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from pipeline.domain import jsontext, records, views
from pipeline.domain.faults import BadMessageError
from pipeline.domain.pushes import Push, decode_push, encode_push
from tests.words import a_candle, a_diff, a_snapshot, a_trade, levels


def test_a_candle_survives_its_record() -> None:
    candle = a_candle(open="0.10000000", low="0.00000001", high="61837.63000000")
    assert records.decode_candle(records.encode_candle(candle)) == candle
    assert jsontext.loads(records.encode_candle(candle))["o"] == "0.10000000"


def test_a_record_says_when_its_candle_was_verified_and_older_records_say_nothing() -> None:
    record = jsontext.loads(records.encode_candle(a_candle(verified_ms=7)))
    assert record["verifiedTime"] == 7
    assert records.decode_candle(jsontext.dumps(record)).verified_ms == 7
    del record["verifiedTime"]
    assert records.decode_candle(jsontext.dumps(record)).verified_ms is None


def test_a_candle_survives_its_view() -> None:
    candle = a_candle(open="0.10000000", low="0.00000001", high="61837.63000000")
    text = jsontext.dumps(views.candle_view(candle))
    assert b'"open":0.10000000' in text
    assert views.candle_from_view(jsontext.loads_exact(text)) == candle


def test_a_trade_and_an_aggregate_survive_their_records() -> None:
    for trade in (a_trade(7), a_trade(7, last_id=9, aggregate_id=3), a_trade(8, aggregate_id=4)):
        assert records.decode_trade(records.encode_trade(trade)) == trade
    assert jsontext.loads(records.encode_trade(a_trade(7, last_id=9, aggregate_id=3)))["a"] == 3


def test_books_and_differences_survive_their_records() -> None:
    for record in (a_snapshot(5), a_diff(5, 9, bids=levels(("1.50000000", "0.00000000")))):
        assert records.decode_book(records.encode_book(record)) == record
    assert jsontext.loads(records.encode_book(a_diff(5, 9, bids=levels(("1.5", "0.00000000")))))["b"] == [
        ["1.5", "0.00000000"]
    ]


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"\xff", b'{"e":"trade","t":"x"}', b'{"s":1}'])
def test_a_record_that_is_none_is_a_bad_message(value: bytes) -> None:
    for decode in (records.decode_candle, records.decode_trade, records.decode_book):
        with pytest.raises(BadMessageError):
            decode(value)


def test_a_push_survives_its_channel_and_says_from_only_when_it_stands_for_several() -> None:
    push = Push("update", 15, 11, b'{"type":"update"}')
    assert decode_push(encode_push(push)) == push
    assert push.text() == b'{"type":"update","seq":15,"from":11}'
    assert Push("update", 15, 15, b'{"type":"update"}').text() == b'{"type":"update","seq":15}'


def test_a_book_view_totals_price_times_quantity_from_the_best_on() -> None:
    view = views.depth_view(views.book_view(a_snapshot()), limit=2)
    assert [level["total"] for level in view["bids"]] == [Decimal(99), Decimal(99 + 196)]


KLINE = (records.decode_candle, records.encode_candle(a_candle()), ("t", "n", "f", "L"))
TRADE = (records.decode_trade, records.encode_trade(a_trade(7)), ("t", "T"))
DIFFERENCE = (records.decode_book, records.encode_book(a_diff(5, 9)), ("U", "u"))
NOT_WHOLE: tuple[object, ...] = ("7", 7.5, None, True, [])


@pytest.mark.parametrize(("decode", "value", "whole"), [KLINE, TRADE, DIFFERENCE], ids=["kline", "trade", "book"])
def test_a_record_with_one_field_of_another_type_is_a_bad_message(
    decode: Callable[[bytes], object], value: bytes, whole: tuple[str, ...]
) -> None:
    decode(value)
    for name in (*whole, "eventTime", "receivedTime", "s"):
        for wrong in NOT_WHOLE if name != "s" else (7, None, ""):
            broken = jsontext.dumps({**jsontext.loads(value), name: wrong})
            with pytest.raises(BadMessageError):
                decode(broken)

"""Rows of the klines endpoint: the exchange's own word, and only once it is its last."""

import pytest

from pipeline.domain import jsontext
from pipeline.domain.candle import Revision
from pipeline.domain.faults import BadMessageError
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.exchanges.binance.rest import CLOSE_MARGIN_MS, parse_klines
from tests.words import NOON_MS

NUMBERS = ["1.5", "2.00000000", "1.0", "1.25"]


def row(minute: int, *prices: str) -> list[object]:
    open_ms = NOON_MS + minute * MINUTE_MS
    return [open_ms, *(prices or NUMBERS), "7.0", open_ms + MINUTE_MS - 1, "9.10", 3, "4.0", "5.0", "0"]


def parsed(*rows: list[object], server_ms: int, interval: Interval = Interval.M1) -> list[tuple[int, int | None]]:
    body = jsontext.dumps(list(rows))
    candles = parse_klines(body, symbol="BTCUSDT", interval=interval, server_ms=server_ms, received_ms=1)
    assert all((c.closed, c.revision, c.source) == (True, Revision.REST, "rest") for c in candles)
    return [((c.open_ms - NOON_MS) // MINUTE_MS, c.verified_ms) for c in candles]


@pytest.mark.parametrize(
    ("late_ms", "minutes"), [(-1, [0]), (0, [0]), (CLOSE_MARGIN_MS - 1, [0]), (CLOSE_MARGIN_MS, [0, 1])]
)
def test_a_row_still_open_or_just_over_is_not_taken_as_final(late_ms: int, minutes: list[int]) -> None:
    server_ms = NOON_MS + 2 * MINUTE_MS + late_ms
    assert [minute for minute, _ in parsed(row(0), row(1), server_ms=server_ms)] == minutes


def test_a_row_is_verified_at_the_exchanges_own_time() -> None:
    server_ms = NOON_MS + 10 * MINUTE_MS
    assert parsed(row(0), server_ms=server_ms) == [(0, server_ms)]


def test_a_longer_row_does_not_say_how_many_minutes_are_in_it() -> None:
    body = jsontext.dumps([row(0)])
    for interval, present in ((Interval.M1, 1), (Interval.H1, None)):
        (candle,) = parse_klines(body, symbol="X", interval=interval, server_ms=2**45, received_ms=1)
        assert (candle.present, candle.complete) == (present, present == 1)


@pytest.mark.parametrize(
    "prices", [("1", "1", "2", "1"), ("0", "2", "1", "1"), ("NaN", "2", "1", "1"), ("-1", "2", "1", "1")]
)
def test_an_impossible_row_is_a_bad_message(prices: tuple[str, ...]) -> None:
    with pytest.raises(BadMessageError):
        parsed(row(0, *prices), server_ms=2**45)

"""What Binance says of its limits, read from headers, listings and error texts."""

import pytest

from pipeline.domain.weight import WeightLimits
from pipeline.exchanges.binance.limits import BinanceLimits, banned_until_ms, rate_limits
from tests.words import NOON_MS

LISTED = b"""[
 {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},
 {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},
 {"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000},
 {"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}]"""
WORDS = BinanceLimits()


def test_weight_and_raw_requests_are_read_and_orders_are_not() -> None:
    assert rate_limits(LISTED) == WeightLimits(6_000, 60_000, 300_000, 300_000)


def test_limits_are_found_in_the_whole_answer_and_nowhere_else() -> None:
    info = b'{"timezone":"UTC","serverTime":1,"rateLimits":' + LISTED + b',"exchangeFilters":[],"symbols":[]}'
    assert WORDS.listed(info) == WeightLimits(6_000, 60_000, 300_000, 300_000)
    assert WORDS.listed(b'{"serverTime":1}') is None


@pytest.mark.parametrize(
    "listed", [b"[]", b"[{}]", b"nonsense", b'[{"rateLimitType":"REQUEST_WEIGHT"}]', b'[{"rateLimitType":7,"limit":0}]']
)
def test_limits_that_cannot_be_read_change_nothing(listed: bytes) -> None:
    assert rate_limits(listed) is None


@pytest.mark.parametrize(("header", "used"), [("12", 12), (None, None), ("", None), ("-1", None), ("1e3", None)])
def test_a_header_is_a_number_or_says_nothing(header: str | None, used: int | None) -> None:
    assert WORDS.used(header) == used


def test_the_end_of_a_ban_is_read_from_the_text_and_the_longer_demand_counts() -> None:
    body = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until %d. Please"}' % (NOON_MS + 90_000)
    assert banned_until_ms(body) == NOON_MS + 90_000
    assert WORDS.pause_s(418, "30", body, now_ms=NOON_MS) == 90
    assert WORDS.pause_s(418, "300", body, now_ms=NOON_MS) == 300
    assert WORDS.pause_s(418, None, body, now_ms=NOON_MS + 90_001) == 120


def test_no_demand_is_longer_than_the_longest_ban() -> None:
    assert WORDS.pause_s(418, "999999999", b"", now_ms=NOON_MS) == 3 * 86_400
    assert WORDS.pause_s(429, "inf", b"", now_ms=NOON_MS) == 10

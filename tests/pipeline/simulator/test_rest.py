"""REST answers: parameters, defaults, weights and the venue's errors."""

from typing import Any

import orjson
import pytest

from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.simulator.rest import answer, weight_of
from tests.pipeline.simulator.worlds import NOON_MS, Clock, seeded


def get(path: str, **query: object) -> tuple[int, Any]:
    texts = {name: str(value) for name, value in query.items()}
    reply = answer(seeded(Clock(NOON_MS + 30_000)), f"/api/v3/{path}", texts)
    return reply.status, orjson.loads(reply.body)


def test_the_server_says_the_time() -> None:
    assert get("time") == (200, {"serverTime": NOON_MS + 30_000})
    assert get("ping") == (200, {})


def test_exchange_info_lists_symbols_with_tick_step_and_limits() -> None:
    status, body = get("exchangeInfo", symbols='["BTCUSDT","ATOMUSDT"]')
    assert status == 200
    assert [(entry["symbol"], entry["status"]) for entry in body["symbols"]] == [
        ("BTCUSDT", "TRADING"),
        ("ATOMUSDT", "TRADING"),
    ]
    assert body["symbols"][0]["filters"][0]["tickSize"] == "0.01000000"
    assert body["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6_000,
    }


def test_klines_come_newest_without_a_start_and_oldest_first_with_one() -> None:
    _, newest = get("klines", symbol="BTCUSDT", interval="1m", limit=3)
    assert [row[0] for row in newest] == [NOON_MS - 2 * MINUTE_MS, NOON_MS - MINUTE_MS, NOON_MS]
    start_ms = NOON_MS - DAY_MS + 1
    _, oldest = get("klines", symbol="BTCUSDT", interval="1m", startTime=start_ms, limit=2)
    assert [row[0] for row in oldest] == [start_ms - 1 + MINUTE_MS, start_ms - 1 + 2 * MINUTE_MS]
    assert len(oldest[0]) == 12


def test_klines_default_to_500_and_never_exceed_1000() -> None:
    assert len(get("klines", symbol="BTCUSDT", interval="1m")[1]) == 500
    assert len(get("klines", symbol="BTCUSDT", interval="1m", limit=1500)[1]) == 1_000


def test_an_end_time_is_inclusive_and_microseconds_are_understood() -> None:
    bounds = {"startTime": NOON_MS - 2 * MINUTE_MS, "endTime": NOON_MS - MINUTE_MS}
    _, rows = get("klines", symbol="BTCUSDT", interval="1m", **bounds)
    assert [row[0] for row in rows] == list(bounds.values())
    micros = {name: value * 1_000 for name, value in bounds.items()}
    assert get("uiKlines", symbol="BTCUSDT", interval="1m", **micros)[1] == rows


def test_depth_gives_a_hundred_levels_unless_asked() -> None:
    assert len(get("depth", symbol="BTCUSDT")[1]["bids"]) == 100
    assert len(get("depth", symbol="BTCUSDT", limit=5)[1]["asks"]) == 5
    assert len(get("depth", symbol="BTCUSDT", limit=9_000)[1]["asks"]) > 1_000


def test_trades_and_aggregates_are_the_same_trades() -> None:
    _, trades = get("trades", symbol="BTCUSDT", limit=20)
    _, aggregates = get("aggTrades", symbol="BTCUSDT", limit=20)
    assert [(row["id"], row["price"], row["qty"], row["time"]) for row in trades] == [
        (row["f"], row["p"], row["q"], row["T"]) for row in aggregates
    ]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("klines", {"interval": "1m"}, -1102),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "NOSUCH", "interval": "1m"}, -1121),
        ("klines", {"symbol": "btcusdt", "interval": "1m"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "x"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 0}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": ""}, -1105),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "colour": "red"}, -1104),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, -1128),
        ("exchangeInfo", {"symbols": "BTCUSDT"}, -1100),
        ("exchangeInfo", {"symbol": "NOSUCH"}, -1121),
    ],
)
def test_a_bad_request_is_400_with_the_venues_code(path: str, query: dict[str, object], code: int) -> None:
    status, body = get(path, **query)
    assert (status, body["code"]) == (400, code)
    assert body["msg"]


def test_an_unknown_path_is_404() -> None:
    assert answer(seeded(Clock()), "/api/v3/nothing", {}).status == 404


@pytest.mark.parametrize(
    ("limit", "weight"), [("", 5), ("100", 5), ("101", 25), ("500", 25), ("1000", 50), ("5000", 250), ("9999", 250)]
)
def test_a_books_weight_grows_with_its_depth(limit: str, weight: int) -> None:
    assert weight_of("/api/v3/depth", {"limit": limit}) == weight


@pytest.mark.parametrize(("path", "weight"), [("klines", 2), ("aggTrades", 4), ("trades", 25), ("exchangeInfo", 20)])
def test_other_endpoints_have_their_documented_weight(path: str, weight: int) -> None:
    assert weight_of(f"/api/v3/{path}", {}) == weight

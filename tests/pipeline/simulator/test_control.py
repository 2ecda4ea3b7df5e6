"""Control messages and the venue's replies to them."""

from typing import Any

import orjson
import pytest

from pipeline.simulator.control import Subscription, answer
from pipeline.simulator.streams import Kind, parse_stream


def ask(subscription: Subscription, **request: Any) -> dict[str, Any]:
    reply: dict[str, Any] = orjson.loads(answer(subscription, orjson.dumps(request).decode()).data)
    return reply


def test_subscribing_and_unsubscribing_is_seen_in_the_list() -> None:
    subscription = Subscription(combined=True, limit=1_024)
    assert ask(subscription, method="SUBSCRIBE", params=["a@trade", "b@depth"], id=1) == {"result": None, "id": 1}
    assert ask(subscription, method="UNSUBSCRIBE", params=["a@trade"], id="x9") == {"result": None, "id": "x9"}
    assert ask(subscription, method="LIST_SUBSCRIPTIONS", id=3) == {"result": ["b@depth"], "id": 3}


def test_the_combined_property_is_set_and_read() -> None:
    subscription = Subscription(combined=False, limit=1_024)
    assert ask(subscription, method="SET_PROPERTY", params=["combined", True], id=5) == {"result": None, "id": 5}
    assert ask(subscription, method="GET_PROPERTY", params=["combined"], id=2) == {"result": True, "id": 2}
    assert subscription.combined


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"method": "SET_PROPERTY", "params": ["colour", True]}, 0, "Unknown property"),
        ({"method": "SET_PROPERTY", "params": ["combined", 1]}, 1, "Invalid value type: expected Boolean"),
        ({"method": "SET_PROPERTY", "params": []}, 2, "Invalid request: property name must be a string"),
        ({"method": "SET_PROPERTY", "params": ["combined", True, 1]}, 2, "Invalid request: too many parameters"),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 1.5}, 2, "Invalid request: request ID must be an unsigned integer"),
        ({"method": "SUBSCRIBED", "params": []}, 2, "Invalid request: unknown variant SUBSCRIBED"),
        ({"params": []}, 2, "Invalid request: missing field `method`"),
    ],
)
def test_a_bad_request_gets_the_documented_error(request_: dict[str, Any], code: int, message: str) -> None:
    error = ask(Subscription(combined=True, limit=1_024), **request_)["error"]
    assert error["code"] == code
    assert error["msg"].startswith(message)


def test_text_that_is_no_json_gets_code_3() -> None:
    error = orjson.loads(answer(Subscription(combined=True, limit=1_024), "{nonsense").data)["error"]
    assert error["code"] == 3
    assert error["msg"].startswith("Invalid JSON")


def test_one_stream_too_many_changes_nothing() -> None:
    subscription = Subscription(combined=True, limit=2)
    assert "error" in ask(subscription, method="SUBSCRIBE", params=["a@trade", "b@trade", "c@trade"], id=1)
    assert not subscription.streams


@pytest.mark.parametrize(
    ("name", "kind"),
    [("btcusdt@depth@100ms", Kind.FAST_DEPTH), ("btcusdt@depth", Kind.DEPTH), ("btcusdt@kline_4h", Kind.KLINE)],
)
def test_stream_names_are_understood(name: str, kind: Kind) -> None:
    stream = parse_stream(name)
    assert stream is not None
    assert (stream.symbol, stream.kind) == ("BTCUSDT", kind)


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "btcusdt@kline_7m", "btcusdt@depth@1000ms", "@trade", "btcusdt"])
def test_other_stream_names_stay_silent(name: str) -> None:
    assert parse_stream(name) is None

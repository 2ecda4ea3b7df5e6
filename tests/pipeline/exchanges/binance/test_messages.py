"""Binance's frames, recorded ones first."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.events import Reply, Shutdown
from pipeline.domain.faults import BadMessageError
from pipeline.domain.frames import DepthFrame, TickerFrame, TradeFrame
from pipeline.domain.records import decode_trade
from pipeline.domain.splice import trade_record
from pipeline.exchanges.binance.messages import MOST_BYTES, decode
from pipeline.exchanges.binance.wire import time_ms

FRAMES = (Path(__file__).parents[3] / "fixtures" / "binance_frames.jsonl").read_bytes().splitlines()


def frame(kind: str) -> dict[str, Any]:
    return next(orjson.loads(raw) for raw in FRAMES if orjson.loads(raw)["data"]["e"] == kind)


def test_every_recorded_frame_is_understood_and_kept_as_it_came() -> None:
    for raw in FRAMES:
        data = orjson.loads(raw)["data"]
        event = decode(raw, received_ms=1)
        match event:
            case Candle():
                assert format(event.close, "f") == data["k"]["c"]
                assert event.closed == data["k"]["x"]
                assert event.revision is (Revision.CLOSED if event.closed else Revision.FORMING)
            case TradeFrame():
                assert (event.first_id, event.last_id) == (data.get("t", data.get("f")), data.get("l", data.get("t")))
                assert event.body in raw
                assert orjson.loads(event.body) == data
            case DepthFrame():
                assert [list(texts) for _, texts in event.bids] == data["b"]
                assert [number for number, _ in event.asks] == [(float(p), float(q)) for p, q in data["a"]]
                assert (event.first_id, event.last_id) == (data["U"], data["u"])
                assert event.body in raw
            case other:
                pytest.fail(f"{other} is not a market event")


@pytest.mark.parametrize("kind", ["trade", "kline", "depthUpdate"])
def test_every_spelling_of_a_frame_means_the_same(kind: str) -> None:
    whole = frame(kind)
    raw = orjson.dumps(whole)
    spaced = json.dumps(whole).encode()
    turned = orjson.dumps({"data": whole["data"], "stream": whole["stream"]})
    alone = orjson.dumps(whole["data"])
    assert decode(raw, received_ms=1) == decode(alone, received_ms=1)
    assert decode(spaced, received_ms=1) == decode(turned, received_ms=1) == decode(raw, received_ms=1)


def test_best_prices_are_understood_though_their_event_has_no_name() -> None:
    data = {"u": 400900217, "s": "BNBUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66"}
    expected = TickerFrame("BNBUSDT", 400900217, ("25.35190000", "31.21000000"), ("25.36520000", "40.66"))
    for raw in (orjson.dumps({"stream": "bnbusdt@bookTicker", "data": data}), orjson.dumps(data)):
        assert decode(raw, received_ms=1) == expected


def test_a_stream_of_one_kind_carries_no_other() -> None:
    moved = frame("trade")
    moved["stream"] = "btcusdt@aggTrade"
    with pytest.raises(BadMessageError):
        decode(orjson.dumps(moved), received_ms=1)


def test_an_oversized_frame_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadMessageError, match="bytes"):
        decode(b'{"stream":"btcusdt@trade","data":{"pad":"' + b" " * MOST_BYTES + b'"}}', received_ms=1)


def test_microseconds_are_told_by_their_size() -> None:
    assert time_ms(1_723_161_255_342_000) == time_ms(1_723_161_255_342) == 1_723_161_255_342


def test_a_frame_in_microseconds_is_kept_in_milliseconds() -> None:
    trade = frame("trade")
    expected = decode(orjson.dumps(trade), received_ms=1)
    for name in "ET":
        trade["data"][name] *= 1_000
    event = decode(orjson.dumps(trade), received_ms=1)
    assert isinstance(event, TradeFrame)
    assert isinstance(expected, TradeFrame)
    assert event[:5] == expected[:5]
    assert orjson.loads(event.body) == orjson.loads(expected.body)


def test_words_about_the_connection_are_no_bad_messages() -> None:
    assert decode(b'{"result":null,"id":1}', received_ms=1) == Reply(error=None)
    assert decode(b'{"code":2,"msg":"Invalid request"}', received_ms=1) == Reply(error="2: Invalid request")
    assert isinstance(decode(b'{"e":"serverShutdown","E":1}', received_ms=1), Shutdown)
    assert isinstance(
        decode(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', received_ms=1), Shutdown
    )


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("trade", ("p",), "NaN"),
        ("trade", ("p",), "-1"),
        ("trade", ("p",), 61837.63),
        ("trade", ("q",), "0"),
        ("trade", ("T",), "yesterday"),
        ("trade", ("T",), None),
        ("kline", ("k", "h"), "0.00000001"),
        ("kline", ("k", "t"), 1_617_566_580_001),
        ("kline", ("k", "i"), "7m"),
        ("kline", ("k", "v"), "Infinity"),
        ("depthUpdate", ("b",), [["1.0"]]),
        ("depthUpdate", ("a",), [["1.0", "-2"]]),
        ("depthUpdate", ("U",), 9_999_999_999_999),
        ("depthUpdate", ("b",), [["1e3", "2"]]),
        ("depthUpdate", ("b",), [["-1.0", "2"]]),
        ("depthUpdate", ("b",), [["0.0", "2"]]),
        ("depthUpdate", ("b",), [["1.2.3", "2"]]),
        ("depthUpdate", ("a",), [["NaN", "2"]]),
        ("depthUpdate", ("a",), [["1.0", "inf"]]),
        ("depthUpdate", ("a",), [["1.0", ""]]),
        ("depthUpdate", ("E",), -1),
        ("trade", ("E",), 1),
        ("trade", ("T",), 99_999_999_999_999),
        ("trade", ("t",), -5),
        ("trade", ("t",), "5"),
        ("trade", ("m",), "true"),
        ("trade", ("s",), ""),
        ("trade", ("p",), "1_000"),
        ("trade", ("p",), "\u0661"),
        ("trade", ("q",), "9" * 30),
        ("trade", ("p",), "0.00000000"),
        ("trade", ("p",), "1."),
        ("trade", ("p",), ".5"),
        ("trade", ("T",), 1_000_000_000_000),
        ("trade", ("e",), "aggTrade"),
        ("kline", ("k", "o"), "-5"),
        ("kline", ("k", "n"), -1),
        ("kline", ("k", "x"), 1),
        ("kline", ("E",), 1_483_228_800_001),
    ],
)
def test_a_frame_with_one_thing_off_is_a_bad_message(kind: str, path: tuple[str, ...], value: Any) -> None:
    broken = frame(kind)
    target = broken["data"]
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    with pytest.raises(BadMessageError):
        decode(orjson.dumps(broken), received_ms=1)


@pytest.mark.parametrize("raw", [b"", b"hello", b"[]", b"{}", b'{"data":[]}', b'{"e":"moon"}', b"\xff\xfe"])
def test_what_is_no_frame_is_a_bad_message(raw: bytes) -> None:
    with pytest.raises(BadMessageError):
        decode(raw, received_ms=1)


def test_a_value_is_never_rounded() -> None:
    trade = frame("trade")
    trade["data"]["p"] = "0.123456789012345678"
    event = decode(orjson.dumps(trade), received_ms=1)
    assert isinstance(event, TradeFrame)
    kept = decode_trade(trade_record(event, received_ms=2, source="ws"))
    assert kept.price == Decimal("0.123456789012345678")
    assert (kept.received_ms, kept.source) == (2, "ws")


def test_an_event_of_another_kind_is_no_ticker_whatever_it_holds() -> None:
    data = {"e": "martian", "u": 1, "s": "BNBUSDT", "b": "1.0", "B": "2.0", "a": "3.0", "A": "4.0"}
    for raw in (orjson.dumps({"stream": "bnbusdt@bookTicker", "data": data}), orjson.dumps(data)):
        with pytest.raises(BadMessageError):
            decode(raw, received_ms=1)

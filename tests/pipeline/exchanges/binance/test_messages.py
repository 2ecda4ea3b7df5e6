"""Binance's frames, recorded ones first."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.domain.book import BookDiff
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.events import Reply, Shutdown
from pipeline.domain.faults import BadMessageError
from pipeline.domain.trade import Trade
from pipeline.exchanges.binance.messages import decode, time_ms

FRAMES = (Path(__file__).parents[3] / "fixtures" / "binance_frames.jsonl").read_bytes().splitlines()


def frame(kind: str) -> dict[str, Any]:
    return next(orjson.loads(raw) for raw in FRAMES if orjson.loads(raw)["data"]["e"] == kind)


def test_every_recorded_frame_is_understood_digit_for_digit() -> None:
    for raw in FRAMES:
        data = orjson.loads(raw)["data"]
        event = decode(raw, received_ms=1)
        match event:
            case Candle():
                assert format(event.close, "f") == data["k"]["c"]
                assert event.closed == data["k"]["x"]
                assert event.revision is (Revision.CLOSED if event.closed else Revision.FORMING)
            case Trade():
                assert format(event.price, "f") == data["p"]
                assert event.last_id == data.get("l", data.get("t"))
            case BookDiff():
                assert [[format(p, "f"), format(q, "f")] for p, q in event.bids] == data["b"]
                assert (event.first_id, event.last_id) == (data["U"], data["u"])
            case other:
                pytest.fail(f"{other} is not a market event")


def test_a_raw_frame_means_the_same_as_a_combined_one() -> None:
    combined = frame("trade")
    assert decode(orjson.dumps(combined["data"]), received_ms=1) == decode(orjson.dumps(combined), received_ms=1)


def test_microseconds_are_told_by_their_size() -> None:
    assert time_ms(1_723_161_255_342_000) == time_ms(1_723_161_255_342) == 1_723_161_255_342


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
    assert isinstance(event, Trade)
    assert event.price == Decimal("0.123456789012345678")

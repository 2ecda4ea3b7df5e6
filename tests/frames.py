"""An exchange's frames for tests, as words and as the bytes they come in."""

from typing import Any

import orjson

from pipeline.domain.frames import BookFrame, DepthFrame, TextLevel, TickerFrame, TradeFrame
from tests.words import NOON_MS

Pairs = list[tuple[str, str]]


def text_levels(*pairs: tuple[str, str]) -> list[TextLevel]:
    return [((float(price), float(quantity)), (price, quantity)) for price, quantity in pairs]


def depth_data(first_id: int, last_id: int, **other: Any) -> dict[str, Any]:
    event_ms = other.pop("event_ms", NOON_MS + last_id)
    data = {"e": "depthUpdate", "E": event_ms, "s": "BTCUSDT", "U": first_id, "u": last_id, "b": [], "a": []}
    return data | other


def a_depth(first_id: int, last_id: int | None = None, **other: Any) -> DepthFrame:
    last_id = first_id if last_id is None else last_id
    bids, asks = other.pop("bids", []), other.pop("asks", [])
    data = depth_data(first_id, last_id, **other, b=bids, a=asks)
    return DepthFrame(
        data["s"],
        first_id,
        last_id,
        text_levels(*bids),
        text_levels(*asks),
        data["E"],
        data["E"] + 5,
        orjson.dumps(data),
    )


def a_book(last_update_id: int = 100, **other: Any) -> BookFrame:
    bids = other.pop("bids", [("99", "1"), ("98", "2")])
    asks = other.pop("asks", [("101", "1"), ("102", "2")])
    whole = other.pop("whole", (True, True))
    return BookFrame("BTCUSDT", last_update_id, text_levels(*bids), text_levels(*asks), NOON_MS, whole)


def a_ticker(update_id: int, bid: tuple[str, str] = ("99", "1"), ask: tuple[str, str] = ("101", "1")) -> TickerFrame:
    return TickerFrame("BTCUSDT", update_id, bid, ask)


def trade_data(trade_id: int, **other: Any) -> dict[str, Any]:
    return {
        "e": "trade", "E": NOON_MS + trade_id, "s": "BTCUSDT", "t": trade_id, "p": "61837.63000000", "q": "0.02000000",
        "T": NOON_MS + trade_id, "m": True, "M": True, **other,
    }  # fmt: skip


def a_trade_frame(trade_id: int, last_id: int | None = None) -> TradeFrame:
    return TradeFrame(
        "BTCUSDT", trade_id, last_id or trade_id, NOON_MS + trade_id, NOON_MS + trade_id,
        orjson.dumps(trade_data(trade_id)),
    )  # fmt: skip


def kline_data(minute: int = 0, *, closed: bool = False, **other: Any) -> dict[str, Any]:
    open_ms = NOON_MS + minute * 60_000
    k = {
        "t": open_ms, "T": open_ms + 59_999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": other.pop("last_id", 1),
        "o": "100.00", "c": "100.00", "h": "100.00", "l": "100.00", "v": "1.0", "n": 1, "x": closed,
        "q": "100.0", "V": "1.0", "Q": "100.0", "B": "0",
    }  # fmt: skip
    event_ms = other.pop("event_ms", open_ms + (60_010 if closed else 2_000))
    return {"e": "kline", "E": event_ms, "s": "BTCUSDT", "k": k | other}


def combined(kind: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps({"stream": f"btcusdt@{kind}", "data": data})

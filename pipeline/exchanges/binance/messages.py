"""Binance's WebSocket frames as words of the trade.

Source: binance-spot-api-docs, web-socket-streams.md (text of 2026-07-21). Recorded frames are the judge.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.domain import jsontext
from pipeline.domain.book import BookDiff, Level
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.events import Event, Reply, Shutdown
from pipeline.domain.faults import BadMessageError
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

SOURCE_STREAM = "ws"
MICROSECONDS_FROM = 100_000_000_000_000
"""A time of this size is in microseconds (as milliseconds it would lie after the year 5100)."""
MOST_DIGITS = 24
"""Digits before or after the point beyond which a number is a mistake, not a price or a quantity."""


def decode(raw: bytes | str, *, received_ms: int) -> Event:
    """The word in one frame, combined or raw. Raises BadMessageError for anything the documents do not describe."""
    frame = jsontext.loads_object(raw)
    payload = frame.get("data", frame)
    if not isinstance(payload, dict):
        raise BadMessageError(f"frame data is a {type(payload).__name__}, expected an object")
    kind = payload.get("e")
    if kind is None:
        return _reply(payload)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise BadMessageError(f"unknown event {kind!r}")
    try:
        return decoder(payload, received_ms)
    except _MALFORMED as error:
        raise BadMessageError(f"{kind} frame: {error!r}") from error


def time_ms(value: int) -> int:
    """Milliseconds of a time that may be in microseconds, told by its size. Raises ValueError if it is no time."""
    if type(value) is not int or value <= 0:
        raise ValueError(f"{value!r} is not a time")
    return value // 1000 if value >= MICROSECONDS_FROM else value


def positive(text: str) -> Decimal:
    """A finite number above zero. Raises ValueError or InvalidOperation."""
    value = amount(text)
    if not value:
        raise ValueError(f"{text!r} is not above zero")
    return value


def amount(text: str) -> Decimal:
    """A finite number from zero, from a string. Raises ValueError or InvalidOperation."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is a {type(text).__name__}, expected a decimal string")
    value = Decimal(text)
    if not value.is_finite() or value.is_signed() or abs(value.adjusted()) > MOST_DIGITS:
        raise ValueError(f"{text[:40]!r} is not a number from zero that a market could have")
    return value


def flag(value: object) -> bool:
    """True or false, as it came. Raises TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def levels(rows: Iterable[tuple[str, str]]) -> tuple[Level, ...]:
    """Book levels of ``[[price, quantity], …]``."""
    return tuple((positive(price), amount(quantity)) for price, quantity in rows)


def sound(candle: Candle) -> Candle:
    """``candle``, if its prices can be a candle's. Raises ValueError."""
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        raise ValueError(f"low {candle.low} and high {candle.high} do not enclose open and close")
    if candle.interval.open_ms(candle.open_ms) != candle.open_ms:
        raise ValueError(f"open time {candle.open_ms} is not aligned to {candle.interval.value}")
    return candle


def _kline(payload: Mapping[str, Any], received_ms: int) -> Candle:
    k = payload["k"]
    return sound(
        Candle(
            symbol=k["s"], interval=Interval(k["i"]), open_ms=time_ms(k["t"]),
            open=positive(k["o"]), high=positive(k["h"]), low=positive(k["l"]), close=positive(k["c"]),
            volume=amount(k["v"]), quote_volume=amount(k["q"]), trades=jsontext.whole(k["n"]),
            taker_buy_volume=amount(k["V"]), taker_buy_quote_volume=amount(k["Q"]),
            first_trade_id=jsontext.whole(k["f"]), last_trade_id=jsontext.whole(k["L"]), closed=flag(k["x"]),
            revision=Revision.CLOSED if k["x"] else Revision.FORMING, source=SOURCE_STREAM,
            event_ms=time_ms(payload["E"]), received_ms=received_ms,
        )
    )  # fmt: skip


def _trade(payload: Mapping[str, Any], received_ms: int) -> Trade:
    aggregate = payload["e"] == "aggTrade"
    first = payload["f"] if aggregate else payload["t"]
    last = payload["l"] if aggregate else first
    return Trade(
        symbol=payload["s"], trade_id=jsontext.whole(first), last_id=jsontext.whole(last),
        aggregate_id=jsontext.whole(payload["a"]) if aggregate else None,
        price=positive(payload["p"]), quantity=positive(payload["q"]),
        time_ms=time_ms(payload["T"]), is_buyer_maker=flag(payload["m"]),
        event_ms=time_ms(payload["E"]), received_ms=received_ms, source=SOURCE_STREAM,
    )  # fmt: skip


def _depth(payload: Mapping[str, Any], received_ms: int) -> BookDiff:
    diff = BookDiff(
        symbol=payload["s"], first_id=jsontext.whole(payload["U"]), last_id=jsontext.whole(payload["u"]),
        bids=levels(payload["b"]), asks=levels(payload["a"]),
        event_ms=time_ms(payload["E"]), received_ms=received_ms,
    )  # fmt: skip
    if diff.first_id > diff.last_id:
        raise ValueError(f"first update id {diff.first_id} is after the last, {diff.last_id}")
    return diff


def _shutdown(_payload: Mapping[str, Any], _received_ms: int) -> Shutdown:
    return Shutdown()


def _reply(payload: Mapping[str, Any]) -> Reply:
    if "result" in payload:
        return Reply(error=None)
    error = payload.get("error", payload)
    if isinstance(error, dict) and "msg" in error:
        return Reply(error=f"{error.get('code')}: {error['msg']}")
    raise BadMessageError("an object that is neither an event nor a reply")


_DECODERS: dict[str, Callable[[Mapping[str, Any], int], Event]] = {
    "kline": _kline,
    "trade": _trade,
    "aggTrade": _trade,
    "depthUpdate": _depth,
    "serverShutdown": _shutdown,
}
_MALFORMED = (KeyError, TypeError, ValueError, InvalidOperation)

"""Binance's WebSocket frames as words, each with the exchange's own object beside them.

Source: binance-spot-api-docs, web-socket-streams.md (text of 2026-07-21). Recorded frames are the judge. The usual
spelling of a combined frame is read without being parsed twice; any other spelling means the same, only slower.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from pipeline.domain import jsontext
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.events import Event, Reply, Shutdown
from pipeline.domain.faults import BadMessageError
from pipeline.domain.frames import DepthFrame, TickerFrame, TradeFrame
from pipeline.domain.interval import Interval
from pipeline.exchanges.binance.wire import (
    EARLIEST_MS,
    Aggregate,
    Depth,
    DepthNumbers,
    Kline,
    Ticker,
    Trade,
    amount,
    checked,
    checked_price,
    levels,
    plain_levels,
    positive,
    time_ms,
)

SOURCE_STREAM = "ws"
MOST_BYTES = 1_000_000
"""No frame of the documented streams comes near this size."""
AHEAD_MS = 60_000
"""How far a trade or a candle's start may lie after the moment of its own event, which it never should."""
MOST_STREAMS = 8_192
"""Streams whose names are remembered."""
_BEGINS, _MIDDLE = b'{"stream":"', b'","data":'
_NUMBERS = b'0123456789.",[]{}:'
_LEFT_OF_DEPTH = b"edepthUpdateEs%bUuba"
"""What is left of a depth object without digits and punctuation: no sign, no exponent, no other word."""
_LEFT_OF_TICKER = b"us%bbBaA"
MOST_UPDATES = 1_000_000
"""Update ids in one difference; a tenth of a second has some thousands."""


def decode(raw: bytes, *, received_ms: int) -> Event:
    """The word in one frame, combined or raw. Raises BadMessageError for anything the documents do not describe."""
    if len(raw) > MOST_BYTES:
        raise BadMessageError(f"a frame of {len(raw)} bytes, expected at most {MOST_BYTES}")
    end = raw.find(b'"', len(_BEGINS))
    body = end + len(_MIDDLE)
    decoder = _decoder_of(raw[:body])
    if decoder is not None and raw.endswith(b"}"):
        try:
            return decoder(raw[body:-1], received_ms)
        except (msgspec.DecodeError, ValueError) as error:  # a ValidationError is a DecodeError, that a ValueError
            raise BadMessageError(f"{raw[raw.find(b'@') + 1 : end].decode()} frame: {error}") from error
    return _any_spelling(raw, received_ms)


@lru_cache(MOST_STREAMS)
def _decoder_of(head: bytes) -> "_Decoder | None":
    """What reads the data of a combined frame that begins with ``head``; None where it is spelled otherwise."""
    if not (head.startswith(_BEGINS) and head.endswith(_MIDDLE)):
        return None
    return _BY_STREAM.get(head[head.find(b"@", len(_BEGINS)) + 1 : -len(_MIDDLE)])


def _any_spelling(raw: bytes, received_ms: int) -> Event:
    frame = jsontext.loads_object(raw)
    payload = frame.get("data", frame)
    if not isinstance(payload, dict):
        raise BadMessageError(f"frame data is a {type(payload).__name__}, expected an object")
    kind = payload.get("e")
    if kind is None and not payload.keys() >= {"u", "b", "B", "a", "A"}:
        return _reply(payload)
    decoder = _BY_EVENT.get(kind) if isinstance(kind, str | None) else None
    if decoder is None:
        raise BadMessageError(f"unknown event {kind!r}")
    try:
        return decoder(jsontext.dumps(payload), received_ms)
    except _MALFORMED as error:
        raise BadMessageError(f"{kind} frame: {error}") from error


def sound(candle: Candle) -> Candle:
    """``candle``, if its prices can be a candle's. Raises ValueError."""
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        raise ValueError(f"low {candle.low} and high {candle.high} do not enclose open and close")
    if candle.interval.open_ms(candle.open_ms) != candle.open_ms:
        raise ValueError(f"open time {candle.open_ms} is not aligned to {candle.interval.value}")
    return candle


def _named(found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(f"event {found!r} on a stream of {expected}")


def _in_time(moment: int, *, event_ms: int, what: str) -> int:
    found_ms = time_ms(moment)
    if found_ms > event_ms + AHEAD_MS:
        raise ValueError(f"{what} at {found_ms} lies after its event at {event_ms}")
    return found_ms


def _trade(body: bytes, received_ms: int) -> TradeFrame:
    plain = _PLAIN_TRADE(body)
    if plain is None:
        return _any_trade(body, received_ms)
    event, symbol, trade_id, trade = plain.groups()
    event_ms, moment_ms, number = int(event), int(trade), int(trade_id)
    if not EARLIEST_MS <= moment_ms <= event_ms + AHEAD_MS or event_ms < EARLIEST_MS:
        return _any_trade(body, received_ms)
    return TradeFrame(symbol.decode(), number, number, moment_ms, event_ms, body)


def _any_trade(body: bytes, _received_ms: int) -> TradeFrame:
    trade = _TRADE(body)
    _named(trade.e, "trade")
    checked_price(trade.p)
    checked_price(trade.q)
    event_ms = time_ms(trade.E)
    moment = _in_time(trade.T, event_ms=event_ms, what="a trade")
    if moment != trade.T:
        body = _in_milliseconds(body, E=event_ms, T=moment)
    return TradeFrame(_symbol(trade.s), _id(trade.t), trade.t, moment, event_ms, body)


def _aggregate(body: bytes, _received_ms: int) -> TradeFrame:
    trade = _AGGREGATE(body)
    _named(trade.e, "aggTrade")
    checked_price(trade.p)
    checked_price(trade.q)
    if not trade.f <= trade.l:
        raise ValueError(f"first trade id {trade.f} is after the last, {trade.l}")
    event_ms = time_ms(trade.E)
    moment = _in_time(trade.T, event_ms=event_ms, what="a trade")
    if moment != trade.T:
        body = _in_milliseconds(body, E=event_ms, T=moment)
    return TradeFrame(_symbol(trade.s), _id(trade.f), trade.l, moment, event_ms, body)


def read_depth(body: bytes, received_ms: int) -> DepthFrame:
    """The difference in one ``depthUpdate`` object. Raises ValueError, also as msgspec's own errors."""
    depth = _DEPTH(body)
    _named(depth.e, "depthUpdate")
    if not 0 <= depth.U <= depth.u <= depth.U + MOST_UPDATES:
        raise ValueError(f"update ids {depth.U} to {depth.u} are no run of a moment")
    if body.translate(None, _NUMBERS) == _LEFT_OF_DEPTH % depth.s.encode().translate(None, _NUMBERS):
        numbers = _DEPTH_NUMBERS(body)
        bids, asks = plain_levels(numbers.b, depth.b), plain_levels(numbers.a, depth.a)
    else:
        bids, asks = levels(depth.b), levels(depth.a)
    return DepthFrame(_symbol(depth.s), depth.U, depth.u, bids, asks, time_ms(depth.E), received_ms, body)


def _ticker(body: bytes, _received_ms: int) -> TickerFrame:
    ticker = _TICKER(body)
    texts = (ticker.b, ticker.B, ticker.a, ticker.A)
    if body.translate(None, _NUMBERS) != _LEFT_OF_TICKER % ticker.s.encode():
        _named(ticker.e, "bookTicker")
        for text in texts:
            checked(text)
    for text in texts:
        float(text)  # raises ValueError for what has only a number's digits
    if ticker.u < 0:
        raise ValueError(f"{ticker.u} is not an id")
    return TickerFrame(_symbol(ticker.s), ticker.u, (ticker.b, ticker.B), (ticker.a, ticker.A))


def _kline(body: bytes, received_ms: int) -> Candle:
    kline = _KLINE(body)
    _named(kline.e, "kline")
    k, event_ms = kline.k, time_ms(kline.E)
    if k.i != Interval.M1.value or k.s != kline.s:
        raise ValueError(f"a candle of {k.s} {k.i} in a frame of {kline.s} {Interval.M1.value}")
    open_ms = _in_time(k.t, event_ms=event_ms, what="a candle")
    if k.n < 0:
        raise ValueError(f"a candle of {k.n} trades")
    return sound(
        Candle(
            symbol=_symbol(k.s), interval=Interval(k.i), open_ms=open_ms,
            open=positive(k.o), high=positive(k.h), low=positive(k.l), close=positive(k.c),
            volume=amount(k.v), quote_volume=amount(k.q), trades=k.n,
            taker_buy_volume=amount(k.V), taker_buy_quote_volume=amount(k.Q),
            first_trade_id=k.f, last_trade_id=k.L, closed=k.x,
            revision=Revision.CLOSED if k.x else Revision.FORMING, source=SOURCE_STREAM,
            event_ms=event_ms, received_ms=received_ms,
        )
    )  # fmt: skip


def _shutdown(_body: bytes, _received_ms: int) -> Shutdown:
    return Shutdown()


def _in_milliseconds(body: bytes, **times: int) -> bytes:
    """The object with its times in the one unit the log has."""
    return jsontext.dumps(jsontext.loads_object(body) | times)


def _symbol(name: str) -> str:
    if not name:
        raise ValueError("a frame without a symbol")
    return name


def _id(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is not an id")
    return number


def _reply(payload: dict[str, Any]) -> Reply:
    if "result" in payload:
        return Reply(error=None)
    error = payload.get("error", payload)
    if isinstance(error, dict) and "msg" in error:
        return Reply(error=f"{error.get('code')}: {error['msg']}")
    raise BadMessageError("an object that is neither an event nor a reply")


_MALFORMED = (msgspec.DecodeError, ValueError, RecursionError)
_Decoder = Callable[[bytes, int], Event]
_AMOUNT = rb"[0-9]{1,24}(?:\.[0-9]{1,24})?"
_PLAIN_TRADE = re.compile(
    rb'\{"e":"trade","E":([1-9][0-9]{12}),"s":"([A-Z0-9]{1,40})","t":(0|[1-9][0-9]{0,17}),'
    rb'"p":"(?![0.]+")%b","q":"(?![0.]+")%b","T":([1-9][0-9]{12}),"m":(?:true|false)(?:,"M":(?:true|false))?\}'
    % (_AMOUNT, _AMOUNT)
).fullmatch
"""The usual spelling of a trade: everything ``_any_trade`` checks is checked by it, but what its times may be."""
_TRADE = msgspec.json.Decoder(Trade).decode
_AGGREGATE = msgspec.json.Decoder(Aggregate).decode
_DEPTH = msgspec.json.Decoder(Depth).decode
_DEPTH_NUMBERS = msgspec.json.Decoder(DepthNumbers, strict=False).decode
_TICKER = msgspec.json.Decoder(Ticker).decode
_KLINE = msgspec.json.Decoder(Kline).decode
_BY_EVENT: dict[str | None, _Decoder] = {
    "kline": _kline,
    "trade": _trade,
    "aggTrade": _aggregate,
    "depthUpdate": read_depth,
    "serverShutdown": _shutdown,
    None: _ticker,
}
_BY_STREAM: dict[bytes, _Decoder] = {
    b"kline_1m": _kline,
    b"trade": _trade,
    b"aggTrade": _aggregate,
    b"depth@100ms": read_depth,
    b"bookTicker": _ticker,
}

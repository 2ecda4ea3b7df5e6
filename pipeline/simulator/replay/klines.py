"""The klines a recording lacks, folded from its trades; none is closed that was not seen from its start."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple

import orjson

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import extend, fold_minutes
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.trade import Trade
from pipeline.simulator.replay.tape import Moment, Session
from pipeline.simulator.streams import Kind, stream_name
from pipeline.simulator.wire import KlineWords

FRAME_EVERY_MS = 2_000
DELAY_MS = 20
"""How long after the moment it describes a kline comes."""


class KlineMoment(NamedTuple):
    """A folded kline at its place; ``whole`` if its bucket was seen from its start."""

    moment: Moment
    symbol: str
    interval: Interval
    whole: bool


class _Seen(NamedTuple):
    at_ms: int
    trade: Trade


@dataclass(slots=True)
class _Past:
    """What is known when a minute begins: the close and id before it, and the whole minutes so far."""

    close: Decimal | None = None
    last_id: int = -1
    minutes: dict[int, Candle] = field(default_factory=dict)


def folded_klines(session: Session, symbol: str) -> Iterator[KlineMoment]:
    """Kline moments of every interval over one session of one symbol, in order; nothing without trades."""
    seen = _trades(session, symbol)
    by_minute: dict[int, list[_Seen]] = {}
    for one in seen:
        by_minute.setdefault(Interval.M1.open_ms(one.trade.time_ms), []).append(one)
    past, firsts = _Past(), {open_ms: group[0].trade.trade_id for open_ms, group in by_minute.items()}
    for open_ms in range(min(by_minute, default=session.end_ms + 1), session.end_ms + 1, MINUTE_MS):
        next_id = next((first for later_ms, first in firsts.items() if later_ms > open_ms), None)
        minute = by_minute.get(open_ms, [])
        whole = open_ms >= session.start_ms and _unbroken(minute, past, next_id=next_id)
        yield from _minute(session, minute, candle=_empty(symbol, open_ms, past), whole=whole, past=past)


def words_of(candle: Candle) -> KlineWords:
    """A candle in the venue's words, eight decimals."""
    return KlineWords(
        candle.open_ms,
        candle.close_ms,
        f"{candle.open:.8f}",
        f"{candle.high:.8f}",
        f"{candle.low:.8f}",
        f"{candle.close:.8f}",
        f"{candle.volume:.8f}",
        f"{candle.quote_volume:.8f}",
        candle.trades,
        f"{candle.taker_buy_volume:.8f}",
        f"{candle.taker_buy_quote_volume:.8f}",
        candle.first_trade_id,
        candle.last_trade_id,
    )


def _minute(session: Session, seen: list[_Seen], *, candle: Candle, whole: bool, past: _Past) -> Iterator[KlineMoment]:
    """A minute's frames, every two seconds; the last one closes it, if it was whole and its end was recorded."""
    end_ms = candle.open_ms + MINUTE_MS
    for until_ms in range(candle.open_ms + FRAME_EVERY_MS, end_ms + 1, FRAME_EVERY_MS):
        come = list(takewhile(lambda one: one.trade.time_ms < until_ms, seen)) if until_ms < end_ms else seen  # noqa: B023
        seen = seen[len(come) :]
        candle = extend(candle, [one.trade for one in come])
        at_ms = max([until_ms + DELAY_MS, *(one.at_ms for one in come)])
        closed = until_ms == end_ms
        if at_ms <= session.end_ms and candle.open and (whole or not closed):
            yield from _moments(replace(candle, closed=closed, event_ms=at_ms), at_ms=at_ms, whole=whole, past=past)
    past.close, past.last_id = candle.close or past.close, max(candle.last_trade_id, past.last_id)


def _moments(candle: Candle, *, at_ms: int, whole: bool, past: _Past) -> Iterator[KlineMoment]:
    yield _moment(candle, at_ms=at_ms, whole=whole)
    if not whole:
        return
    past.minutes[candle.open_ms] = candle
    for interval in Interval:
        opens = range(interval.open_ms(candle.open_ms), candle.open_ms + 1, MINUTE_MS)
        if interval is not Interval.M1 and all(open_ms in past.minutes for open_ms in opens):
            longer = fold_minutes([past.minutes[open_ms] for open_ms in opens], interval=interval)
            closed = candle.closed and candle.close_ms == longer.close_ms
            yield _moment(replace(longer, closed=closed), at_ms=at_ms, whole=True)


def _moment(candle: Candle, *, at_ms: int, whole: bool) -> KlineMoment:
    words, interval = words_of(candle), candle.interval
    text = words.event(candle.symbol, interval=interval.value, event_ms=at_ms, closed=candle.closed)
    stream = stream_name(candle.symbol, Kind.KLINE, interval=interval)
    return KlineMoment(Moment(at_ms, stream, "", text.encode()), candle.symbol, interval, whole)


def _unbroken(seen: list[_Seen], past: _Past, *, next_id: int | None) -> bool:
    """Whether no trade id is missing from the last trade before, where one is known, to the first one after."""
    expected = past.last_id + 1
    for first, last in ((one.trade.trade_id, one.trade.last_id) for one in seen):
        if expected not in (0, first):
            return False
        expected = last + 1
    return next_id is None or expected in (0, next_id)


def _empty(symbol: str, open_ms: int, past: _Past) -> Candle:
    price, nothing = past.close or Decimal(0), Decimal(0)
    return Candle(
        symbol=symbol,
        interval=Interval.M1,
        open_ms=open_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=nothing,
        quote_volume=nothing,
        trades=0,
        taker_buy_volume=nothing,
        taker_buy_quote_volume=nothing,
        closed=False,
        revision=Revision.FORMING,
        source="ws",
        event_ms=open_ms,
        received_ms=open_ms,
    )


def _trades(session: Session, symbol: str) -> list[_Seen]:
    for kind in (Kind.TRADE, Kind.AGGREGATE):
        name = stream_name(symbol, kind)
        seen = [_Seen(m.at_ms, _trade(symbol, orjson.loads(m.data))) for m in session.moments if m.stream == name]
        if seen:
            return sorted(seen, key=lambda one: one.trade.trade_id)
    return []


def _trade(symbol: str, event: dict[str, str | int]) -> Trade:
    return Trade(
        symbol=symbol,
        trade_id=int(event["t"] if event["e"] == "trade" else event["f"]),
        last_id=int(event["t"] if event["e"] == "trade" else event["l"]),
        price=Decimal(event["p"]),
        quantity=Decimal(event["q"]),
        time_ms=int(event["T"]),
        is_buyer_maker=bool(event["m"]),
        event_ms=int(event["E"]),
        received_ms=int(event["E"]),
        source="ws",
    )

"""What a socket is sent first: the state of a stream in Redis, read in one transaction with its sequence number."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import orjson
import redis
from redis.client import Pipeline

from app.push.bars import LongerBar
from app.push.candles import closed_candles, keep_older, recent_minutes
from app.push.frames import text_frame
from app.push.subscriptions import Snapshot, Subscription
from pipeline.domain import jsontext, names, views
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval

log = logging.getLogger(__name__)

History = Callable[[str, Interval, int], Sequence[Candle]]
"""(symbol, interval, limit) -> the newest closed candles, oldest first; may raise TransientError."""

ATTEMPTS = 20


class RedisSnapshots:
    """Reads the contract's keys; ``history`` gives older candles than Redis keeps."""

    def __init__(self, client: "redis.Redis", *, history: History | None = None) -> None:
        self._redis = client
        self._history = history

    def read(self, wanted: Subscription) -> Snapshot:
        """The state now. Raises TransientError while Redis is away."""
        readers = {"kline": self._kline, "orderbook": self._orderbook, "trades": self._trades}
        try:
            return readers[wanted.stream](wanted)
        except redis.RedisError as error:
            raise TransientError(f"Redis: {error}", retry_after_s=1) from error

    def _orderbook(self, wanted: Subscription) -> Snapshot:
        seq, text = self._with_sequence(wanted, lambda pipe: pipe.get(names.orderbook_key(wanted.symbol)))
        book = jsontext.loads_exact(text) if text else _no_book(wanted.symbol)
        view = views.depth_view(book, limit=wanted.limit)
        return Snapshot(seq=seq, frames=(_frame("initial", view, event_ms=book["timestamp"], seq=seq),))

    def _trades(self, wanted: Subscription) -> Snapshot:
        key = names.trades_key(wanted.symbol)
        seq, texts = self._with_sequence(wanted, lambda pipe: pipe.zrevrange(key, 0, wanted.limit - 1))
        event_ms = jsontext.loads(texts[0])["time"] if texts else None
        fields = {"symbol": wanted.symbol, "trades": [orjson.Fragment(text) for text in texts]}
        return Snapshot(seq=seq, frames=(_frame("initial", fields, event_ms=event_ms, seq=seq),))

    def _kline(self, wanted: Subscription) -> Snapshot:
        interval = wanted.interval or Interval.M1
        seq, latest, minutes = self._minutes(wanted.symbol, _minutes_needed(interval, wanted.limit))
        closed = closed_candles(minutes, interval=interval)
        older = () if _enough(closed, wanted.limit) else self._older(wanted, interval)
        first = keep_older(older, closed)[-wanted.limit :]
        if interval is Interval.M1:
            newest = max(minutes[-1:] + latest, key=lambda minute: minute.open_ms, default=None)
            return Snapshot(seq=seq, frames=_candle_frames(wanted.symbol, interval, first, newest, seq))
        bar = LongerBar(interval, recent_minutes(minutes + latest, interval=interval))
        return Snapshot(seq=seq, frames=_candle_frames(wanted.symbol, interval, first, bar.candle(), seq), bar=bar)

    def _minutes(self, symbol: str, count: int) -> tuple[int | None, list[Candle], list[Candle]]:
        """(sequence number, the newest minute if any, the closed minutes in time order), all of one moment."""
        index = names.candle_index_key(symbol)
        with self._redis.pipeline() as pipe:
            for _ in range(ATTEMPTS):
                pipe.watch(index)  # type: ignore[no-untyped-call]
                opened = cast(list[bytes], pipe.zrevrange(index, 0, count - 1))
                pipe.multi()
                pipe.get(names.sequence_key("kline", symbol))
                pipe.mget([names.latest_key(symbol), *(names.candle_key(symbol, int(ms)) for ms in reversed(opened))])
                try:
                    seq, (latest, *closed) = pipe.execute()
                except redis.WatchError:
                    continue
                return _sequence(seq), _candles([latest]), _candles(closed)
        raise TransientError(f"{symbol}: its minutes change faster than they can be read", retry_after_s=1)

    def _older(self, wanted: Subscription, interval: Interval) -> Sequence[Candle]:
        if self._history is None:
            return ()
        try:
            return self._history(wanted.symbol, interval, wanted.limit)
        except TransientError as error:
            log.warning("a first message without older candles: %s", error)
            return ()

    def _with_sequence(self, wanted: Subscription, command: Callable[["Pipeline"], Any]) -> tuple[int | None, Any]:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(names.sequence_key(wanted.stream, wanted.symbol))
            command(pipe)
            seq, state = pipe.execute()
        return _sequence(seq), state


def _minutes_needed(interval: Interval, limit: int) -> int:
    return min(names.REALTIME_MINUTES, (limit + 2) * interval.minutes)


def _enough(closed: Sequence[Candle], limit: int) -> bool:
    """Whether Redis alone gives ``limit`` candles; the minutes it keeps may begin in the middle of the first."""
    return len(closed) >= limit and (closed[-limit].interval is Interval.M1 or closed[-limit].complete)


def _sequence(text: bytes | None) -> int | None:
    return int(text) if text is not None else None


def _candles(texts: Sequence[bytes | None]) -> list[Candle]:
    return [views.candle_from_view(jsontext.loads_exact(text)) for text in texts if text]


def _candle_frames(
    symbol: str, interval: Interval, closed: Sequence[Candle], newest: Candle | None, seq: int | None
) -> tuple[bytes, ...]:
    known = newest or (closed[-1] if closed else None)
    event_ms = known.event_ms if known else None
    fields = {"symbol": symbol, "interval": interval.value, "candles": [views.candle_view(c) for c in closed]}
    initial = _frame("initial", fields, event_ms=event_ms, seq=seq)
    if newest is None:
        return (initial,)
    latest = {"symbol": symbol, "interval": interval.value, "candle": views.candle_view(newest)}
    return initial, _frame("latest", latest, event_ms=event_ms, seq=seq)


def _frame(kind: str, fields: views.View, *, event_ms: int | None, seq: int | None) -> bytes:
    return text_frame(jsontext.dumps({"type": kind, **fields, "eventTime": event_ms, "seq": seq or 0}))


def _no_book(symbol: str) -> views.View:
    return {"symbol": symbol, "lastUpdateId": None, "state": "resyncing", "timestamp": None, "bids": [], "asks": []}

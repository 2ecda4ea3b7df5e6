"""Redis as readers see it: the latest state of every market as words of the trade, each call with a deadline."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from pipeline.domain import jsontext, names, views
from pipeline.domain.book import BookSnapshot, BookState
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.trade import Trade

DEADLINE_S = 1.0
BOOK_HEAD_BYTES = 255
"""The levels come last in a book's JSON, so its state and times are in its first bytes."""
_TIMES = re.compile(rb'"timestamp":(\d+),"receivedTime":(\d+)')
_STATE = re.compile(rb'"state":"(\w+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When a market was last heard of: the exchange's clock and ours, and the state of its book.

    All are None before the first datum.
    """

    event_ms: int | None = None
    received_ms: int | None = None
    book_state: BookState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest minute and the closed ones after a given open time, read in one transaction."""

    latest: Candle | None
    closed: Sequence[Candle]


def connect(host: str, port: int, *, database: int, password: str | None) -> "redis.Redis":
    """A client which tries once and waits at most a second, so that a reader is told quickly."""
    return redis.Redis(
        host=host, port=port, db=database, password=password,
        socket_timeout=DEADLINE_S, socket_connect_timeout=DEADLINE_S, retry=Retry(NoBackoff(), 0),
    )  # fmt: skip


class RedisReader:
    """The contract's keys of one Redis database; every method raises TransientError while it is away."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def ping(self) -> None:
        """Return if Redis answers."""
        _guarded(self._redis.ping)

    def symbols(self) -> dict[str, Any] | None:
        """What ingest says of the symbols followed; None before it has."""
        text = _guarded(lambda: self._redis.get(names.SYMBOLS_KEY))
        return cast(dict[str, Any], jsontext.loads(text)) if text else None

    def latest(self, symbol: str) -> Candle | None:
        """The newest one-minute candle, forming or closed."""
        return _candle(_guarded(lambda: self._redis.get(names.latest_key(symbol))))

    def latest_of(self, symbols: Sequence[str]) -> dict[str, Candle]:
        """The newest one-minute candle of each symbol that has one."""
        texts = self._get_all([names.latest_key(symbol) for symbol in symbols])
        pairs = zip(symbols, map(_candle, texts), strict=True)
        return {symbol: candle for symbol, candle in pairs if candle is not None}

    def newest(self, symbol: str, *, after_ms: int) -> Newest:
        """The newest minute, and the closed minutes opened after ``after_ms``, oldest first."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(names.latest_key(symbol))
        pipe.zrangebyscore(names.candle_index_key(symbol), f"({after_ms}", "+inf")
        latest, opened = _guarded(pipe.execute)
        return Newest(latest=_candle(latest), closed=self._candles(symbol, opened))

    def closed(self, symbol: str, *, limit: int, before_ms: int | None, until_ms: int | None) -> list[Candle]:
        """The newest ``limit`` closed minutes opened before ``before_ms`` and not after ``until_ms``, oldest first."""
        bounds = [f"({before_ms}"] if before_ms is not None else []
        newest = str(until_ms) if until_ms is not None else "+inf"
        if before_ms is not None and (until_ms is None or before_ms <= until_ms):
            newest = bounds[0]
        index = names.candle_index_key(symbol)
        opened = _guarded(lambda: self._redis.zrevrangebyscore(index, newest, "-inf", start=0, num=limit))
        return self._candles(symbol, opened[::-1])

    def book(self, symbol: str) -> BookSnapshot | None:
        """The book as last published, best levels first."""
        text = _guarded(lambda: self._redis.get(names.orderbook_key(symbol)))
        return views.book_from_view(jsontext.loads_exact(text)) if text else None

    def trades(self, symbol: str, limit: int) -> list[Trade]:
        """The newest ``limit`` trades, newest first."""
        rows = _guarded(lambda: self._redis.zrevrange(names.trades_key(symbol), 0, limit - 1))
        return [views.trade_from_view(jsontext.loads_exact(row)) for row in rows]

    def prediction(self, symbol: str) -> dict[str, Any] | None:
        """The newest forecast with its exact numbers; None until there is one."""
        text = _guarded(lambda: self._redis.get(names.prediction_key(symbol)))
        return cast(dict[str, Any], jsontext.loads_exact(text)) if text else None

    def heartbeats(self, processes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What each process last said of itself; one that is silent is missing."""
        texts = self._get_all([names.heartbeat_key(process) for process in processes])
        return {process: jsontext.loads(text) for process, text in zip(processes, texts, strict=True) if text}

    def freshness(self, symbols: Sequence[str]) -> dict[str, Freshness]:
        """When each symbol's kline or book last moved, whichever is newer; reads no book beyond its head."""
        pipe = self._redis.pipeline(transaction=False)
        for symbol in symbols:
            _queue_freshness(pipe, symbol)
        rows = iter(_guarded(pipe.execute))
        return {symbol: _freshness(latest, head) for symbol, latest, head in zip(symbols, rows, rows, strict=True)}

    def _candles(self, symbol: str, opened: Sequence[bytes]) -> list[Candle]:
        texts = self._get_all([names.candle_key(symbol, int(open_ms)) for open_ms in opened])
        return [candle for text in texts if (candle := _candle(text)) is not None]

    def _get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        return cast(list[bytes | None], _guarded(lambda: self._redis.mget(keys))) if keys else []


def _queue_freshness(pipe: "Pipeline", symbol: str) -> None:
    pipe.get(names.latest_key(symbol))
    pipe.getrange(names.orderbook_key(symbol), 0, BOOK_HEAD_BYTES)


def _freshness(latest: bytes | None, head: bytes) -> Freshness:
    heard = [(int(found[2]), int(found[1])) for found in [_TIMES.search(head)] if found]
    if latest:
        candle = jsontext.loads(latest)
        heard.append((candle["receivedTime"], candle["updatedAt"]))
    if not heard:
        return Freshness()
    received_ms, event_ms = max(heard)
    state = _STATE.search(head)
    book_state = BookState(state[1].decode()) if state else None
    return Freshness(event_ms=event_ms, received_ms=received_ms, book_state=book_state)


def _candle(text: bytes | None) -> Candle | None:
    return views.candle_from_view(jsontext.loads_exact(text)) if text else None


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except redis.RedisError as error:
        raise TransientError(f"Redis: {error}") from error

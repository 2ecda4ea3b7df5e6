"""Redis as the cache stage writes it: state, sequence number and message of a change in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from pipeline.domain import jsontext, names, pushes, views
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.shelf import Change, Published, PutBook, PutCandle, PutLatest, PutTrades, Shelved
from pipeline.domain.trade import Trade

STATE_LIFE_S = 7 * 86_400
CANDLE_LIFE_S = 60 * (names.REALTIME_MINUTES + 60)
LOAD_CHUNK = 500


def connect(host: str, port: int, *, database: int, password: str | None) -> "redis.Redis":
    """A client whose every call has a deadline and is made once: a transaction sent again might be told twice."""
    return redis.Redis(
        host=host, port=port, db=database, password=password,
        socket_timeout=5, socket_connect_timeout=3, retry=Retry(NoBackoff(), 0),
    )  # fmt: skip


class RedisShelf:
    """The contract's keys of one Redis database; the cache stage is their only writer."""

    def __init__(self, client: "redis.Redis", *, database: int) -> None:
        self._redis = client
        self._database = database

    def apply(self, changes: Iterable[Change]) -> None:
        """Write all changes in one transaction. Raises TransientError, and then none may be taken as written."""
        pipe = self._redis.pipeline(transaction=True)
        for change in changes:
            self._queue(pipe, change)
        _guarded(pipe.execute)

    def load(self, symbol: str) -> Shelved:
        """What the shelf holds of a symbol, for a process that starts. Raises TransientError."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(names.latest_key(symbol))
        pipe.get(names.orderbook_key(symbol))
        pipe.zrevrange(names.trades_key(symbol), 0, 0, withscores=True)
        for stream in names.STREAMS:
            pipe.get(names.sequence_key(stream, symbol))
        latest, book, trades, *sequences = _guarded(pipe.execute)
        return Shelved(
            latest=_candle(latest),
            book_id=jsontext.loads(book)["lastUpdateId"] if book else -1,
            trade_id=int(trades[0][1]) if trades else -1,
            sequences={
                stream: int(seq) for stream, seq in zip(names.STREAMS, sequences, strict=True) if seq is not None
            },
            closed=self._closed(symbol),
        )

    @property
    def filled(self) -> bool:
        """Whether Redis still is what we filled; False after a wipe. Raises TransientError."""
        return bool(_guarded(lambda: self._redis.exists(names.CACHE_EPOCH_KEY)))

    def mark_filled(self) -> None:
        """Everything is written: until the next wipe ``filled`` is true."""
        _guarded(lambda: self._redis.set(names.CACHE_EPOCH_KEY, 1, ex=STATE_LIFE_S))

    def _closed(self, symbol: str) -> list[Candle]:
        opened = _guarded(lambda: self._redis.zrange(names.candle_index_key(symbol), 0, -1))
        keys = [names.candle_key(symbol, int(open_ms)) for open_ms in opened]
        chunks = [keys[start : start + LOAD_CHUNK] for start in range(0, len(keys), LOAD_CHUNK)]
        texts = [text for chunk in chunks for text in _guarded(partial(self._redis.mget, chunk))]
        return [candle for text in texts if (candle := _candle(text)) is not None]

    def _queue(self, pipe: "Pipeline", change: Change) -> None:
        match change:
            case PutLatest(candle):
                pipe.set(names.latest_key(candle.symbol), _text(views.candle_view(candle)), ex=STATE_LIFE_S)
            case PutCandle(candle, keep_from_ms):
                _queue_candle(pipe, candle, keep_from_ms)
            case PutTrades(symbol, trades):
                _queue_trades(pipe, symbol, trades)
            case PutBook(book):
                _queue_book(pipe, book)
            case Published(stream, symbol, push):
                pipe.set(names.sequence_key(stream, symbol), push.seq, ex=STATE_LIFE_S)
                pipe.publish(names.channel(self._database, stream, symbol), pushes.encode_push(push))


def _queue_candle(pipe: "Pipeline", candle: Candle, keep_from_ms: int) -> None:
    index = names.candle_index_key(candle.symbol)
    pipe.set(names.candle_key(candle.symbol, candle.open_ms), _text(views.candle_view(candle)), ex=CANDLE_LIFE_S)
    pipe.zadd(index, {str(candle.open_ms): candle.open_ms})
    pipe.zremrangebyscore(index, "-inf", keep_from_ms - 1)
    pipe.delete(names.candle_key(candle.symbol, keep_from_ms - MINUTE_MS))
    pipe.expire(index, STATE_LIFE_S)


def _queue_trades(pipe: "Pipeline", symbol: str, trades: Sequence[Trade]) -> None:
    key = names.trades_key(symbol)
    pipe.zadd(key, {_text(views.trade_view(trade)): trade.trade_id for trade in trades})
    pipe.zremrangebyrank(key, 0, -names.REALTIME_TRADES - 1)
    pipe.expire(key, STATE_LIFE_S)


def _queue_book(pipe: "Pipeline", book: BookSnapshot) -> None:
    pipe.set(names.orderbook_key(book.symbol), _text(views.book_view(book)), ex=STATE_LIFE_S)


def _candle(text: bytes | None) -> Candle | None:
    return views.candle_from_view(jsontext.loads_exact(text)) if text else None


def _text(view: views.View) -> bytes:
    return jsontext.dumps(view)


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except redis.RedisError as error:
        raise TransientError(f"Redis: {error}") from error

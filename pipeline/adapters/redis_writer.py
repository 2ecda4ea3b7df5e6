"""Redis as the cache stage writes it: state, sequence number and message of a change in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.adapters.redis_wire import RedisWire, Transaction, Word
from pipeline.domain import jsontext, names, pushes, views
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.recent_trades import TradeRow, row_of
from pipeline.domain.shelf import (
    Change,
    Published,
    PutBook,
    PutBookText,
    PutCandle,
    PutLatest,
    PutTradeRows,
    PutTrades,
    Shelved,
)

STATE_LIFE_S = 7 * 86_400
CANDLE_LIFE_S = 60 * (names.REALTIME_MINUTES + 60)
LOAD_CHUNK = 500
TRIM_EVERY = 32
"""New trades of a symbol after which its list is cut to the newest and its life renewed."""
KEYS = 20_000
"""Names kept as bytes, a few a symbol."""


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
        self._wire = RedisWire.like(client)
        self._untrimmed: dict[bytes, int] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        """Write all changes in one transaction. Raises TransientError, and then none may be taken as written."""
        transaction = Transaction()
        sequences: dict[bytes, int] = {}
        for change in changes:
            if isinstance(change, Published):
                stream, symbol, push = change.stream, change.symbol, change.push
                transaction.add(b"PUBLISH", self._channel(stream, symbol), pushes.encode_push(push))
                sequences[_sequence_key(stream, symbol)] = push.seq
            else:
                self._queue(transaction, change)
        for key, seq in sequences.items():
            transaction.add(b"SET", key, seq, b"EX", STATE_LIFE_S)
        _guarded(partial(self._wire.execute, transaction))

    def load(self, symbol: str) -> Shelved:
        """What the shelf holds of a symbol, for a process that starts. Raises TransientError."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(names.latest_key(symbol))
        pipe.get(names.orderbook_key(symbol))
        pipe.zrange(names.trades_key(symbol), 0, -1, withscores=True)
        for stream in names.STREAMS:
            pipe.get(names.sequence_key(stream, symbol))
        latest, book, trades, *sequences = _guarded(pipe.execute)
        return Shelved(
            latest=_candle(latest),
            book=views.book_from_view(jsontext.loads_exact(book)) if book else None,
            trades=[_trade_row(text, int(score)) for text, score in trades],
            sequences={
                stream: int(seq) for stream, seq in zip(names.STREAMS, sequences, strict=True) if seq is not None
            },
            closed=self._closed(symbol),
        )

    @property
    def filled(self) -> bool:
        """Whether Redis still is what we filled; False after a wipe. Raises TransientError."""
        filled = bool(_guarded(lambda: self._redis.exists(names.CACHE_EPOCH_KEY)))
        if not filled:
            self._untrimmed.clear()
        return filled

    def mark_filled(self) -> None:
        """Everything is written: until the next wipe ``filled`` is true."""
        _guarded(lambda: self._redis.set(names.CACHE_EPOCH_KEY, 1, ex=STATE_LIFE_S))

    def _closed(self, symbol: str) -> list[Candle]:
        opened = _guarded(lambda: self._redis.zrange(names.candle_index_key(symbol), 0, -1))
        keys = [names.candle_key(symbol, int(open_ms)) for open_ms in opened]
        chunks = [keys[start : start + LOAD_CHUNK] for start in range(0, len(keys), LOAD_CHUNK)]
        texts = [text for chunk in chunks for text in _guarded(partial(self._redis.mget, chunk))]
        return [candle for text in texts if (candle := _candle(text)) is not None]

    def _queue(self, transaction: Transaction, change: Change) -> None:
        match change:
            case PutLatest(candle, text):
                key = names.latest_key(candle.symbol).encode()
                transaction.add(b"SET", key, text or _text(views.candle_view(candle)), b"EX", STATE_LIFE_S)
            case PutCandle(candle, keep_from_ms):
                _queue_candle(transaction, candle, keep_from_ms)
            case PutTradeRows(symbol, rows, gone):
                self._queue_rows(transaction, symbol, rows, gone)
            case PutTrades(symbol, trades):
                self._queue_rows(transaction, symbol, [row_of(trade) for trade in trades], ())
            case PutBookText(symbol, text):
                transaction.add(b"SET", _book_key(symbol), text, b"EX", STATE_LIFE_S)
            case PutBook(book):
                transaction.add(b"SET", _book_key(book.symbol), _text(views.book_view(book)), b"EX", STATE_LIFE_S)

    def _queue_rows(self, transaction: Transaction, symbol: str, rows: Sequence[TradeRow], gone: Sequence[int]) -> None:
        key = _trades_key(symbol)
        for first_id in gone:
            transaction.add(b"ZREMRANGEBYSCORE", key, first_id, first_id)
        words: list[Word] = [b"ZADD", key]
        for row in rows:
            words += (row.first_id, row.text)
        transaction.add(*words)
        added = self._untrimmed.get(key, TRIM_EVERY) + len(rows)
        if added >= TRIM_EVERY:
            added = 0
            transaction.add(b"ZREMRANGEBYRANK", key, 0, -names.REALTIME_TRADES - 1)
            transaction.add(b"EXPIRE", key, STATE_LIFE_S)
        self._untrimmed[key] = added

    def _channel(self, stream: str, symbol: str) -> bytes:
        return _channel(self._database, stream, symbol)


def _queue_candle(transaction: Transaction, candle: Candle, keep_from_ms: int) -> None:
    index, open_ms = names.candle_index_key(candle.symbol).encode(), candle.open_ms
    key, oldest = names.candle_key(candle.symbol, open_ms), names.candle_key(candle.symbol, keep_from_ms - MINUTE_MS)
    transaction.add(b"SET", key.encode(), _text(views.candle_view(candle)), b"EX", CANDLE_LIFE_S)
    transaction.add(b"ZADD", index, open_ms, b"%d" % open_ms)
    transaction.add(b"ZREMRANGEBYSCORE", index, b"-inf", keep_from_ms - 1)
    transaction.add(b"DEL", oldest.encode())
    transaction.add(b"EXPIRE", index, STATE_LIFE_S)


def _trade_row(text: bytes, first_id: int) -> TradeRow:
    last_id = jsontext.loads(text)["lastTradeId"] if b'"lastTradeId"' in text else first_id
    return TradeRow(first_id, last_id, text)


@lru_cache(maxsize=KEYS)
def _channel(database: int, stream: str, symbol: str) -> bytes:
    return names.channel(database, stream, symbol).encode()


@lru_cache(maxsize=KEYS)
def _sequence_key(stream: str, symbol: str) -> bytes:
    return names.sequence_key(stream, symbol).encode()


@lru_cache(maxsize=KEYS)
def _book_key(symbol: str) -> bytes:
    return names.orderbook_key(symbol).encode()


@lru_cache(maxsize=KEYS)
def _trades_key(symbol: str) -> bytes:
    return names.trades_key(symbol).encode()


def _candle(text: bytes | None) -> Candle | None:
    return views.candle_from_view(jsontext.loads_exact(text)) if text else None


def _text(view: views.View) -> bytes:
    return jsontext.dumps(view)


def _guarded(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except redis.RedisError as error:
        raise TransientError(f"Redis: {error}") from error

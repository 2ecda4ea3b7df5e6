"""Real stores filled for a test by the very writers that fill them in life."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import redis

from pipeline.adapters import mongo_writer
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_writer import CandleStore
from pipeline.adapters.redis_writer import RedisShelf
from pipeline.domain import jsontext, names
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.shelf import Change, PutBook, PutCandle, PutLatest, PutTrades
from pipeline.domain.trade import Trade
from pipeline.settings import Settings


class Shelves:
    """Redis and MongoDB of one namespace, as ingest, cache and archive leave them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = redis.Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db)
        self._shelf = RedisShelf(self.redis, database=settings.redis_db)
        self._mongo = mongo_writer.connect(settings.mongo_uri)
        self._store = CandleStore(self._mongo, settings.mongo_db)
        self._store.ensure_indexes()
        self._gaps = GapStore(self._mongo, settings.mongo_db)
        self._gaps.ensure_indexes()

    def close(self) -> None:
        self.redis.close()
        self._mongo.close()

    def follow(self, *symbols: str, status: str = "TRADING") -> None:
        rows = [
            {
                "symbol": symbol, "status": status, "baseAsset": symbol.removesuffix("USDT"), "quoteAsset": "USDT",
                "tickSize": "0.01000000", "stepSize": "0.00001000",
            }
            for symbol in symbols
        ]  # fmt: skip
        self.redis.set(names.SYMBOLS_KEY, jsontext.dumps({"source": "simulator", "updatedAt": 1, "symbols": rows}))

    def archive(self, *candles: Candle) -> None:
        self._store.upsert(candles)

    def gap(self, symbol: str, start: int, end: int, **other: Any) -> None:
        """Note a hole in the ledger, as those who find one do."""
        words: dict[str, Any] = {"stream": "kline", "cause": "ours", "reason": "test", "detected_ms": end} | other
        words |= {"stream": Stream(words["stream"]), "cause": Cause(words["cause"])}
        self._gaps.note([Gap(symbol=symbol, start=start, end=end, **words)])

    def remember(self, *candles: Candle) -> None:
        self._apply([PutCandle(candle, 0) for candle in candles])

    def latest(self, candle: Candle) -> None:
        self._apply([PutLatest(candle)])

    def book(self, book: BookSnapshot) -> None:
        self._apply([PutBook(book)])

    def trades(self, *trades: Trade) -> None:
        self._apply([PutTrades(trades[0].symbol, trades)])

    def beat(self, process: str, **detail: Any) -> None:
        beat = {"process": process, "pid": 1, "at": now_ms(), "state": "running", "detail": detail}
        self.redis.set(names.heartbeat_key(process), jsontext.dumps(beat))

    def _apply(self, changes: Sequence[Change]) -> None:
        self._shelf.apply(changes)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def heard(candle: Candle, *, ago_ms: int = 0) -> Candle:
    """The same candle, received that long ago."""
    return replace(candle, received_ms=now_ms() - ago_ms)

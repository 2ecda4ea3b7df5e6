"""Reads of Redis and MongoDB for people: what the page's protocol asks, and the rooms the routes ask besides."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.reads.candles import CandleRange, CandleReads
from app.reads.quality import QualityReads
from app.reads.standing import MINUTES_A_DAY, StandingReads
from app.reads.windows import Movement, WindowReads
from callbacks.boards import clock_ms
from callbacks.reads import FeedState, Market, Ticker
from pipeline.adapters import mongo_reader, redis_reader
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_quality_reader import MongoQualityReader
from pipeline.adapters.mongo_reader import MongoReader
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade
from pipeline.settings import Settings

TRADING = "TRADING"


class StoreReads:
    """``callbacks.reads.MarketReads`` over the real stores; every method raises TransientError while one is away."""

    def __init__(
        self, settings: Settings, redis: RedisReader, mongo: MongoReader, ledger: GapStore, quality: QualityReads
    ) -> None:
        self._settings = settings
        self._redis = redis
        self.chart = CandleReads(redis, mongo, ledger)
        self.windows = WindowReads(redis, mongo)
        self.standing = StandingReads(redis, mongo)
        self.quality = quality

    @classmethod
    def connected(cls, settings: Settings, now_ms: Callable[[], int] = clock_ms) -> "StoreReads":
        """Reads of the stores that ``settings`` name; connects on the first read."""
        redis = RedisReader(
            redis_reader.connect(
                settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
            )
        )
        mongo, database = mongo_reader.connect(settings.mongo_uri), settings.mongo_db
        ledger = GapStore(mongo, database)
        quality = QualityReads(
            redis, MongoQualityReader(mongo, database), ledger, now_ms=now_ms,
            history_days=None if settings.source_kind == "replay" else settings.history_days,
        )  # fmt: skip
        return cls(settings, redis, MongoReader(mongo, database), ledger, quality)

    def symbols(self) -> Sequence[Market]:
        """The symbols followed, in the order of the settings; empty before ingest has said so."""
        order = {symbol: place for place, symbol in enumerate(self._settings.symbols)}
        markets = [_market(row) for row in self.listed()]
        return sorted(markets, key=lambda market: order.get(market.symbol, len(order)))

    def candles(self, symbol: str, interval: Interval, limit: int) -> Sequence[Candle]:
        """The newest ``limit`` closed candles, oldest first, each open time once."""
        return self.chart.closed(symbol, CandleRange(interval=interval, limit=limit))

    def forming(self, symbol: str, interval: Interval) -> Candle | None:
        """The candle in progress; None before the first frame."""
        return self.chart.forming(symbol, interval)

    def book(self, symbol: str) -> BookSnapshot | None:
        """The book as last published, best levels first."""
        return self._redis.book(symbol)

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        """The newest ``limit`` trades, newest first."""
        return self._redis.trades(symbol, limit)

    def ticker(self, symbol: str) -> Ticker:
        """The last 24 hours; only the last price until a day of history is stored."""
        moved = self.windows.movements(self.trading(), "24h").moved.get(symbol)
        latest = self._redis.latest(symbol)
        if latest is None or moved is None:
            return Ticker(symbol=symbol, last=latest.close if latest is not None else None)
        return _ticker(moved, last=latest.close)

    def feed_state(self, symbol: str) -> FeedState:
        """How fresh the market's data is."""
        fresh = self.standing.freshness([symbol])[symbol]
        lag_ms = None
        if fresh.received_ms is not None and fresh.event_ms is not None:
            lag_ms = fresh.received_ms - fresh.event_ms
        return FeedState(
            source=self._settings.source_kind, received_ms=fresh.received_ms, lag_ms=lag_ms, history=self.history()
        )

    def listed(self) -> list[Mapping[str, Any]]:
        """The rows of ``crypto:symbols`` as ingest wrote them; none before it has."""
        told = self._redis.symbols()
        return list(told["symbols"]) if told else []

    def known(self) -> tuple[str, ...]:
        """The symbols a reader may ask for: those ingest follows, or the settings' own until it has said."""
        try:
            listed = tuple(row["symbol"] for row in self.listed())
        except TransientError:
            return self._settings.symbols
        return listed or self._settings.symbols

    def trading(self) -> tuple[str, ...]:
        """The symbols whose market is open, as ingest last said. Raises TransientError."""
        return tuple(row["symbol"] for row in self.listed() if row["status"] == TRADING)

    def latest(self, symbol: str) -> Candle | None:
        """The newest one-minute candle, forming or closed."""
        return self._redis.latest(symbol)

    def recent(
        self, symbol: str, *, limit: int, before_ms: int | None = None, until_ms: int | None = None
    ) -> list[Candle]:
        """The newest ``limit`` closed minutes Redis holds, opened before one time and not after the other."""
        return self._redis.closed(symbol, limit=limit, before_ms=before_ms, until_ms=until_ms)

    def prediction(self, symbol: str) -> Mapping[str, Any] | None:
        """The newest forecast, as stored."""
        return self._redis.prediction(symbol)

    def history(self) -> float | None:
        """How much of the wanted history is stored, 0 … 1; None when none is being loaded."""
        wanted = self._settings.history_days * MINUTES_A_DAY * len(self._settings.symbols)
        return self.standing.history(wanted_minutes=wanted)


def _market(row: Mapping[str, Any]) -> Market:
    return Market(
        symbol=row["symbol"], base=row["baseAsset"], quote=row["quoteAsset"],
        tick_size=Decimal(str(row["tickSize"])), step_size=Decimal(str(row["stepSize"])),
    )  # fmt: skip


def _ticker(moved: Movement, *, last: Decimal) -> Ticker:
    return Ticker(
        symbol=moved.symbol,
        last=last,
        change=moved.change,
        change_percent=moved.change_percent,
        high=moved.high,
        low=moved.low,
        volume=moved.base_volume,
        quote_volume=moved.quote_volume,
    )

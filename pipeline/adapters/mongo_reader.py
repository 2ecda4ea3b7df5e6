"""MongoDB as readers see it: stored one-minute candles by range, and what they add up to, each call with a deadline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar, cast

import pymongo
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo_documents import Document, candle_of, exact
from pipeline.adapters.mongo_folds import fold_stages, folded_candle
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.names import collection

T = TypeVar("T")
PING_S = 1.5
SELECTION_MS = 1_500
ANSWER_MS = 3_000
_FIELDS = (
    "symbol", "interval", "openTime", "open", "high", "low", "close", "volume", "quoteVolume", "trades",
    "takerBuyVolume", "takerBuyQuoteVolume", "firstTradeId", "lastTradeId", "source", "revision", "eventTime",
    "receivedTime", "present", "verifiedAt", "cause",
)  # fmt: skip
_PROJECTION = dict.fromkeys(_FIELDS, 1) | {"_id": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one market's stored minutes add up to after a reference minute.

    ``reference`` is that minute's close; ``high`` and ``low`` are None if nothing was traded, ``newest_ms`` is the
    open time of the newest minute in it, at least the reference's own.
    """

    reference: Decimal
    volume: Decimal
    quote_volume: Decimal
    high: Decimal | None
    low: Decimal | None
    newest_ms: int


def connect(uri: str) -> MongoClient[Document]:
    """A client which gives up quickly, so that a reader is told quickly."""
    return MongoClient(
        uri, serverSelectionTimeoutMS=SELECTION_MS, connectTimeoutMS=SELECTION_MS,
        socketTimeoutMS=ANSWER_MS, appname="candlestream",
    )  # fmt: skip


class MongoReader:
    """The stored one-minute candles of one database; every method raises TransientError while it is away."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self._database = client[database]
        self._minutes: Collection[Document] = self._database[collection(Interval.M1)]

    def ping(self) -> None:
        """Return if MongoDB answers."""
        with pymongo.timeout(PING_S):
            _guarded(lambda: self._minutes.database.command("ping"))

    def minutes(self, symbol: str, *, start_ms: int, end_ms: int, limit: int = 0) -> list[Candle]:
        """The newest ``limit`` (0: all) minutes opened in the half-open range, oldest first."""
        query = minute_query(symbol, start_ms=start_ms, end_ms=end_ms)
        found = self._minutes.find(query, _PROJECTION, sort=[("openTime", DESCENDING)], limit=limit)
        return _guarded(lambda: [candle_of(document) for document in found])[::-1]

    def buckets(self, symbol: str, *, interval: Interval, start_ms: int, end_ms: int) -> list[Candle]:
        """The candles of ``interval`` over the minutes opened in the half-open range, oldest first."""
        stages = fold_stages(minute_query(symbol, start_ms=start_ms, end_ms=end_ms), interval)
        return _guarded(lambda: [folded_candle(row, interval) for row in self._minutes.aggregate(stages)])

    def longer(self, symbol: str, *, interval: Interval, start_ms: int, end_ms: int, limit: int) -> list[Candle]:
        """The exchange's own candles: the newest ``limit`` opened in the half-open range, oldest first."""
        query = minute_query(symbol, start_ms=start_ms, end_ms=end_ms) | {"interval": interval.value, "present": None}
        kept = self._database[collection(interval)]
        found = kept.find(query, _PROJECTION, sort=[("openTime", DESCENDING)], limit=limit)
        return _guarded(lambda: [candle_of(document) for document in found])[::-1]

    def newest_open_ms(self, symbol: str, *, start_ms: int, end_ms: int) -> int | None:
        """When the newest minute of the half-open range opened; None if there is none."""
        return self._edge(symbol, start_ms=start_ms, end_ms=end_ms, direction=DESCENDING)

    def oldest_open_ms(self, symbol: str) -> int | None:
        """When the first stored minute opened; None if there is none."""
        return self._edge(symbol, start_ms=0, end_ms=_EVER_MS, direction=ASCENDING)

    def count(self) -> int:
        """About how many minutes are stored."""
        return _guarded(self._minutes.estimated_document_count)

    def windows(self, ends: Mapping[str, int], *, length_ms: int, reach_ms: int) -> dict[str, Window]:
        """What each symbol did in the ``length_ms`` up to its own end, in one aggregation.

        The reference is the newest minute closed at or before the window's start, at most ``reach_ms`` older; a
        symbol without one is missing.
        """
        references = {symbol: last_closed_ms(end_ms - length_ms) for symbol, end_ms in ends.items()}
        if not references:
            return {}
        stages = _window_stages(references, ends, reach_ms=reach_ms)
        rows = _guarded(lambda: list(self._minutes.aggregate(stages)))
        return {row["_id"]: _window(row) for row in rows if row["reference"]}

    def _edge(self, symbol: str, *, start_ms: int, end_ms: int, direction: int) -> int | None:
        query = minute_query(symbol, start_ms=start_ms, end_ms=end_ms)
        fields = {"_id": 0, "openTime": 1}
        found = _guarded(lambda: self._minutes.find_one(query, fields, sort=[("openTime", direction)]))
        return cast(int, found["openTime"]) if found else None


def minute_query(symbol: str, *, start_ms: int, end_ms: int) -> Document:
    """The filter of one symbol's minutes in a half-open range, answered by the unique index."""
    return {"symbol": symbol, "interval": "1m", "openTime": {"$gte": start_ms, "$lt": end_ms}}


def last_closed_ms(time_ms: int) -> int:
    """When the last minute closed at or before ``time_ms`` opened; a minute closes with its last millisecond."""
    return Interval.M1.open_ms(time_ms + 1) - MINUTE_MS


def _window_stages(references: Mapping[str, int], ends: Mapping[str, int], *, reach_ms: int) -> list[dict[str, Any]]:
    ranges = [
        minute_query(symbol, start_ms=open_ms - reach_ms, end_ms=ends[symbol] + 1)
        for symbol, open_ms in references.items()
    ]
    inside = {"$gt": ["$openTime", _by_symbol(references)]}
    traded = {"$and": [inside, {"$gt": ["$volume", 0]}]}
    group = {
        "_id": "$symbol",
        "reference": {"$max": {"$cond": [inside, None, {"openTime": "$openTime", "close": "$close"}]}},
        "volume": {"$sum": {"$cond": [inside, "$volume", 0]}},
        "quoteVolume": {"$sum": {"$cond": [inside, "$quoteVolume", 0]}},
        "high": {"$max": {"$cond": [traded, "$high", None]}},
        "low": {"$min": {"$cond": [traded, "$low", None]}},
        "newest": {"$max": "$openTime"},
    }
    return [{"$match": {"$or": ranges}}, {"$group": group}]


def _by_symbol(values: Mapping[str, int]) -> Document:
    """An expression for the value of a document's symbol; most symbols share one, so it has few branches."""
    sharing: dict[int, list[str]] = {}
    for symbol, value in values.items():
        sharing.setdefault(value, []).append(symbol)
    branches = [{"case": {"$in": ["$symbol", symbols]}, "then": value} for value, symbols in sharing.items()]
    return {"$switch": {"branches": branches, "default": 0}}


def _window(row: Mapping[str, Any]) -> Window:
    return Window(
        reference=_decimal(row["reference"]["close"]),
        volume=_decimal(row["volume"]),
        quote_volume=_decimal(row["quoteVolume"]),
        high=_decimal(row["high"]) if row["high"] is not None else None,
        low=_decimal(row["low"]) if row["low"] is not None else None,
        newest_ms=row["newest"],
    )


def _decimal(value: Any) -> Decimal:
    """A sum over nothing comes back as the integer 0."""
    return Decimal(value) if isinstance(value, int) else exact(value)


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {error}") from error


_EVER_MS = 1 << 53

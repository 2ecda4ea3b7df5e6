"""MongoDB's one-minute candles as their only writer sees them: idempotent bulk upserts, newer revision wins."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import pymongo
from pymongo import ASCENDING, DESCENDING, MongoClient, UpdateOne
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo_documents import Document, candle_document, candle_of
from pipeline.adapters.mongo_quality_reader import QUALITY_KEY
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.names import collection

T = TypeVar("T")
NATURAL_KEY = [("symbol", ASCENDING), ("interval", ASCENDING), ("openTime", ASCENDING)]
_VALUES = (
    "open", "high", "low", "close", "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
)  # fmt: skip

_DECIDING = (
    "revision", "eventTime", "trades", "volume", "quoteVolume", "takerBuyVolume", "takerBuyQuoteVolume",
    "high", "low", "open", "close",
)  # fmt: skip
_LAST = ("firstTradeId", "lastTradeId", "source")
_STANDING = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$present", "$expected"]}, "then": 2},
            {"case": {"$eq": ["$present", None]}, "then": 1},
        ],
        "default": 0,
    }
}
_STORED_RANK = [
    _STANDING, *(f"${name}" for name in _DECIDING), {"$multiply": ["$receivedTime", -1]},
    *(f"${name}" for name in _LAST),
]  # fmt: skip
"""``Candle.rank`` of the stored document; arrays compare as tuples do."""


def connect(uri: str) -> MongoClient[Document]:
    """A client whose every call has a deadline, and whose writes are in the journal before they are acknowledged."""
    return MongoClient(
        uri, serverSelectionTimeoutMS=3_000, connectTimeoutMS=3_000, socketTimeoutMS=20_000,
        journal=True, appname="candlestream",
    )  # fmt: skip


class CandleStore:
    """One database's candle collections."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self._database = client[database]

    def ensure_indexes(self) -> None:
        """The unique natural key on every interval, without which concurrent upserts would insert twice, and for
        one-minute candles the index that counts what is verified."""
        for interval in Interval:
            _guarded(partial(self._of(interval).create_index, NATURAL_KEY, unique=True))
        _guarded(partial(self._of(Interval.M1).create_index, QUALITY_KEY))

    def upsert(self, candles: Iterable[Candle]) -> int:
        """Merge closed candles with what is there; how many documents changed. Raises TransientError."""
        merged: dict[tuple[str, Interval, int], Candle] = {}
        for candle in candles:
            merged[candle.key] = candle.merged(merged.get(candle.key))
        by_interval: dict[Interval, list[UpdateOne]] = {}
        for candle in merged.values():
            by_interval.setdefault(candle.interval, []).append(_upsert(candle))
        return sum(self._write(interval, updates) for interval, updates in by_interval.items())

    def candles(self, symbol: str, *, interval: Interval, start_ms: int, end_ms: int) -> list[Candle]:
        """The stored candles opened in the half-open range, oldest first."""
        found = self._find(symbol, interval, {"$gte": start_ms, "$lt": end_ms})
        return _guarded(lambda: [candle_of(document) for document in found.sort("openTime", ASCENDING)])

    def newest(self, symbol: str, *, count: int) -> list[Candle]:
        """The last ``count`` one-minute candles, oldest first."""
        found = self._find(symbol, Interval.M1, {"$gte": 0}).sort("openTime", DESCENDING).limit(count)
        return _guarded(lambda: [candle_of(document) for document in found])[::-1]

    def oldest_ms(self, symbol: str) -> int | None:
        """When the first stored minute opened; None if there is none."""
        query, order = {"symbol": symbol, "interval": "1m"}, [("openTime", ASCENDING)]
        found = _guarded(lambda: self._of(Interval.M1).find_one(query, {"_id": 0, "openTime": 1}, sort=order))
        return int(found["openTime"]) if found else None

    def missing_minutes(self, symbol: str, *, start_ms: int, end_ms: int) -> list[int]:
        """Open times in the half-open range that have no one-minute candle, oldest first."""
        query = {"symbol": symbol, "interval": "1m", "openTime": {"$gte": start_ms, "$lt": end_ms}}
        found = self._of(Interval.M1).find(query, {"_id": 0, "openTime": 1})
        stored = _guarded(lambda: {document["openTime"] for document in found})
        return [open_ms for open_ms in range(start_ms, end_ms, MINUTE_MS) if open_ms not in stored]

    def _write(self, interval: Interval, updates: Sequence[UpdateOne]) -> int:
        result = _guarded(lambda: self._of(interval).bulk_write(list(updates), ordered=False))
        return int(result.modified_count + result.upserted_count)

    def _find(self, symbol: str, interval: Interval, open_time: dict[str, int]) -> Any:
        return self._of(interval).find(
            {"symbol": symbol, "interval": interval.value, "openTime": open_time}, {"_id": 0}
        )

    def _of(self, interval: Interval) -> "pymongo.collection.Collection[Document]":
        return self._database[collection(interval)]


def _upsert(candle: Candle) -> UpdateOne:
    """``Candle.merged`` as one pipeline update, atomic in the server."""
    document = candle_document(candle)
    key = {name: document[name] for name in ("symbol", "interval", "openTime")}
    newer = {"$or": [{"$eq": [{"$type": "$revision"}, "missing"]}, {"$gt": [_rank_of(document), _STORED_RANK]}]}
    replaced = {"$cond": ["$_newer", {"$literal": document}, {}]}
    vouched = {"$cond": ["$_equal", _vouched(document), {}]}
    stages: list[Document] = [
        {"$set": {"_newer": newer, "_equal": _equal_to(document)}},
        {"$replaceWith": {"$mergeObjects": ["$$ROOT", replaced, vouched]}},
        {"$unset": ["_newer", "_equal"]},
    ]
    return UpdateOne(key, stages, upsert=True)


def _rank_of(document: Document) -> Document:
    """``Candle.rank`` of a document that is at hand, as a literal."""
    standing = 2 if document["complete"] else 1 if document["present"] is None else 0
    rest = [document[name] for name in _DECIDING]
    return {"$literal": [standing, *rest, -document["receivedTime"], *(document[name] for name in _LAST)]}


def _equal_to(document: Document) -> Document:
    return {"$and": [{"$eq": [f"${name}", document[name]]} for name in _VALUES]}


def _vouched(document: Document) -> Document:
    """What equal values vouch for: the later verification stays, and a cause if either has one."""
    own, stored = document["cause"], "$cause"
    cause = {"$cond": ["$_newer", {"$ifNull": [own, stored]}, {"$ifNull": [stored, own]}]}
    return {"verifiedAt": {"$max": ["$verifiedAt", document["verifiedAt"]]}, "cause": cause}


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {error}") from error

"""MongoDB as the judges of its data see it: what is stored of each day, how much of it is verified, where it begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo_documents import Document
from pipeline.domain.candle import Revision
from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Stream
from pipeline.domain.interval import DAY_MS, Interval
from pipeline.domain.names import GAPS_COLLECTION, collection

T = TypeVar("T")
QUALITY_KEY = [("symbol", ASCENDING), ("openTime", ASCENDING), ("revision", ASCENDING), ("verifiedAt", ASCENDING)]
"""The index that answers ``days`` alone: a third less time than reading the documents, and 23 bytes a minute."""
_EVER = {"$gte": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Minutes stored of one UTC day: all of them, those found equal to the exchange's own, and by revision."""

    symbol: str
    day_ms: int
    present: int
    verified: int
    closed: int
    rest: int


class MongoQualityReader:
    """One database's minutes, counted; every method raises TransientError while it is away."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self._minutes: Collection[Document] = client[database][collection(Interval.M1)]
        self._gaps: Collection[Document] = client[database][GAPS_COLLECTION]

    def days(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> list[DayCount]:
        """Every day of the half-open range that has a minute, answered from ``QUALITY_KEY`` where it exists."""
        stages = self.day_stages(symbols, start_ms, end_ms)
        rows = _guarded(lambda: list(self._minutes.aggregate(stages)))
        return [_day(row) for row in rows]

    @staticmethod
    def day_stages(symbols: Sequence[str], start_ms: int, end_ms: int) -> list[Document]:
        """The aggregation behind ``days``: it names nothing that its index does not hold."""
        times = {"$gte": start_ms, "$lt": end_ms}
        return [{"$match": {"symbol": {"$in": list(symbols)}, "openTime": times}}, {"$group": _DAY_GROUP}]

    def oldest(self, symbols: Sequence[str]) -> dict[str, int]:
        """When each symbol's first stored minute opened."""
        return self._edges(self._minutes, symbols, field="openTime", direction=ASCENDING, only={"interval": "1m"})

    def newest(self, symbols: Sequence[str]) -> dict[str, int]:
        """When each symbol's last stored minute opened."""
        return self._edges(self._minutes, symbols, field="openTime", direction=DESCENDING, only={"interval": "1m"})

    def oldest_gaps(self, symbols: Sequence[str]) -> dict[str, int]:
        """Where each symbol's first known hole in its minutes begins."""
        return self._edges(self._gaps, symbols, field="start", direction=ASCENDING, only={"stream": Stream.KLINE.value})

    @staticmethod
    def _edges(
        within: "Collection[Document]", symbols: Sequence[str], *, field: str, direction: int, only: Document
    ) -> dict[str, int]:
        """The first of ``field`` by symbol: one step into the index a symbol, since its order is the natural key's."""
        order = dict.fromkeys(["symbol", *only, field], direction)
        stages: list[Document] = [
            {"$match": {"symbol": {"$in": list(symbols)}, field: _EVER} | only},
            {"$sort": order},
            {"$group": {"_id": "$symbol", "edge": {"$first": f"${field}"}}},
        ]
        rows = _guarded(lambda: list(within.aggregate(stages)))
        return {row["_id"]: int(row["edge"]) for row in rows}


def _sum_if(condition: Document) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


_DAY_GROUP: Document = {
    "_id": {"symbol": "$symbol", "day": {"$subtract": ["$openTime", {"$mod": ["$openTime", DAY_MS]}]}},
    "present": {"$sum": 1},
    "verified": _sum_if({"$gt": ["$verifiedAt", None]}),
    "closed": _sum_if({"$eq": ["$revision", int(Revision.CLOSED)]}),
    "rest": _sum_if({"$eq": ["$revision", int(Revision.REST)]}),
}


def _day(row: Document) -> DayCount:
    return DayCount(
        symbol=row["_id"]["symbol"], day_ms=int(row["_id"]["day"]), present=row["present"],
        verified=row["verified"], closed=row["closed"], rest=row["rest"],
    )  # fmt: skip


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {error}") from error

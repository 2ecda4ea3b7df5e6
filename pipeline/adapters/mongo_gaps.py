"""The ledger of gaps in MongoDB: ``{symbol, stream, start, end, cause, reason, detectedAt, healedAt}``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pymongo import ASCENDING, DeleteOne, MongoClient, ReplaceOne
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo_documents import Document
from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Cause, Gap, Stream, healed, noted
from pipeline.domain.names import GAPS_COLLECTION

T = TypeVar("T")
_KEY = [("symbol", ASCENDING), ("stream", ASCENDING), ("start", ASCENDING)]


class GapStore:
    """One database's gaps.

    A change reads what it touches and writes the difference: two processes that speak of one gap in one moment may
    leave both words standing until the next, and each of them is true.
    """

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self._gaps = client[database][GAPS_COLLECTION]

    def ensure_indexes(self) -> None:
        """The unique natural key, and what readers ask by."""
        _guarded(partial(self._gaps.create_index, _KEY, unique=True))
        _guarded(partial(self._gaps.create_index, [("symbol", ASCENDING), ("detectedAt", ASCENDING)]))

    def note(self, gaps: Iterable[Gap]) -> None:
        """Take gaps in: where ranges overlap the later word stays, bordering gaps of the exchange become one."""
        for gap in gaps:
            held = self._touching(gap.symbol, gap.stream, gap.start, gap.end)
            self._replace(held, noted(held, gap))

    def heal(self, symbol: str, *, stream: Stream, start: int, end: int, healed_ms: int) -> None:
        """What was open in the half-open range is filled; a gap that reaches beyond stays open there."""
        held = self._touching(symbol, stream, start, end)
        self._replace(held, healed(held, start=start, end=end, healed_ms=healed_ms))

    def open_gaps(self, symbols: Sequence[str], *, stream: Stream | None = None) -> list[Gap]:
        """What is ours and not yet filled, by symbol, stream and start."""
        query = {"symbol": {"$in": list(symbols)}, "cause": Cause.OURS.value, "healedAt": None}
        return self._find(query | ({"stream": stream.value} if stream else {}))

    def between(self, symbols: Sequence[str], *, stream: Stream, start: int, end: int) -> list[Gap]:
        """Every gap that overlaps the half-open range, in the stream's own unit, by symbol and start."""
        return self._find(
            {"symbol": {"$in": list(symbols)}, "stream": stream.value, "start": {"$lt": end}, "end": {"$gt": start}}
        )

    def detected(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> list[Gap]:
        """Every gap of any stream found in the half-open range of our clock, by symbol, stream and start."""
        return self._find({"symbol": {"$in": list(symbols)}, "detectedAt": {"$gte": start_ms, "$lt": end_ms}})

    def _touching(self, symbol: str, stream: Stream, start: int, end: int) -> list[Gap]:
        return self._find({"symbol": symbol, "stream": stream.value, "start": {"$lte": end}, "end": {"$gte": start}})

    def _replace(self, before: Sequence[Gap], after: Sequence[Gap]) -> None:
        starts = {gap.start for gap in after}
        gone = [DeleteOne(_key_of(gap)) for gap in before if gap.start not in starts]
        put = [ReplaceOne(_key_of(gap), _document(gap), upsert=True) for gap in after if gap not in before]
        changes: list[DeleteOne | ReplaceOne[Document]] = [*put, *gone]
        if changes:
            _guarded(partial(self._gaps.bulk_write, changes))

    def _find(self, query: Document) -> list[Gap]:
        return _guarded(lambda: [_gap(document) for document in self._gaps.find(query).sort(_KEY)])


def _key_of(gap: Gap) -> Document:
    return {"symbol": gap.symbol, "stream": gap.stream.value, "start": gap.start}


def _document(gap: Gap) -> Document:
    return {
        "symbol": gap.symbol, "stream": gap.stream.value, "start": gap.start, "end": gap.end,
        "cause": gap.cause.value, "reason": gap.reason, "detectedAt": gap.detected_ms, "healedAt": gap.healed_ms,
    }  # fmt: skip


def _gap(document: Mapping[str, Any]) -> Gap:
    at = document["healedAt"]
    return Gap(
        symbol=document["symbol"], stream=Stream(document["stream"]),
        start=int(document["start"]), end=int(document["end"]),
        cause=Cause(document["cause"]), reason=document["reason"],
        detected_ms=int(document["detectedAt"]), healed_ms=None if at is None else int(at),
    )  # fmt: skip


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except PyMongoError as error:
        raise TransientError(f"MongoDB: {error}") from error

"""One symbol's candles, in MongoDB, in Redis and as ``/ohlc`` tells them, against the exchange's own."""

import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import redis

from bench.chaos.exchange import Exchange
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.jsontext import loads_exact

SETTLED_MS = 5_000
"""What ended less than this ago may still be on its way."""
_COLUMNS = (
    "open", "high", "low", "close", "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
)  # fmt: skip
_ROW = (1, 2, 3, 4, 5, 7, 8, 9, 10)
"""Where a REST row has them."""
_SHOWN = ("open", "high", "low", "close", "volume", "quoteVolume", "trades")
_SHOWN_ROW = (1, 2, 3, 4, 5, 7, 8)
_OHLCV_ROW = (1, 2, 3, 4, 5)
Rows = Mapping[int, Sequence[Any]]


@dataclass(slots=True)
class Candles:
    """What did not come out even, from the minute opened at ``first_ms`` on; ``true_absent``: the exchange has none."""

    symbol: str
    first_ms: int
    true_minutes: set[int] = field(default_factory=set)
    true_absent: list[int] = field(default_factory=list)
    held: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    made_up: list[str] = field(default_factory=list)
    verified_wrongly: list[str] = field(default_factory=list)
    shelved: int = 0
    shelved_wrong: list[str] = field(default_factory=list)
    longer: int = 0
    longer_wrong: list[str] = field(default_factory=list)


def candles_of(
    symbol: str, exchange: Exchange, *, first_ms: int, minutes: Any, store: "redis.Redis", web: str
) -> Candles:
    """The closed candles of one symbol since ``first_ms``; ``minutes`` is the collection, ``web`` our server."""
    candles = Candles(symbol, first_ms)
    now_ms = exchange.now_ms() - SETTLED_MS
    rows = _true(exchange, symbol, Interval.M1, first_ms, now_ms)
    end_ms = now_ms // MINUTE_MS * MINUTE_MS
    candles.true_minutes = set(rows)
    candles.true_absent = [open_ms for open_ms in range(first_ms, end_ms, MINUTE_MS) if open_ms not in rows]
    held = list(minutes.find({"symbol": symbol, "openTime": {"$gte": first_ms, "$lt": end_ms}}))
    _compare_stored(candles, held, rows)
    _compare_shelved(candles, store, rows, range(first_ms, end_ms, MINUTE_MS))
    _compare_longer(candles, web, _true(exchange, symbol, Interval.M5, first_ms, now_ms))
    return candles


def _true(exchange: Exchange, symbol: str, interval: Interval, first_ms: int, now_ms: int) -> Rows:
    """The exchange's own rows that are over, by open time."""
    query = f"symbol={symbol}&interval={interval.value}&startTime={first_ms}&endTime={now_ms}&limit=1000"
    return {row[0]: row for row in exchange.get(f"/api/v3/klines?{query}") if row[6] < now_ms}


def _compare_stored(candles: Candles, held: Sequence[Mapping[str, Any]], rows: Rows) -> None:
    symbol, times = candles.symbol, Counter(document["openTime"] for document in held)
    candles.held = len(times)
    candles.lost = [f"{symbol} {open_ms}" for open_ms in rows if open_ms not in times]
    candles.doubled = [f"{symbol} {open_ms}" for open_ms, count in times.items() if count > 1]
    candles.made_up = [f"{symbol} {open_ms}" for open_ms in times if open_ms not in rows]
    differing = [document for document in held if not _is_told(document, rows)]
    candles.wrong = [f"{symbol} {document['openTime']}" for document in differing if document["openTime"] in rows]
    candles.verified_wrongly = [f"{symbol} {document['openTime']}" for document in differing if _is_verified(document)]


def _is_told(document: Mapping[str, Any], rows: Rows) -> bool:
    row = rows.get(document["openTime"])
    return row is not None and [_plain(document[name]) for name in _COLUMNS] == [str(row[place]) for place in _ROW]


def _is_verified(document: Mapping[str, Any]) -> bool:
    return document.get("verifiedAt") is not None


def _plain(value: Any) -> str:
    return format(value.to_decimal(), "f") if hasattr(value, "to_decimal") else str(value)


def _compare_shelved(candles: Candles, store: "redis.Redis", rows: Rows, minutes: range) -> None:
    """Redis holds exactly the exchange's closed minutes, with its values."""
    texts: Any = store.mget([f"crypto:{candles.symbol}:1m:{open_ms}" for open_ms in minutes])
    for open_ms, text in zip(minutes, texts, strict=True):
        row, record = rows.get(open_ms), loads_exact(text) if text else None
        candles.shelved += record is not None
        told = [Decimal(row[place]) for place in _SHOWN_ROW] if row else None
        if told != ([Decimal(record[name]) for name in _SHOWN] if record else None):
            candles.shelved_wrong.append(f"{candles.symbol} {open_ms}")


def _compare_longer(candles: Candles, web: str, rows: Rows) -> None:
    query = f"symbol={candles.symbol}&interval=5m&start={candles.first_ms}&limit=2000"
    with urllib.request.urlopen(f"{web}/ohlc?{query}", timeout=20) as answer:
        held = {one["openTime"]: [*one["y"], one["volume"]] for one in loads_exact(answer.read())["candles"]}
    candles.longer = len(held)
    for open_ms, row in rows.items():
        if [Decimal(value) for value in held.get(open_ms, [])] != [Decimal(row[place]) for place in _OHLCV_ROW]:
            candles.longer_wrong.append(f"{candles.symbol} 5m {open_ms}")

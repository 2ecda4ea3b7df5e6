"""Past trades as the exchange gives them back over REST: aggregates, each covering a run of trade ids.

Source: binance-spot-api-docs, rest-api.md, "Compressed/Aggregate trades list": ``fromId`` is an aggregate's id, not a
trade's, so a run of trades is found by time first and followed by id.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.domain import jsontext
from pipeline.domain.faults import BadMessageError
from pipeline.domain.frames import TradeFrame
from pipeline.exchanges.binance.rest import Request
from pipeline.exchanges.binance.wire import checked_price, time_ms

AGGREGATES_LIMIT = 1_000
WEIGHT = 4


def aggregates_from_time(symbol: str, start_ms: int) -> Request:
    """The first aggregates traded at or after ``start_ms``."""
    return Request("/api/v3/aggTrades", {"symbol": symbol, "startTime": start_ms, "limit": AGGREGATES_LIMIT}, WEIGHT)


def aggregates_from_id(symbol: str, aggregate_id: int) -> Request:
    """The aggregates from this one on."""
    return Request("/api/v3/aggTrades", {"symbol": symbol, "fromId": aggregate_id, "limit": AGGREGATES_LIMIT}, WEIGHT)


def parse_aggregates(body: bytes, *, symbol: str) -> list[tuple[int, TradeFrame]]:
    """(aggregate id, frame) a row, in order; the trade's own time is its event's. Raises BadMessageError."""
    try:
        return [_aggregate(row, symbol) for row in jsontext.loads(body)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessageError(f"aggTrades answer: {error!r}") from error


def _aggregate(row: Mapping[str, Any], symbol: str) -> tuple[int, TradeFrame]:
    aggregate_id, first, last = (jsontext.whole(row[name]) for name in "afl")
    moment = time_ms(row["T"])
    if not 0 <= first <= last:
        raise ValueError(f"first trade id {first} is after the last, {last}")
    record = {
        "e": "aggTrade", "E": moment, "s": symbol, "a": aggregate_id,
        "p": checked_price(row["p"]), "q": checked_price(row["q"]),
        "f": first, "l": last, "T": moment, "m": row["m"] is True,
    }  # fmt: skip
    return aggregate_id, TradeFrame(symbol, first, last, moment, moment, jsontext.dumps(record))

"""Longer candles folded from minutes inside MongoDB: the rule of ``domain.folds.fold_minutes`` as one aggregation.

A year of minutes never leaves the server; a test holds both to the same answer.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.adapters.mongo_documents import Document, exact
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval

_TRADED = {"$gt": ["$volume", 0]}
_SUMS = ("volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume")
_NEWEST = {
    "eventTime": "$eventTime", "earlier": {"$multiply": ["$openTime", -1]},
    "source": "$source", "receivedTime": "$receivedTime",
}  # fmt: skip


def fold_stages(query: Document, interval: Interval) -> list[Document]:
    """The stages that turn the minutes ``query`` finds into one row a bucket of ``interval``, oldest first."""
    group = {
        "_id": {"$subtract": ["$openTime", {"$mod": ["$openTime", interval.ms]}]},
        "symbol": {"$first": "$symbol"},
        "open": {"$min": _placed("open", _TRADED)}, "close": {"$max": _placed("close", _TRADED)},
        "high": {"$max": _if(_TRADED, "$high")}, "low": {"$min": _if(_TRADED, "$low")},
        "quietOpen": {"$min": _placed("open")}, "quietClose": {"$max": _placed("close")},
        "quietHigh": {"$max": "$high"}, "quietLow": {"$min": "$low"},
        **{name: {"$sum": f"${name}"} for name in _SUMS},
        "firstTradeId": {"$min": _placed("firstTradeId", {"$gte": ["$firstTradeId", 0]})},
        "lastTradeId": {"$max": {"$ifNull": ["$lastTradeId", -1]}},
        "revision": {"$max": "$revision"}, "newest": {"$max": _NEWEST}, "present": {"$sum": 1},
        "verified": {"$min": {"$ifNull": ["$verifiedAt", -1]}},
    }  # fmt: skip
    return [{"$match": query}, {"$group": group}, {"$sort": {"_id": 1}}]


def folded_candle(row: Mapping[str, Any], interval: Interval) -> Candle:
    """The candle of one row."""
    traded = row["open"] is not None
    first, last = (row["open"], row["close"]) if traded else (row["quietOpen"], row["quietClose"])
    newest, first_trade = row["newest"], row["firstTradeId"]
    return Candle(
        symbol=row["symbol"], interval=interval, open_ms=row["_id"],
        open=exact(first["value"]), close=exact(last["value"]),
        high=exact(row["high" if traded else "quietHigh"]), low=exact(row["low" if traded else "quietLow"]),
        volume=exact(row["volume"]), quote_volume=exact(row["quoteVolume"]), trades=row["trades"],
        taker_buy_volume=exact(row["takerBuyVolume"]), taker_buy_quote_volume=exact(row["takerBuyQuoteVolume"]),
        first_trade_id=first_trade["value"] if first_trade else -1, last_trade_id=row["lastTradeId"],
        closed=True, revision=Revision(row["revision"]), source=newest["source"],
        event_ms=newest["eventTime"], received_ms=newest["receivedTime"], present=row["present"],
        verified_ms=row["verified"] if row["verified"] >= 0 else None,
    )  # fmt: skip


def _placed(name: str, when: Document | None = None) -> Document:
    """A value with its minute in front, so that the smallest is the first one and the largest the last."""
    placed = {"openTime": "$openTime", "value": f"${name}"}
    return placed if when is None else _if(when, placed)


def _if(when: Document, value: Any) -> Document:
    """``value`` or null, which ``$min`` and ``$max`` pass over."""
    return {"$cond": [when, value, None]}

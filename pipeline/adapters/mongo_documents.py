"""Candles as MongoDB documents: Decimal128 with the exchange's exact digits, provenance beside the values."""

from collections.abc import Mapping
from typing import Any

from bson import Decimal128

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval

Document = dict[str, Any]


def candle_document(candle: Candle) -> Document:
    """The document of a candle, without ``_id``."""
    return {
        "symbol": candle.symbol, "interval": candle.interval.value,
        "openTime": candle.open_ms, "closeTime": candle.close_ms,
        "open": Decimal128(candle.open), "high": Decimal128(candle.high),
        "low": Decimal128(candle.low), "close": Decimal128(candle.close),
        "volume": Decimal128(candle.volume), "quoteVolume": Decimal128(candle.quote_volume),
        "trades": candle.trades,
        "takerBuyVolume": Decimal128(candle.taker_buy_volume),
        "takerBuyQuoteVolume": Decimal128(candle.taker_buy_quote_volume),
        "firstTradeId": candle.first_trade_id, "lastTradeId": candle.last_trade_id,
        "source": candle.source, "revision": int(candle.revision),
        "eventTime": candle.event_ms, "receivedTime": candle.received_ms,
        "present": candle.present, "expected": candle.expected, "complete": candle.complete,
        "verifiedAt": candle.verified_ms, "cause": candle.cause,
    }  # fmt: skip


def candle_of(document: Mapping[str, Any]) -> Candle:
    """The candle a document was made of; only closed candles are stored.

    Whole numbers become plain ints: BSON's own 64-bit type is refused by other clients.
    """
    return Candle(
        symbol=document["symbol"], interval=Interval(document["interval"]), open_ms=int(document["openTime"]),
        open=document["open"].to_decimal(), high=document["high"].to_decimal(),
        low=document["low"].to_decimal(), close=document["close"].to_decimal(),
        volume=document["volume"].to_decimal(), quote_volume=document["quoteVolume"].to_decimal(),
        trades=int(document["trades"]),
        taker_buy_volume=document["takerBuyVolume"].to_decimal(),
        taker_buy_quote_volume=document["takerBuyQuoteVolume"].to_decimal(),
        first_trade_id=int(document.get("firstTradeId", -1)), last_trade_id=int(document.get("lastTradeId", -1)),
        closed=True, revision=Revision(document["revision"]), source=document["source"],
        event_ms=int(document["eventTime"]), received_ms=int(document["receivedTime"]),
        present=document.get("present"), verified_ms=document.get("verifiedAt"), cause=document.get("cause"),
    )  # fmt: skip

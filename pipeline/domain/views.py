"""What readers see: the JSON shapes of Redis, REST and push, built from the words of the trade."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipeline.domain.book import BookSnapshot, BookState, Level, cumulate
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

View = dict[str, Any]


def candle_view(candle: Candle) -> View:
    """A candle as it lies in Redis and travels on the socket."""
    return {
        "symbol": candle.symbol, "interval": candle.interval.value,
        "openTime": candle.open_ms, "closeTime": candle.close_ms,
        "open": candle.open, "high": candle.high, "low": candle.low, "close": candle.close,
        "volume": candle.volume, "quoteVolume": candle.quote_volume, "trades": candle.trades,
        "takerBuyVolume": candle.taker_buy_volume, "takerBuyQuoteVolume": candle.taker_buy_quote_volume,
        "firstTradeId": candle.first_trade_id, "lastTradeId": candle.last_trade_id,
        "x": candle.closed, "updatedAt": candle.event_ms, "receivedTime": candle.received_ms,
        "source": candle.source, "revision": int(candle.revision),
        "present": candle.present, "expected": candle.expected, "complete": candle.complete,
        "verifiedAt": candle.verified_ms, "cause": candle.cause,
    }  # fmt: skip


def candle_from_view(view: Mapping[str, Any]) -> Candle:
    """The candle a view was made of; its numbers must have been read exactly (``jsontext.loads_exact``)."""
    return Candle(
        symbol=view["symbol"], interval=Interval(view["interval"]), open_ms=view["openTime"],
        open=Decimal(view["open"]), high=Decimal(view["high"]),
        low=Decimal(view["low"]), close=Decimal(view["close"]),
        volume=Decimal(view["volume"]), quote_volume=Decimal(view["quoteVolume"]), trades=view["trades"],
        taker_buy_volume=Decimal(view["takerBuyVolume"]),
        taker_buy_quote_volume=Decimal(view["takerBuyQuoteVolume"]),
        first_trade_id=view["firstTradeId"], last_trade_id=view["lastTradeId"],
        closed=view["x"], revision=Revision(view["revision"]), source=view["source"],
        event_ms=view["updatedAt"], received_ms=view["receivedTime"], present=view["present"],
        verified_ms=view.get("verifiedAt"), cause=view.get("cause"),
    )  # fmt: skip


def ohlc_view(candle: Candle) -> View:
    """A candle as ``/ohlc`` answers it: ``y`` is open, high, low, close."""
    view = candle_view(candle)
    return {
        "openTime": candle.open_ms,
        "y": [candle.open, candle.high, candle.low, candle.close],
        **{name: view[name] for name in _OHLC_FIELDS},
    }


_OHLC_FIELDS = (
    "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
    "closeTime", "x", "updatedAt", "source", "revision", "present", "expected", "complete",
    "verifiedAt", "cause",
)  # fmt: skip


def trade_view(trade: Trade) -> View:
    """A trade as it lies in Redis: nothing of ours in it, so a redelivery is byte-identical."""
    view: View = {
        "symbol": trade.symbol,
        "price": trade.price,
        "quantity": trade.quantity,
        "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker,
        "tradeId": trade.trade_id,
    }
    if trade.last_id != trade.trade_id:
        view["lastTradeId"] = trade.last_id
    return view


def trade_from_view(view: Mapping[str, Any]) -> Trade:
    """The trade of a view read exactly; our stamps are not in it, so its event time is the time of the trade."""
    return Trade(
        symbol=view["symbol"], trade_id=view["tradeId"], last_id=view.get("lastTradeId", view["tradeId"]),
        price=Decimal(view["price"]), quantity=Decimal(view["quantity"]), time_ms=view["time"],
        is_buyer_maker=view["isBuyerMaker"], event_ms=view["time"], received_ms=view["time"], source="redis",
    )  # fmt: skip


def book_view(book: BookSnapshot) -> View:
    """A book as it lies in Redis: levels as [price, quantity], best first."""
    return {
        "symbol": book.symbol, "lastUpdateId": book.last_update_id, "state": book.state.value,
        "timestamp": book.event_ms, "receivedTime": book.received_ms,
        "bids": list(book.bids), "asks": list(book.asks),
    }  # fmt: skip


def book_from_view(view: Mapping[str, Any]) -> BookSnapshot:
    """The book of a view read exactly."""
    return BookSnapshot(
        symbol=view["symbol"], last_update_id=view["lastUpdateId"], state=BookState(view["state"]),
        bids=_levels(view["bids"]), asks=_levels(view["asks"]),
        event_ms=view["timestamp"], received_ms=view["receivedTime"],
    )  # fmt: skip


def depth_view(book: Mapping[str, Any], *, limit: int) -> View:
    """A book as ``/orderbook`` and the socket answer it: {price, quantity, total} a level, from a Redis book view."""
    return {
        "symbol": book["symbol"], "lastUpdateId": book["lastUpdateId"], "state": book["state"],
        "timestamp": book["timestamp"],
        "bids": _depth_levels(book["bids"][:limit]), "asks": _depth_levels(book["asks"][:limit]),
    }  # fmt: skip


def _depth_levels(levels: list[tuple[Decimal, Decimal]]) -> list[View]:
    return [{"price": price, "quantity": quantity, "total": total} for price, quantity, total in cumulate(levels)]


def _levels(rows: Sequence[Sequence[Decimal]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)

"""Words of the trade for tests: sensible defaults, only what matters said."""

from decimal import Decimal
from typing import Any

from pipeline.domain.book import BookDiff, BookSnapshot, Level
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.trade import Trade

NOON_MS = 1_700_049_600_000
"""2023-11-15 12:00 UTC: the start of a minute, an hour and a four-hour bucket."""


def a_trade(trade_id: int, **other: Any) -> Trade:
    time_ms = other.pop("time_ms", NOON_MS + trade_id)
    return Trade(
        **{
            "symbol": "BTCUSDT",
            "trade_id": trade_id,
            "last_id": trade_id,
            "price": Decimal("100.00"),
            "quantity": Decimal("1.00000000"),
            "time_ms": time_ms,
            "is_buyer_maker": False,
            "event_ms": time_ms,
            "received_ms": time_ms + 5,
            "source": "ws",
            **other,
        }
    )


def a_candle(minute: int = 0, **other: Any) -> Candle:
    prices = {name: Decimal(other.pop(name, "100.00")) for name in ("open", "high", "low", "close")}
    open_ms = NOON_MS + minute * MINUTE_MS
    return Candle(
        **{
            "symbol": "BTCUSDT",
            "interval": Interval.M1,
            "open_ms": open_ms,
            **prices,
            "volume": Decimal("2.00000000"),
            "quote_volume": Decimal("200.00000000"),
            "trades": 2,
            "taker_buy_volume": Decimal("1.00000000"),
            "taker_buy_quote_volume": Decimal("100.00000000"),
            "closed": True,
            "revision": Revision.CLOSED,
            "source": "ws",
            "event_ms": open_ms + MINUTE_MS,
            "received_ms": open_ms + MINUTE_MS + 5,
            **other,
        }
    )


def forming(minute: int = 0, **other: Any) -> Candle:
    return a_candle(minute, **{"closed": False, "revision": Revision.FORMING, **other})


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def a_snapshot(last_update_id: int = 100, **other: Any) -> BookSnapshot:
    return BookSnapshot(
        **{
            "symbol": "BTCUSDT",
            "last_update_id": last_update_id,
            "bids": levels(("99", "1"), ("98", "2")),
            "asks": levels(("101", "1"), ("102", "2")),
            "event_ms": NOON_MS + last_update_id,
            "received_ms": NOON_MS + last_update_id + 5,
            **other,
        }
    )


def a_diff(first_id: int, last_id: int | None = None, **other: Any) -> BookDiff:
    last_id = first_id if last_id is None else last_id
    return BookDiff(
        **{
            "symbol": "BTCUSDT",
            "first_id": first_id,
            "last_id": last_id,
            "bids": (),
            "asks": (),
            "event_ms": NOON_MS + last_id,
            "received_ms": NOON_MS + last_id + 5,
            **other,
        }
    )

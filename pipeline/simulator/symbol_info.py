"""A symbol's entry in exchangeInfo, with the fields a market-data client reads."""

from collections.abc import Iterable, Sequence
from typing import Any

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL")


def symbol_entry(symbol: str, *, assets: tuple[str, str], tick: str, step: str) -> dict[str, Any]:
    """A TRADING spot symbol; ``assets`` are base and quote, ``tick`` and ``step`` decimal strings."""
    base, quote = assets
    return {
        "symbol": symbol, "status": "TRADING",
        "baseAsset": base, "baseAssetPrecision": 8,
        "quoteAsset": quote, "quotePrecision": 8, "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True, "ocoAllowed": True, "otoAllowed": True, "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True, "cancelReplaceAllowed": True,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ],
        "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER", "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }  # fmt: skip


def split_symbol(symbol: str) -> tuple[str, str] | None:
    """(base asset, quote asset), or None where no known quote asset ends the name."""
    for quote in QUOTE_ASSETS:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    return None


def recorded_entry(symbol: str, *, samples: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A symbol known only from recorded (price, quantity) strings: tick and step are their finest digits."""
    prices, quantities = zip(*samples, strict=True) if samples else ((), ())
    assets = split_symbol(symbol) or (symbol, "")
    return symbol_entry(symbol, assets=assets, tick=_finest(prices), step=_finest(quantities))


def _finest(texts: Iterable[str]) -> str:
    digits = max((len(text.partition(".")[2].rstrip("0")) for text in texts), default=8)
    return f"{10**-digits:.8f}"

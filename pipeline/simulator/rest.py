"""The REST endpoints without a socket: path and query in, status and body out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from pipeline.simulator.market import KlineQuery, Market, TradeQuery
from pipeline.simulator.parameters import (
    RefusedError,
    check_names,
    interval_of,
    limit_of,
    symbol_of,
    symbols_of,
    time_of,
    whole_of,
)
from pipeline.simulator.rules import Limits

Query = Mapping[str, str]
DOCUMENTED = Limits()
EXCHANGE_INFO = "/api/v3/exchangeInfo"
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes


def weight_of(path: str, query: Query) -> int:
    """What a request weighs, before anything else is looked at; a wrong path weighs 1."""
    if path == "/api/v3/depth":
        text = query.get("limit", "")
        limit = int(text) if text.isdecimal() else 100
        return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), 250)
    return ENDPOINTS[path][0] if path in ENDPOINTS else 1


def answer(market: Market, path: str, query: Query, *, limits: Limits = DOCUMENTED) -> Answer:
    """The venue's answer to a request."""
    endpoint = ENDPOINTS.get(path)
    if endpoint is None:
        return Answer(404, b"<html><body><h2>404 Not found</h2></body></html>")
    try:
        if path == EXCHANGE_INFO:
            return Answer(200, _exchange_info(market, query, limits))
        return Answer(200, endpoint[1](market, query))
    except RefusedError as error:
        return Answer(error.status, error.body)


def _ping(market: Market, query: Query) -> bytes:
    check_names(query)
    return b"{}"


def _time(market: Market, query: Query) -> bytes:
    check_names(query)
    return orjson.dumps({"serverTime": market.now_ms()})


def _exchange_info(market: Market, query: Query, limits: Limits = DOCUMENTED) -> bytes:
    check_names(query, "symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus")
    named = symbols_of(query)
    symbols = market.symbols() if named is None else [_known(market, symbol) for symbol in named]
    entries = [market.symbol_info(symbol) for symbol in symbols]
    wanted = query.get("symbolStatus")
    return orjson.dumps(
        {
            "timezone": "UTC",
            "serverTime": market.now_ms(),
            "rateLimits": _rate_limits(limits),
            "exchangeFilters": [],
            "symbols": [entry for entry in entries if wanted in (None, entry["status"])],
        }
    )


def _rate_limits(limits: Limits) -> list[dict[str, object]]:
    return [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": limits.weight_per_minute,
        },
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
    ]


def _klines(market: Market, query: Query) -> bytes:
    check_names(query, "symbol", "interval", "startTime", "endTime", "timeZone", "limit")
    symbol, interval = _listed(market, symbol_of(query)), interval_of(query)
    if query.get("timeZone", "0") not in ("0", "0:00", "00:00", "+00:00"):
        raise RefusedError(-1130, "Data sent for parameter 'timeZone' is not valid.")
    rows = market.klines(
        KlineQuery(
            symbol=symbol,
            interval=interval,
            start_ms=time_of(query, "startTime"),
            end_ms=time_of(query, "endTime"),
            limit=limit_of(query, default=500, most=1_000),
        )
    )
    return _rows(rows)


def _depth(market: Market, query: Query) -> bytes:
    check_names(query, "symbol", "limit")
    return market.depth(_listed(market, symbol_of(query)), limit=limit_of(query, default=100, most=5_000))


def _aggregates(market: Market, query: Query) -> bytes:
    check_names(query, "symbol", "fromId", "startTime", "endTime", "limit")
    asked = TradeQuery(
        symbol=_listed(market, symbol_of(query)),
        from_id=whole_of(query, "fromId"),
        start_ms=time_of(query, "startTime"),
        end_ms=time_of(query, "endTime"),
        limit=limit_of(query, default=500, most=1_000),
    )
    if asked.from_id is not None and (asked.start_ms is not None or asked.end_ms is not None):
        raise RefusedError(-1128, "Combination of optional parameters invalid.")
    return _rows(market.aggregates(asked))


def _trades(market: Market, query: Query) -> bytes:
    check_names(query, "symbol", "limit")
    symbol = _listed(market, symbol_of(query))
    return _rows(market.trades(symbol, limit=limit_of(query, default=500, most=1_000)))


def _listed(market: Market, symbol: str) -> str:
    if not market.listed(symbol):
        raise RefusedError(-1121, "Invalid symbol.")
    return symbol


def _known(market: Market, symbol: str) -> str:
    """A symbol exchangeInfo names: one that has gone is answered everywhere else only."""
    if market.roll.gone(symbol):
        raise RefusedError(-1121, "Invalid symbol.")
    return _listed(market, symbol)


def _rows(rows: list[str]) -> bytes:
    return ("[" + ",".join(rows) + "]").encode()


ENDPOINTS: dict[str, tuple[int, Callable[[Market, Query], bytes]]] = {
    "/api/v3/ping": (1, _ping),
    "/api/v3/time": (1, _time),
    EXCHANGE_INFO: (20, _exchange_info),
    "/api/v3/klines": (2, _klines),
    "/api/v3/uiKlines": (2, _klines),
    "/api/v3/depth": (5, _depth),
    "/api/v3/aggTrades": (4, _aggregates),
    "/api/v3/trades": (25, _trades),
}

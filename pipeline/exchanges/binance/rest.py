"""Binance's REST market data, Sans-I/O: requests as values, answers as words.

Source: binance-spot-api-docs, rest-api.md; weights as of 2026-07-17.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any
from urllib.parse import urlencode

from pipeline.domain import jsontext
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.faults import BadMessageError
from pipeline.domain.frames import BookFrame
from pipeline.domain.interval import Interval
from pipeline.domain.symbol import SymbolInfo
from pipeline.exchanges.binance.messages import sound
from pipeline.exchanges.binance.wire import amount, levels, positive, time_ms

SOURCE_REST = "rest"
KLINES_LIMIT = 1_000
CLOSE_MARGIN_MS = 2_000
"""A row whose minute ended less than this before the exchange's own time may still change: it is not taken as final."""


@dataclass(frozen=True, slots=True)
class Request:
    """A GET to the exchange and the weight it costs."""

    path: str
    params: Mapping[str, str | int]
    weight: int

    @property
    def target(self) -> str:
        """Path and query, as a recording names the request."""
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path


def time_request() -> Request:
    """The exchange's clock."""
    return Request("/api/v3/time", {}, 1)


def exchange_info_request(symbols: Sequence[str] | None = None) -> Request:
    """The markets; all of them unless named. A name the exchange does not know fails the whole request."""
    params = {"symbols": jsontext.dumps(list(symbols)).decode()} if symbols else {}
    return Request("/api/v3/exchangeInfo", params, 20)


def depth_request(symbol: str, *, limit: int = 1_000) -> Request:
    """A full book, ``limit`` levels a side."""
    weight = 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250
    return Request("/api/v3/depth", {"symbol": symbol, "limit": limit}, weight)


def klines_request(symbol: str, interval: Interval, *, start_ms: int, end_ms: int) -> Request:
    """Candles opened in the half-open range, oldest first, at most 1,000."""
    params = {
        "symbol": symbol, "interval": interval.value,
        "startTime": start_ms, "endTime": end_ms - 1, "limit": KLINES_LIMIT,
    }  # fmt: skip
    return Request("/api/v3/klines", params, 2)


def parse_time(body: bytes) -> int:
    """The exchange's clock in UTC epoch milliseconds. Raises BadMessageError."""
    try:
        return time_ms(jsontext.loads(body)["serverTime"])
    except _MALFORMED as error:
        raise BadMessageError(f"time answer: {error!r}") from error


def parse_exchange_info(body: bytes) -> dict[str, SymbolInfo]:
    """Every market in the answer, by symbol. Raises BadMessageError."""
    try:
        return {row["symbol"]: _symbol_info(row) for row in _rows(jsontext.loads(body)["symbols"])}
    except _MALFORMED as error:
        raise BadMessageError(f"exchangeInfo answer: {error!r}") from error


def parse_depth(body: bytes, *, symbol: str, limit: int, received_ms: int) -> BookFrame:
    """A full book asked for with ``limit`` levels a side: a shorter side is all there is. Raises BadMessageError."""
    try:
        record = jsontext.loads(body)
        bids, asks = levels(record["bids"]), levels(record["asks"])
        last_update_id = jsontext.whole(record["lastUpdateId"])
    except _MALFORMED as error:
        raise BadMessageError(f"depth answer: {error!r}") from error
    if not bids and not asks:
        raise BadMessageError("depth answer: a book without a level is no book")
    return BookFrame(symbol, last_update_id, bids, asks, received_ms, (len(bids) < limit, len(asks) < limit))


def parse_klines(body: bytes, *, symbol: str, interval: Interval, server_ms: int, received_ms: int) -> list[Candle]:
    """The candles that are surely over at the exchange's time ``server_ms``. Raises BadMessageError."""
    try:
        candles = [
            _kline_row(row, symbol=symbol, interval=interval, server_ms=server_ms, received_ms=received_ms)
            for row in _rows(jsontext.loads(body))
        ]
    except _MALFORMED as error:
        raise BadMessageError(f"klines answer: {error!r}") from error
    return [candle for candle in candles if candle.close_ms < server_ms - CLOSE_MARGIN_MS]


def _rows(value: Any) -> list[Any]:
    """The list it should be: an object where rows should be is not an answer without rows."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list of rows, found {type(value).__name__}")
    return value


def _kline_row(row: Sequence[Any], *, symbol: str, interval: Interval, server_ms: int, received_ms: int) -> Candle:
    return sound(
        Candle(
            symbol=symbol, interval=interval, open_ms=time_ms(row[0]),
            open=positive(row[1]), high=positive(row[2]), low=positive(row[3]), close=positive(row[4]),
            volume=amount(row[5]), quote_volume=amount(row[7]), trades=int(row[8]),
            taker_buy_volume=amount(row[9]), taker_buy_quote_volume=amount(row[10]),
            closed=True, revision=Revision.REST, source=SOURCE_REST,
            event_ms=server_ms, received_ms=received_ms, verified_ms=server_ms,
            present=1 if interval is Interval.M1 else None,
        )
    )  # fmt: skip


def _symbol_info(row: Mapping[str, Any]) -> SymbolInfo:
    filters = {entry["filterType"]: entry for entry in row["filters"]}
    return SymbolInfo(
        symbol=row["symbol"], status=row["status"],
        base_asset=row["baseAsset"], quote_asset=row["quoteAsset"],
        tick_size=filters["PRICE_FILTER"]["tickSize"], step_size=filters["LOT_SIZE"]["stepSize"],
    )  # fmt: skip


_MALFORMED = (KeyError, TypeError, ValueError, IndexError, InvalidOperation)

"""Candles, books, trades and the symbols themselves, over HTTP."""

from collections.abc import Callable
from typing import Any

from app.api.route import Route, View
from app.parameters import DepthQuery, NoQuery, OhlcQuery, RealtimeQuery, SymbolQuery, TradesQuery
from app.problems import ProblemError, nothing_yet, unknown_symbol
from app.reads import StoreReads
from app.reads.standing import STALE_MS
from pipeline.domain.book import BookSnapshot, BookState
from pipeline.domain.candle import Candle
from pipeline.domain.views import book_view, candle_view, depth_view, ohlc_view, trade_view

BOOK_LIFE_MS = 30_000
"""How long a book that lost its step may still be shown."""


def market_routes(reads: StoreReads, now_ms: Callable[[], int]) -> list[Route]:
    """Every route about markets."""
    answers = MarketAnswers(reads, now_ms)
    return [
        Route(
            path="/ohlc", answer=answers.ohlc, query=OhlcQuery, schema="Candles", tag="markets",
            summary="Closed candles from MongoDB, oldest first, and the one in progress beside them",
        ),
        Route(
            path="/ohlc/realtime", answer=answers.realtime, query=RealtimeQuery, schema="Candles", tag="markets",
            summary="The newest closed one-minute candles from Redis, oldest first",
        ),
        Route(
            path="/latest", answer=answers.latest, query=SymbolQuery, schema="Latest", tag="markets",
            summary="The newest one-minute candle, forming or closed",
        ),
        Route(
            path="/orderbook", answer=answers.orderbook, query=DepthQuery, schema="OrderBook", tag="markets",
            summary="The best levels of the book, with running totals",
        ),
        Route(
            path="/trades", answer=answers.trades, query=TradesQuery, schema="Trades", tag="markets",
            summary="The newest trades, newest first",
        ),
        Route(
            path="/symbols", answer=answers.symbols, query=NoQuery, schema="Symbols", tag="markets",
            summary="The markets this stack follows",
        ),
    ]  # fmt: skip


def require_known(reads: StoreReads, symbol: str) -> None:
    """Raises ProblemError (404) for a symbol nobody follows."""
    if symbol not in reads.known():
        raise unknown_symbol(symbol)


class MarketAnswers:
    """What each market route answers."""

    def __init__(self, reads: StoreReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def ohlc(self, query: OhlcQuery) -> View:
        """``/ohlc``."""
        wanted = query.wanted()
        require_known(self._reads, query.symbol)
        chart = self._reads.chart.chart(query.symbol, wanted)
        return _candles(query.symbol, wanted.interval.value, chart.candles, forming=chart.forming)

    def realtime(self, query: RealtimeQuery) -> View:
        """``/ohlc/realtime``."""
        require_known(self._reads, query.symbol)
        closed = self._reads.recent(query.symbol, limit=query.limit, before_ms=query.start, until_ms=query.end)
        return _candles(query.symbol, "1m", closed, forming=None)

    def latest(self, query: SymbolQuery) -> View:
        """``/latest``."""
        require_known(self._reads, query.symbol)
        candle = self._reads.latest(query.symbol)
        if candle is None:
            raise nothing_yet(f"no kline of {query.symbol} yet")
        return candle_view(candle) | self._served(candle.received_ms)

    def orderbook(self, query: DepthQuery) -> View:
        """``/orderbook``."""
        require_known(self._reads, query.symbol)
        book = self._reads.book(query.symbol)
        if book is None:
            raise nothing_yet(f"no order book of {query.symbol} yet")
        served = self._served(book.received_ms)
        if book.state is not BookState.SYNCED:
            served["stale"] = True
            _refuse_old(book, age_ms=served["ageMs"])
        return depth_view(book_view(book), limit=query.limit) | {"receivedTime": book.received_ms} | served

    def trades(self, query: TradesQuery) -> View:
        """``/trades``."""
        require_known(self._reads, query.symbol)
        trades = [trade_view(trade) for trade in self._reads.trades(query.symbol, query.limit)]
        return {"symbol": query.symbol, "count": len(trades), "trades": trades}

    def symbols(self, _query: NoQuery) -> View:
        """``/symbols``."""
        listed = self._reads.listed()
        return {"count": len(listed), "symbols": listed}

    def _served(self, received_ms: int) -> View:
        now_ms = self._now_ms()
        age_ms = max(0, now_ms - received_ms)
        return {"servedAt": now_ms, "ageMs": age_ms, "stale": age_ms > STALE_MS}


def _candles(symbol: str, interval: str, candles: Any, *, forming: Candle | None) -> View:
    return {
        "symbol": symbol, "interval": interval, "count": len(candles),
        "candles": [ohlc_view(candle) for candle in candles],
        "forming": ohlc_view(forming) if forming is not None else None,
    }  # fmt: skip


def _refuse_old(book: BookSnapshot, *, age_ms: int) -> None:
    if age_ms > BOOK_LIFE_MS:
        detail = f"the book of {book.symbol} is {book.state.value} and {age_ms} ms old"
        raise ProblemError(503, "stale-book", detail, headers={"Retry-After": "1"})

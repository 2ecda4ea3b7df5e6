"""What each panel of the market page is told: reads in, plain JSON values out; knows nothing of Dash.

Every answer has a ``status``: ``ok``, ``empty`` (nothing there yet) or ``error`` (a store is away) with a ``message``.
The pushed messages and these answers carry the same shapes, so one function in the browser paints both.
"""

from collections.abc import Callable, Mapping
from typing import Any

from callbacks.reads import FeedState, Market, MarketReads
from layouts.digits import digits_of
from layouts.figures.candles import bar_row, candles_figure
from pipeline.domain import jsontext
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.views import book_view, candle_view, depth_view, trade_view

Answer = dict[str, Any]

CHART_BARS = 360
"""Bars in a figure: three screens of them. Plotly repaints every one, so not more."""
DAILY_BARS = 1_000
"""Bars in a figure of days, which Plotly repaints once a day: years of them, as many as the exchange gives at once."""
CATCH_UP_BARS = 10
"""Closed bars a tick looks back over; a browser that missed more fetches the figure again."""
LADDER_LEVELS = 20
TRADES = 50
AWAY = "Store is away, retrying"


def _or_error(answer: Callable[[], Answer]) -> Answer:
    try:
        return answer()
    except TransientError as error:
        return {"status": "error", "message": AWAY, "detail": str(error)}


class MarketAnswers:
    """The market page's panels, answered from ``reads``."""

    def __init__(self, reads: MarketReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def markets(self) -> list[Market]:
        """The markets followed; none while the store is away."""
        try:
            return list(self._reads.symbols())
        except TransientError:
            return []

    def market(self, symbol: str) -> Market | None:
        """One market, if it is followed."""
        return next((market for market in self.markets() if market.symbol == symbol), None)

    def price_digits(self, symbol: str) -> int:
        """Digits after the point of a market's prices; 2 where the market is not known."""
        market = self.market(symbol)
        return digits_of(market.tick_size) if market is not None else 2

    def figure(self, symbol: str, interval: Interval) -> Answer:
        """The whole chart: ``{"status", "key", "intervalMs", "figure"}``."""
        named: Answer = {"key": chart_key(symbol, interval), "symbol": symbol, "intervalMs": interval.ms}
        return named | _or_error(lambda: self._figure(symbol, interval))

    def _figure(self, symbol: str, interval: Interval) -> Answer:
        candles = self._reads.candles(symbol, interval, chart_bars(interval))
        figure = candles_figure(candles, symbol=symbol, interval=interval, digits=self.price_digits(symbol))
        return {"status": "ok" if candles else "empty", "figure": figure.to_plotly_json()}

    def tick(self, symbol: str, interval: Interval, have: Mapping[str, Any] | None) -> Answer:
        """What is new since the bar ``have["open_ms"]``: ``{"status", "key", "closed", "known", "forming", "reload"}``.

        ``known`` are the newest bars up to that one as they stand now, for they may have been repaired; ``reload``
        says that more is missing than a tick carries.
        """
        named: Answer = {"key": chart_key(symbol, interval), "symbol": symbol}
        return named | _or_error(lambda: self._tick(symbol, interval, held_ms(have, key=named["key"])))

    def _tick(self, symbol: str, interval: Interval, held: int | None) -> Answer:
        newest = self._reads.candles(symbol, interval, CATCH_UP_BARS)
        closed = [candle for candle in newest if held is not None and candle.open_ms > held]
        forming = self._reads.forming(symbol, interval)
        return {
            "status": "ok" if newest or forming else "empty",
            "closed": plain([candle_view(candle) for candle in closed]),
            "known": [told_row(candle) for candle in newest[: len(newest) - len(closed)]],
            "forming": plain(candle_view(forming)) if forming is not None else None,
            "reload": bool(newest) and (held is None or len(closed) == len(newest)),
        }

    def review(self, symbol: str, interval: Interval) -> Answer:
        """The whole chart's bars as they stand now: ``{"status", "key", "known"}``."""
        named: Answer = {"key": chart_key(symbol, interval), "symbol": symbol}
        return named | _or_error(lambda: self._review(symbol, interval))

    def _review(self, symbol: str, interval: Interval) -> Answer:
        candles = self._reads.candles(symbol, interval, chart_bars(interval))
        return {"status": "ok" if candles else "empty", "known": [told_row(candle) for candle in candles]}

    def book(self, symbol: str) -> Answer:
        """The ladder: a pushed ``orderbook`` message plus ``status``."""
        return {"symbol": symbol} | _or_error(lambda: self._book(symbol))

    def _book(self, symbol: str) -> Answer:
        book = self._reads.book(symbol)
        if book is None:
            return {"status": "empty"}
        view = plain(depth_view(book_view(book), limit=LADDER_LEVELS))
        return {"status": "ok", "eventTime": book.event_ms, **view}

    def trades(self, symbol: str) -> Answer:
        """The newest trades, newest first: a pushed ``initial`` message plus ``status``."""
        return {"symbol": symbol} | _or_error(lambda: self._trades(symbol))

    def _trades(self, symbol: str) -> Answer:
        trades = [trade_view(trade) for trade in self._reads.trades(symbol, TRADES)]
        return {"status": "ok" if trades else "empty", "trades": plain(trades)}

    def feed(self, symbol: str) -> Answer:
        """How old the data is: ``{"status", "source", "ageMs", "lagMs"}``."""
        return {"symbol": symbol, "servedAt": self._now_ms()} | _or_error(lambda: self._feed(symbol))

    def _feed(self, symbol: str) -> Answer:
        state = self._reads.feed_state(symbol)
        age = self.age_ms(state)
        return {
            "status": "ok" if age is not None else "empty",
            "source": state.source,
            "ageMs": age,
            "lagMs": state.lag_ms,
            "history": state.history,
        }

    def age_ms(self, state: FeedState) -> int | None:
        """How long ago the newest datum came; None before the first."""
        return None if state.received_ms is None else max(0, self._now_ms() - state.received_ms)


def chart_bars(interval: Interval) -> int:
    """How many bars a chart of ``interval`` begins with."""
    return DAILY_BARS if interval is Interval.D1 else CHART_BARS


def told_row(candle: Candle) -> list[float]:
    """A bar as the browser keeps it, and what tells an older word from a newer one: revision and event time."""
    return [*bar_row(candle), int(candle.revision), candle.event_ms]


def chart_key(symbol: str, interval: Interval) -> str:
    """What a chart shows, as the figure's ``uirevision`` and the glue say it: ``BTCUSDT|1m``."""
    return f"{symbol}|{interval.value}"


def held_ms(have: Mapping[str, Any] | None, *, key: str) -> int | None:
    """The open time of the newest closed bar the browser holds of this chart, None if it holds none."""
    if not isinstance(have, Mapping) or have.get("key") != key:
        return None
    open_ms = have.get("open_ms")
    return open_ms if isinstance(open_ms, int) else None


def digits(market: Market) -> Answer:
    """How one market's figures are written, for the glue."""
    return {
        "base": market.base,
        "quote": market.quote,
        "price": digits_of(market.tick_size),
        "size": digits_of(market.step_size),
    }


def plain(value: Any) -> Any:
    """A view with its Decimals as JSON numbers, as a pushed message reads in a browser."""
    return jsontext.loads(jsontext.dumps(value))

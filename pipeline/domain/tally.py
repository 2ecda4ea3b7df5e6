"""What trades of one bucket add up to, kept as they come, in whatever order that is."""

from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade


@dataclass(slots=True)
class Tally:
    """A candle in the making: the lowest id opens it, the highest closes it, everything else is a sum or a bound."""

    first: Trade
    last: Trade
    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    bought: Decimal
    bought_quote: Decimal

    @classmethod
    def of(cls, trade: Trade) -> "Tally":
        """The tally of one trade."""
        price, zero = trade.price, Decimal(0)
        tally = cls(trade, trade, price, price, zero, zero, 0, zero, zero)
        tally._sum(trade)
        return tally

    def add(self, trade: Trade) -> None:
        """Count one more trade of the same bucket, which must be a new one."""
        if trade.price > self.high:
            self.high = trade.price
        if trade.price < self.low:
            self.low = trade.price
        if trade.trade_id > self.last.trade_id:
            self.last = trade
        elif trade.trade_id < self.first.trade_id:
            self.first = trade
        self._sum(trade)

    def candle(self, interval: Interval) -> Candle:
        """The forming candle of these trades alone."""
        first, last = self.first, self.last
        return Candle(
            symbol=first.symbol, interval=interval, open_ms=interval.open_ms(first.time_ms),
            open=first.price, high=self.high, low=self.low, close=last.price,
            volume=self.volume, quote_volume=self.quote_volume, trades=self.trades,
            taker_buy_volume=self.bought, taker_buy_quote_volume=self.bought_quote,
            first_trade_id=first.trade_id, last_trade_id=last.last_id,
            closed=False, revision=Revision.FORMING, source=last.source,
            event_ms=last.event_ms, received_ms=last.received_ms,
        )  # fmt: skip

    def extending(self, candle: Candle) -> Candle:
        """``candle`` with these trades of the same bucket, all later than its own, folded in."""
        if not candle.trades:
            return self.candle(candle.interval)
        return replace(
            candle,
            high=max(candle.high, self.high),
            low=min(candle.low, self.low),
            close=self.last.price,
            volume=candle.volume + self.volume,
            quote_volume=candle.quote_volume + self.quote_volume,
            trades=candle.trades + self.trades,
            taker_buy_volume=candle.taker_buy_volume + self.bought,
            taker_buy_quote_volume=candle.taker_buy_quote_volume + self.bought_quote,
            last_trade_id=self.last.last_id,
            event_ms=max(candle.event_ms, self.last.event_ms),
            received_ms=max(candle.received_ms, self.last.received_ms),
        )

    def _sum(self, trade: Trade) -> None:
        quote = trade.quote_quantity
        self.volume += trade.quantity
        self.quote_volume += quote
        self.trades += trade.last_id - trade.trade_id + 1
        if not trade.is_buyer_maker:
            self.bought += trade.quantity
            self.bought_quote += quote

"""A candle: what one market did in one interval, with how far to trust it."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum

from pipeline.domain.interval import Interval


class Revision(IntEnum):
    """Where a candle's values come from; the higher one is nearer to the exchange's final word."""

    FORMING = 0
    CLOSED = 1
    REST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One candle; times are UTC epoch milliseconds, prices and volumes carry the exchange's exact digits.

    ``first_trade_id`` and ``last_trade_id`` are -1 where no trade is known (an empty minute, a REST row).
    ``event_ms`` is the exchange's clock, ``received_ms`` ours.
    """

    symbol: str
    interval: Interval
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal
    first_trade_id: int = -1
    last_trade_id: int = -1
    closed: bool
    revision: Revision
    source: str
    event_ms: int
    received_ms: int
    present: int | None = 1
    verified_ms: int | None = None
    cause: str | None = None

    @property
    def close_ms(self) -> int:
        """The candle's last millisecond, inclusive."""
        return self.interval.close_ms(self.open_ms)

    @property
    def expected(self) -> int:
        """How many minutes a complete candle of this interval has."""
        return self.interval.minutes

    @property
    def complete(self) -> bool:
        """Whether every minute of the interval is in it."""
        return self.present == self.expected

    @property
    def key(self) -> tuple[str, Interval, int]:
        """The natural key, by which a redelivery is recognised."""
        return (self.symbol, self.interval, self.open_ms)

    @property
    def values(self) -> tuple[Decimal | int, ...]:
        """What the market did, without provenance: what two sources of one candle are compared by."""
        return (
            self.open, self.high, self.low, self.close, self.volume, self.quote_volume,
            self.trades, self.taker_buy_volume, self.taker_buy_quote_volume,
        )  # fmt: skip

    def supersedes(self, other: "Candle | None") -> bool:
        """Whether this candle replaces ``other`` under one key.

        The higher revision wins, among equals the later event time; equal values of one revision change nothing.
        """
        if other is None or self.revision != other.revision:
            return other is None or self.revision > other.revision
        return self.event_ms > other.event_ms and self.values != other.values

    def received(self, received_ms: int) -> "Candle":
        """The same candle, stamped with when we got it."""
        return replace(self, received_ms=received_ms)

"""A candle: what one market did in one interval, with how far to trust it."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any

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
    ``event_ms`` is the exchange's clock, ``received_ms`` ours. ``present`` counts the minutes it was made of, None
    for the exchange's own longer one; ``verified_ms`` is the exchange's time when it was last found equal to its own;
    ``cause`` says whose gap it is where minutes are lacking.
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

    @property
    def rank(self) -> tuple[Any, ...]:
        """A total order of what was said under one key; the greatest is true, in whatever order they arrived.

        The higher revision first, then the later event; the rest only settles which of two equals stays, so that no
        order of arrival and no redelivery shows in the end. A longer candle made of all its minutes comes before the
        exchange's own (``present`` None), and that before one of some of its minutes.
        """
        standing = 2 if self.complete else 1 if self.present is None else 0
        return (
            standing, self.revision, self.event_ms, self.trades, self.volume, self.quote_volume,
            self.taker_buy_volume, self.taker_buy_quote_volume, self.high, self.low, self.open, self.close,
            -self.received_ms, self.first_trade_id, self.last_trade_id, self.source,
        )  # fmt: skip

    def supersedes(self, other: "Candle | None") -> bool:
        """Whether this candle is news to who holds ``other`` under the same key.

        The higher revision wins, among equals the later event time; equal values of one revision are no news.
        """
        if other is None or self.revision != other.revision:
            return other is None or self.rank > other.rank
        return self.values != other.values and self.rank > other.rank

    def merged(self, other: "Candle | None") -> "Candle":
        """What this candle and ``other`` under the same key come to: the same in whatever order they arrive.

        Equal values vouch for each other: the later verification stays.
        """
        if other is None:
            return self
        true, lesser = (self, other) if self.rank > other.rank else (other, self)
        if true.values != lesser.values:
            return true
        verified_ms = max((c.verified_ms for c in (true, lesser) if c.verified_ms is not None), default=None)
        return replace(true, verified_ms=verified_ms, cause=true.cause or lesser.cause)

    def received(self, received_ms: int) -> "Candle":
        """The same candle, stamped with when we got it."""
        return replace(self, received_ms=received_ms)

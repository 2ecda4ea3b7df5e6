"""The minutes of the bench's market as its own klines tell them."""

from dataclasses import dataclass, field
from typing import Any

from bench.mix import Traded

MINUTE_MS = 60_000
SCALE = 100_000_000


def units(text: str) -> int:
    """A price or quantity in units of its eighth decimal."""
    whole, _, decimals = text.partition(".")
    return int(whole + decimals.ljust(8, "0")[:8])


def number(value: int) -> str:
    """The reverse."""
    return f"{value // SCALE}.{value % SCALE:08}"


@dataclass(slots=True)
class MinuteBar:
    """The minute in progress, and those that are over as rows of ``/api/v3/klines``."""

    closed: list[list[Any]] = field(default_factory=list)
    _open_ms: int = -1
    _ids: tuple[int, int] = (0, 0)
    _prices: list[int] = field(default_factory=list)
    _sums: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def trade(self, trade: Traded, trade_id: int, moment: int) -> dict[str, Any] | None:
        """Take a trade; the closed kline of the minute before, if it begins another."""
        open_ms, closed = moment - moment % MINUTE_MS, None
        if open_ms != self._open_ms:
            closed = self._close()
            self._open_ms, self._ids, self._prices, self._sums = open_ms, (trade_id, trade_id), [], [0, 0, 0, 0]
        price, quantity = units(trade.price), units(trade.quantity)
        if not self._prices:
            self._prices = [price] * 4
        first, high, low, _ = self._prices
        self._prices = [first, max(high, price), min(low, price), price]
        self._ids = (self._ids[0], trade_id)
        quote, bought = price * quantity // SCALE, not trade.is_buyer_maker
        for place, amount in enumerate((quantity, quote, quantity * bought, quote * bought)):
            self._sums[place] += amount
        return closed

    def forming(self, *, closed: bool = False) -> dict[str, Any] | None:
        """The ``k`` of a kline frame, without its symbol; None before the first trade."""
        if not self._prices:
            return None
        (first, last), (opened, high, low, close) = self._ids, self._prices
        volume, quote, bought, bought_quote = self._sums
        return {
            "t": self._open_ms, "T": self._open_ms + MINUTE_MS - 1, "i": "1m", "f": first, "L": last,
            "o": number(opened), "c": number(close), "h": number(high), "l": number(low), "v": number(volume),
            "n": last - first + 1, "x": closed, "q": number(quote), "V": number(bought), "Q": number(bought_quote),
            "B": "0",
        }  # fmt: skip

    def rows(self, start_ms: int, end_ms: int) -> list[list[Any]]:
        """The closed minutes opened in the range, both ends included."""
        return [row for row in self.closed if start_ms <= row[0] <= end_ms]

    def _close(self) -> dict[str, Any] | None:
        k = self.forming(closed=True)
        if k is not None:
            self.closed.append([k[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")] + ["0"])
        return k

"""How the venue spells numbers and rows: eight decimals, compact JSON, its own letters."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

ONE = 100_000_000
"""One whole unit counted in the wire's eighth decimal."""


def decimal8(value: int) -> str:
    """``value`` hundred-millionths as the venue writes them, e.g. 6183763000000 -> "61837.63000000"."""
    whole, part = divmod(value, ONE)
    return f"{whole}.{part:08d}"


def boolean(value: object) -> str:
    """JSON's true or false."""
    return "true" if value else "false"


def levels_text(levels: Iterable[tuple[str, str]]) -> str:
    """Book levels as a JSON array of [price, quantity]."""
    return "[" + ",".join(f'["{price}","{quantity}"]' for price, quantity in levels) + "]"


def trade_text(symbol: str, *, trade: Sequence[int | str | bool], event_ms: int) -> str:
    """A trade event; ``trade`` is (id, price, quantity, time_ms, buyer is maker)."""
    number, price, quantity, time_ms, maker = trade
    return (
        f'{{"e":"trade","E":{event_ms},"s":"{symbol}","t":{number},"p":"{price}","q":"{quantity}",'
        f'"T":{time_ms},"m":{boolean(maker)},"M":true}}'
    )


def aggregate_text(symbol: str, *, trade: Sequence[int | str | bool], event_ms: int) -> str:
    """An aggregate event of one trade; ``trade`` as in ``trade_text``."""
    number, price, quantity, time_ms, maker = trade
    return (
        f'{{"e":"aggTrade","E":{event_ms},"s":"{symbol}","a":{number},"p":"{price}","q":"{quantity}",'
        f'"f":{number},"l":{number},"T":{time_ms},"m":{boolean(maker)},"M":true}}'
    )


def depth_text(symbol: str, *, event_ms: int, ids: tuple[int, int], sides: tuple[str, str]) -> str:
    """A depth event over the update ids ``first … last``; ``sides`` are the bids and asks as JSON."""
    return (
        f'{{"e":"depthUpdate","E":{event_ms},"s":"{symbol}","U":{ids[0]},"u":{ids[1]},"b":{sides[0]},"a":{sides[1]}}}'
    )


def book_text(last_update_id: int, *, bids: str, asks: str) -> bytes:
    """The REST book; sides as JSON."""
    return f'{{"lastUpdateId":{last_update_id},"bids":{bids},"asks":{asks}}}'.encode()


def ticker_text(symbol: str, *, update_id: int, bid: tuple[str, str], ask: tuple[str, str]) -> str:
    """A bookTicker event: best bid and ask as (price, quantity)."""
    return f'{{"u":{update_id},"s":"{symbol}","b":"{bid[0]}","B":"{bid[1]}","a":"{ask[0]}","A":"{ask[1]}"}}'


class KlineWords(NamedTuple):
    """A candle in the venue's words: times in ms, prices and volumes as its decimal strings."""

    open_ms: int
    close_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote: str
    trades: int
    taker: str
    taker_quote: str
    first_id: int
    last_id: int

    def row(self) -> str:
        """As REST gives it."""
        return (
            f'[{self.open_ms},"{self.open}","{self.high}","{self.low}","{self.close}","{self.volume}",'
            f'{self.close_ms},"{self.quote}",{self.trades},"{self.taker}","{self.taker_quote}","0"]'
        )

    def event(self, symbol: str, *, interval: str, event_ms: int, closed: bool) -> str:
        """As the stream gives it."""
        return (
            f'{{"e":"kline","E":{event_ms},"s":"{symbol}","k":{{"t":{self.open_ms},"T":{self.close_ms},'
            f'"s":"{symbol}","i":"{interval}","f":{self.first_id},"L":{self.last_id},"o":"{self.open}",'
            f'"c":"{self.close}","h":"{self.high}","l":"{self.low}","v":"{self.volume}","n":{self.trades},'
            f'"x":{boolean(closed)},"q":"{self.quote}","V":"{self.taker}","Q":"{self.taker_quote}","B":"0"}}}}'
        )

"""Candle columns and trades in the venue's spelling."""

from pipeline.domain.interval import Interval
from pipeline.simulator.seeded.listing import Listing
from pipeline.simulator.seeded.noise import Ints
from pipeline.simulator.seeded.trades import Trades
from pipeline.simulator.wire import boolean, decimal8


def kline_rows(listing: Listing, columns: Ints, *, interval: Interval) -> list[str]:
    """REST rows of candle columns."""
    tick, step, unit, length = listing.tick, listing.step, listing.quote_unit, interval.ms
    return [
        f'[{opened},"{decimal8(o * tick)}","{decimal8(h * tick)}","{decimal8(low * tick)}","{decimal8(c * tick)}",'
        f'"{decimal8(v * step)}",{opened + length - 1},"{decimal8(q * unit)}",{n},'
        f'"{decimal8(taker * step)}","{decimal8(taker_quote * unit)}","0"]'
        for opened, o, h, low, c, v, q, n, taker, taker_quote, _, _ in columns.T.tolist()
    ]


def kline_event(listing: Listing, column: list[int], *, interval: Interval, event_ms: int, closed: bool) -> str:
    """A kline event of one candle column."""
    tick, step, unit, symbol = listing.tick, listing.step, listing.quote_unit, listing.symbol
    opened, o, h, low, c, v, q, n, taker, taker_quote, first, last = column
    return (
        f'{{"e":"kline","E":{event_ms},"s":"{symbol}","k":{{"t":{opened},"T":{interval.close_ms(opened)},'
        f'"s":"{symbol}","i":"{interval.value}","f":{first},"L":{last},"o":"{decimal8(o * tick)}",'
        f'"c":"{decimal8(c * tick)}","h":"{decimal8(h * tick)}","l":"{decimal8(low * tick)}",'
        f'"v":"{decimal8(v * step)}","n":{n},"x":{boolean(closed)},"q":"{decimal8(q * unit)}",'
        f'"V":"{decimal8(taker * step)}","Q":"{decimal8(taker_quote * unit)}","B":"0"}}}}'
    )


def trade_fields(listing: Listing, trades: Trades) -> list[tuple[int, str, str, int, bool]]:
    """(id, price, quantity, time in ms, buyer is maker) a trade."""
    columns = (trades.ids, trades.price, trades.lots, trades.time_ms, trades.buy)
    return [
        (number, decimal8(price * listing.tick), decimal8(lots * listing.step), time_ms, not buy)
        for number, price, lots, time_ms, buy in zip(*(column.tolist() for column in columns), strict=True)
    ]


def trade_rows(listing: Listing, trades: Trades) -> list[str]:
    """REST rows of /trades."""
    quotes = (trades.price * trades.lots * listing.quote_unit).tolist()
    return [
        f'{{"id":{number},"price":"{price}","qty":"{quantity}","quoteQty":"{decimal8(quote)}","time":{time_ms},'
        f'"isBuyerMaker":{boolean(maker)},"isBestMatch":true}}'
        for (number, price, quantity, time_ms, maker), quote in zip(trade_fields(listing, trades), quotes, strict=True)
    ]


def aggregate_rows(listing: Listing, trades: Trades) -> list[str]:
    """REST rows of /aggTrades: each trade is an order of its own."""
    return [
        f'{{"a":{number},"p":"{price}","q":"{quantity}","f":{number},"l":{number},"T":{time_ms},'
        f'"m":{boolean(maker)},"M":true}}'
        for number, price, quantity, time_ms, maker in trade_fields(listing, trades)
    ]

"""Candle columns and trades in the venue's spelling."""

from pipeline.domain.interval import Interval
from pipeline.simulator.seeded.listing import Listing
from pipeline.simulator.seeded.noise import Ints
from pipeline.simulator.seeded.trades import Trades
from pipeline.simulator.wire import KlineWords, boolean, decimal8


def kline_rows(listing: Listing, columns: Ints, *, interval: Interval) -> list[str]:
    """REST rows of candle columns."""
    return [kline_words(listing, column, interval=interval).row() for column in columns.T.tolist()]


def kline_words(listing: Listing, column: list[int], *, interval: Interval) -> KlineWords:
    """One candle column in the venue's words."""
    tick, step, unit = listing.tick, listing.step, listing.quote_unit
    opened, open_, high, low, close, volume, quote, trades, taker, taker_quote, first, last = column
    return KlineWords(
        opened,
        interval.close_ms(opened),
        decimal8(open_ * tick),
        decimal8(high * tick),
        decimal8(low * tick),
        decimal8(close * tick),
        decimal8(volume * step),
        decimal8(quote * unit),
        trades,
        decimal8(taker * step),
        decimal8(taker_quote * unit),
        first,
        last,
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

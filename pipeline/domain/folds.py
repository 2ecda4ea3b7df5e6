"""How small things add up to larger ones: trades to a candle, minutes to a longer candle, frames to a forming bar."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

MAX_TAIL = 20_000
"""Trades kept beyond the last kline frame; a frame comes every two seconds, so more means the stream is broken."""


def fold_trades(trades: Sequence[Trade], *, interval: Interval = Interval.M1) -> Candle:
    """One forming candle of ``trades``, which are of one symbol and one bucket, in id order, at least one."""
    first, last = trades[0], trades[-1]
    prices = [trade.price for trade in trades]
    bought = [trade for trade in trades if not trade.is_buyer_maker]
    return Candle(
        symbol=first.symbol,
        interval=interval,
        open_ms=interval.open_ms(first.time_ms),
        open=first.price,
        high=max(prices),
        low=min(prices),
        close=last.price,
        volume=_total(trade.quantity for trade in trades),
        quote_volume=_total(trade.quote_quantity for trade in trades),
        trades=sum(trade.last_id - trade.trade_id + 1 for trade in trades),
        taker_buy_volume=_total(trade.quantity for trade in bought),
        taker_buy_quote_volume=_total(trade.quote_quantity for trade in bought),
        first_trade_id=first.trade_id,
        last_trade_id=last.last_id,
        closed=False,
        revision=Revision.FORMING,
        source=last.source,
        event_ms=last.event_ms,
        received_ms=last.received_ms,
    )


def extend(candle: Candle, trades: Sequence[Trade]) -> Candle:
    """``candle`` with later trades of the same bucket folded in, in id order."""
    if not trades:
        return candle
    if not candle.trades:
        return fold_trades(trades, interval=candle.interval)
    tail = fold_trades(trades, interval=candle.interval)
    return replace(
        candle,
        high=max(candle.high, tail.high),
        low=min(candle.low, tail.low),
        close=tail.close,
        volume=candle.volume + tail.volume,
        quote_volume=candle.quote_volume + tail.quote_volume,
        trades=candle.trades + tail.trades,
        taker_buy_volume=candle.taker_buy_volume + tail.taker_buy_volume,
        taker_buy_quote_volume=candle.taker_buy_quote_volume + tail.taker_buy_quote_volume,
        last_trade_id=tail.last_trade_id,
        event_ms=max(candle.event_ms, tail.event_ms),
        received_ms=max(candle.received_ms, tail.received_ms),
    )


def fold_minutes(minutes: Sequence[Candle], *, interval: Interval) -> Candle:
    """One candle of ``interval`` from the one-minute candles of its bucket, in time order, at least one.

    A minute without volume sets no price of the longer candle unless every minute is without: the exchange fills
    such a minute with the previous close, while its own longer candle opens at the first trade.
    """
    traded = [minute for minute in minutes if minute.volume] or list(minutes)
    newest = max(minutes, key=lambda minute: minute.event_ms)
    return Candle(
        symbol=newest.symbol,
        interval=interval,
        open_ms=interval.open_ms(minutes[0].open_ms),
        open=traded[0].open,
        high=max(minute.high for minute in traded),
        low=min(minute.low for minute in traded),
        close=traded[-1].close,
        volume=_total(minute.volume for minute in minutes),
        quote_volume=_total(minute.quote_volume for minute in minutes),
        trades=sum(minute.trades for minute in minutes),
        taker_buy_volume=_total(minute.taker_buy_volume for minute in minutes),
        taker_buy_quote_volume=_total(minute.taker_buy_quote_volume for minute in minutes),
        first_trade_id=next((m.first_trade_id for m in minutes if m.first_trade_id >= 0), -1),
        last_trade_id=max(minute.last_trade_id for minute in minutes),
        closed=all(minute.closed for minute in minutes),
        revision=max(minute.revision for minute in minutes),
        source=newest.source,
        event_ms=newest.event_ms,
        received_ms=newest.received_ms,
        present=len(minutes),
        verified_ms=_all_verified_ms(minutes),
    )


def fold_buckets(minutes: Iterable[Candle], *, interval: Interval) -> list[Candle]:
    """The candles of ``interval`` over one symbol's one-minute candles in time order."""
    buckets: dict[int, list[Candle]] = {}
    for minute in minutes:
        buckets.setdefault(interval.open_ms(minute.open_ms), []).append(minute)
    return [fold_minutes(bucket, interval=interval) for bucket in buckets.values()]


class FormingBar:
    """The minute in progress of one symbol: the last kline frame plus the trades after it.

    Trades and frames may come in any order; both sides of a minute's end are told apart by trade id and time.
    """

    __slots__ = ("_frame", "_tail", "_tail_id")

    def __init__(self) -> None:
        self._frame: Candle | None = None
        self._tail: deque[Trade] = deque(maxlen=MAX_TAIL)
        self._tail_id = -1

    def frame(self, candle: Candle) -> None:
        """Take a kline frame, unless a newer one is already here."""
        held = self._frame
        if held is not None and _age(candle) < _age(held):
            return
        self._frame = candle
        covered = candle.last_trade_id
        while self._tail and (self._tail[0].trade_id <= covered or self._tail[0].time_ms < candle.open_ms):
            self._tail.popleft()

    def trade(self, trade: Trade) -> None:
        """Take a trade, unless it is known, or the frame already holds it."""
        covered = self._frame.last_trade_id if self._frame is not None else -1
        if trade.trade_id > max(covered, self._tail_id):
            self._tail.append(trade)
            self._tail_id = trade.last_id

    def candle(self) -> Candle | None:
        """The newest minute, the frame's own or one begun by later trades; None before the first frame.

        Trades alone never start the first bar: nobody knows whether its first trades were seen.
        """
        frame = self._frame
        if frame is None or not self._tail:
            return frame
        open_ms = Interval.M1.open_ms(self._tail[-1].time_ms)
        minute = [trade for trade in self._tail if trade.time_ms >= open_ms]
        if open_ms > frame.open_ms:
            return fold_trades(minute)
        return frame if frame.closed or open_ms < frame.open_ms else extend(frame, minute)


def _all_verified_ms(minutes: Sequence[Candle]) -> int | None:
    """Since when every minute is known to be the exchange's own; None as long as one is not."""
    verified = [minute.verified_ms for minute in minutes if minute.verified_ms is not None]
    return min(verified) if len(verified) == len(minutes) else None


def _age(candle: Candle) -> tuple[int, int, int]:
    """Orders frames: a later minute, then a higher revision, then a later word, even one that repeats the values."""
    return (candle.open_ms, candle.revision, candle.event_ms)


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))

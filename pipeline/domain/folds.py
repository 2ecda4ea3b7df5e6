"""How small things add up to larger ones: trades to a candle, minutes to a longer candle, frames to a forming bar."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal

from pipeline.domain.candle import Candle
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.tally import Tally
from pipeline.domain.trade import Trade

MAX_TAIL = 20_000
"""Trades kept beyond the last kline frame; a frame comes every two seconds, so more means the stream is broken."""


def fold_trades(trades: Iterable[Trade], *, interval: Interval = Interval.M1) -> Candle:
    """One forming candle of ``trades``, which are of one symbol and one bucket, at least one."""
    return _tally(trades).candle(interval)


def extend(candle: Candle, trades: Sequence[Trade]) -> Candle:
    """``candle`` with later trades of the same bucket folded in."""
    return _tally(trades).extending(candle) if trades else candle


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

    __slots__ = ("_frame", "_minute_ms", "_tail", "_tally")

    def __init__(self) -> None:
        self._frame: Candle | None = None
        self._tail: list[Trade] = []
        self._minute_ms = -1
        self._tally: Tally | None = None

    def frame(self, candle: Candle) -> None:
        """Take a kline frame, unless a newer one is already here."""
        held = self._frame
        if held is not None and _age(candle) < _age(held):
            return
        self._frame = candle
        covered = candle.last_trade_id
        self._keep([t for t in self._tail if t.trade_id > covered and t.time_ms >= candle.open_ms])

    def trade(self, trade: Trade) -> None:
        """Take a trade, late ones too, unless any of its ids is known, or the frame already holds it."""
        tail = self._tail
        if self._frame is not None and trade.trade_id <= self._frame.last_trade_id:
            return
        at = len(tail)
        if tail and trade.trade_id <= tail[-1].last_id:
            at = bisect_left(tail, trade.trade_id, key=_first_id)
            if any(_overlap(held, trade) for held in tail[max(0, at - 1) : at + 1]):
                return
        tail.insert(at, trade)
        self._count(trade)
        if len(tail) > MAX_TAIL:
            self._keep(tail[MAX_TAIL // 2 :])

    def candle(self) -> Candle | None:
        """The newest minute, the frame's own or one begun by later trades; None before the first frame.

        Trades alone never start the first bar: nobody knows whether its first trades were seen.
        """
        frame, tally = self._frame, self._tally
        if frame is None or tally is None or self._minute_ms < frame.open_ms:
            return frame
        if self._minute_ms > frame.open_ms:
            return tally.candle(Interval.M1)
        return frame if frame.closed else tally.extending(frame)

    def _keep(self, tail: list[Trade]) -> None:
        if len(tail) == len(self._tail):
            return
        self._tail, self._tally, self._minute_ms = tail, None, -1
        for trade in tail:
            self._count(trade)

    def _count(self, trade: Trade) -> None:
        """Add a trade to its minute, of which only the newest is of interest."""
        minute_ms = trade.time_ms - trade.time_ms % MINUTE_MS
        if minute_ms == self._minute_ms and self._tally is not None:
            self._tally.add(trade)
        elif minute_ms > self._minute_ms:
            self._minute_ms, self._tally = minute_ms, Tally.of(trade)


def _first_id(trade: Trade) -> int:
    return trade.trade_id


def _overlap(one: Trade, other: Trade) -> bool:
    return one.trade_id <= other.last_id and other.trade_id <= one.last_id


def _tally(trades: Iterable[Trade]) -> Tally:
    first, *rest = trades
    tally = Tally.of(first)
    for trade in rest:
        tally.add(trade)
    return tally


def _all_verified_ms(minutes: Sequence[Candle]) -> int | None:
    """Since when every minute is known to be the exchange's own; None as long as one is not."""
    verified = [minute.verified_ms for minute in minutes if minute.verified_ms is not None]
    return min(verified) if len(verified) == len(minutes) else None


def _age(candle: Candle) -> tuple[int, int, int]:
    """Orders frames: a later minute, then a higher revision, then a later word, even one that repeats the values."""
    return (candle.open_ms, candle.revision, candle.event_ms)


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))

"""Folds: what adds up to what."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.folds import FormingBar, extend, fold_buckets, fold_minutes, fold_trades
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.trade import Trade
from tests.words import NOON_MS, a_candle, a_trade, forming

prices = st.decimals(min_value="0.01", max_value="99999", places=2)
quantities = st.decimals(min_value="0.00000001", max_value="1000", places=8)


@st.composite
def minutes_of_trades(draw: st.DrawFn) -> list[Trade]:
    rows = draw(st.lists(st.tuples(prices, quantities, st.booleans()), min_size=1, max_size=30))
    return [a_trade(i, price=p, quantity=q, is_buyer_maker=m) for i, (p, q, m) in enumerate(rows, start=1)]


@given(minutes_of_trades(), st.integers(0, 30))
def test_a_candle_extended_by_later_trades_equals_the_fold_of_all(trades: list[Trade], cut: int) -> None:
    cut = min(max(cut, 1), len(trades))
    assert extend(fold_trades(trades[:cut]), trades[cut:]).values == fold_trades(trades).values


@given(minutes_of_trades())
def test_a_fold_keeps_price_bounds_and_sums(trades: list[Trade]) -> None:
    candle = fold_trades(trades)
    assert candle.open == trades[0].price
    assert candle.close == trades[-1].price
    assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
    assert candle.quote_volume == sum(trade.price * trade.quantity for trade in trades)
    assert candle.taker_buy_volume <= candle.volume


def test_a_minute_without_volume_sets_no_price_of_the_longer_candle() -> None:
    # EGLDUSDT 2021-06-01 03:10 UTC: the empty minute stands at 102.58, the exchange's 5m candle opens at 102.59.
    nothing = {"volume": Decimal(0), "quote_volume": Decimal(0), "trades": 0}
    empty = a_candle(0, open="102.58", high="102.58", low="102.58", close="102.58", **nothing)
    traded = a_candle(1, open="102.59", high="102.70", low="102.59", close="102.65")
    assert fold_minutes([empty, traded], interval=Interval.M5).open == Decimal("102.59")
    assert fold_minutes([empty, traded], interval=Interval.M5).low == Decimal("102.59")


def test_a_bucket_of_only_empty_minutes_keeps_the_plain_rule() -> None:
    nothing = {"volume": Decimal(0), "quote_volume": Decimal(0), "trades": 0}
    rows = [a_candle(i, open="5", high="5", low="5", close="5", **nothing) for i in range(5)]
    candle = fold_minutes(rows, interval=Interval.M5)
    assert (candle.open, candle.close, candle.volume) == (Decimal(5), Decimal(5), Decimal(0))
    assert candle.complete


def test_buckets_align_to_the_epoch_and_say_what_is_missing() -> None:
    candles = fold_buckets([a_candle(minute) for minute in (0, 1, 2, 4, 5, 6)], interval=Interval.M5)
    assert [candle.open_ms for candle in candles] == [NOON_MS, NOON_MS + 5 * MINUTE_MS]
    assert [(candle.present, candle.expected, candle.complete) for candle in candles] == [(4, 5, False), (2, 5, False)]


def test_a_longer_candle_is_verified_since_its_last_verified_minute_is_and_only_if_all_are() -> None:
    verified = [a_candle(n, verified_ms=9 - n) for n in range(5)]
    assert fold_minutes(verified, interval=Interval.M5).verified_ms == 5
    assert fold_minutes([*verified[:4], a_candle(4)], interval=Interval.M5).verified_ms is None


def test_a_forming_bar_is_the_last_frame_plus_the_trades_after_it() -> None:
    bar = FormingBar()
    bar.frame(forming(0, last_trade_id=10))
    bar.trade(a_trade(10, price=Decimal(999)))
    bar.trade(a_trade(11, price=Decimal(150), quantity=Decimal(3)))
    candle = bar.candle()
    assert candle is not None
    assert (candle.high, candle.close, candle.volume) == (Decimal(150), Decimal(150), Decimal(5))
    assert candle.last_trade_id == 11


def test_a_frame_takes_back_the_trades_it_covers() -> None:
    bar = FormingBar()
    bar.frame(forming(0, last_trade_id=10))
    bar.trade(a_trade(11, quantity=Decimal(3)))
    bar.frame(forming(0, last_trade_id=11, volume=Decimal(5), event_ms=NOON_MS + 2 * MINUTE_MS))
    candle = bar.candle()
    assert candle is not None
    assert candle.volume == 5


def test_trades_of_the_next_minute_begin_a_bar_of_their_own() -> None:
    bar = FormingBar()
    bar.frame(forming(0, last_trade_id=10))
    bar.trade(a_trade(11, time_ms=NOON_MS + 59_999))
    bar.trade(a_trade(12, time_ms=NOON_MS + MINUTE_MS, price=Decimal(7)))
    bar.frame(a_candle(0, last_trade_id=11))
    candle = bar.candle()
    assert candle is not None
    assert (candle.open_ms, candle.open, candle.trades) == (NOON_MS + MINUTE_MS, Decimal(7), 1)


def test_trades_alone_never_start_the_first_bar() -> None:
    bar = FormingBar()
    bar.trade(a_trade(1))
    assert bar.candle() is None


def test_a_redelivered_trade_changes_nothing() -> None:
    bar = FormingBar()
    bar.frame(forming(0, last_trade_id=0))
    for trade_id in (1, 2, 1, 2, 2):
        bar.trade(a_trade(trade_id))
    candle = bar.candle()
    assert candle is not None
    assert candle.trades == 4


def test_a_frame_that_repeats_the_values_still_says_that_the_market_lives() -> None:
    bar = FormingBar()
    bar.frame(forming(0, event_ms=NOON_MS + 2_000))
    bar.frame(forming(0, event_ms=NOON_MS + 4_000, received_ms=NOON_MS + 4_005))
    candle = bar.candle()
    assert candle is not None
    assert (candle.event_ms, candle.received_ms) == (NOON_MS + 4_000, NOON_MS + 4_005)


@given(st.permutations(range(1, 13)), st.integers(0, 12), st.lists(st.integers(1, 12), max_size=6))
def test_trades_in_any_order_and_again_form_the_same_bar(order: list[int], covered: int, again: list[int]) -> None:
    trades = {i: a_trade(i, price=Decimal(100 + i % 5), quantity=Decimal(i)) for i in range(1, 13)}
    straight, shaken = FormingBar(), FormingBar()
    for bar, ids in ((straight, list(range(1, 13))), (shaken, [*order, *again])):
        bar.frame(forming(0, last_trade_id=0))
        for trade_id in ids:
            bar.trade(trades[trade_id])
        bar.frame(forming(0, last_trade_id=covered, event_ms=NOON_MS + 2 * MINUTE_MS))
    assert straight.candle() == shaken.candle()


def test_a_late_aggregate_inside_the_minute_corrects_the_bar_once() -> None:
    bar = FormingBar()
    bar.frame(forming(0, last_trade_id=0))
    for trade in (a_trade(1), a_trade(5), *[a_trade(2, last_id=4, aggregate_id=9, price=Decimal(300))] * 2, a_trade(3)):
        bar.trade(trade)
    candle = bar.candle()
    assert candle is not None
    assert (candle.trades, candle.high, candle.close) == (7, Decimal(300), Decimal(100))


def test_a_trade_of_a_minute_that_is_over_leaves_the_newest_bar_alone() -> None:
    bar = FormingBar()
    bar.frame(forming(1, last_trade_id=2))
    bar.trade(a_trade(5, time_ms=NOON_MS + MINUTE_MS))
    before = bar.candle()
    bar.trade(a_trade(4, time_ms=NOON_MS + 1))
    assert bar.candle() == before

"""Longer candles on the socket: the fold of a bucket's closed minutes and the forming one."""

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.push import bars
from app.push.bars import LongerBar
from app.push.counters import Counters
from app.push.outbox import Outbox
from app.push.subscriptions import Opening, Snapshot, Subscription
from app.push.switchboard import Switchboard
from app.push.tail import Position
from pipeline.domain import jsontext, views
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import fold_minutes
from pipeline.domain.interval import Interval
from pipeline.domain.pushes import REALTIME, UPDATE, Push, push_body
from tests.app.push.world import minute

FIVE = Subscription(stream="kline", symbol="BTCUSDT", interval=Interval.M5)


def push_of(candle: Candle, seq: int) -> Push:
    kind = REALTIME if candle.closed else UPDATE
    body = push_body(kind, symbol=candle.symbol, candle=views.candle_view(candle), event_ms=candle.event_ms)
    return Push(kind, seq, seq, body)


class Chart:
    """A reader of five-minute candles."""

    def __init__(self, *minutes: Candle, seq: int = 0) -> None:
        self.board = Switchboard()
        self.seq = seq
        self.outbox = self.join(*minutes)

    def join(self, *minutes: Candle, seq: int | None = None) -> Outbox:
        outbox = Outbox("BTCUSDT", counters=Counters())
        read_at = self.seq if seq is None else seq
        snapshot = Snapshot(seq=read_at, frames=(), bar=LongerBar(Interval.M5, minutes))
        self.board.attach(FIVE, Opening(snapshot, Position(0, read_at)), outbox)
        return outbox

    def publish(self, candle: Candle) -> None:
        self.seq += 1
        self.board.publish("kline", "BTCUSDT", push_of(candle, self.seq), now_s=0.0)

    def got(self, outbox: Outbox | None = None) -> list[dict[str, Any]]:
        frames = (outbox or self.outbox).take(1_000_000)
        return [jsontext.loads_exact(frame[4:]) for frame in frames]


def test_a_forming_minute_updates_the_longer_candle() -> None:
    chart = Chart(minute(0, close="10"), minute(1, close="30"))
    chart.publish(minute(2, close="20", closed=False))
    [message] = chart.got()
    candle = message["candle"]
    assert (message["type"], message["seq"], candle["interval"], candle["x"]) == ("update", 1, "5m", False)
    assert (candle["open"], candle["high"], candle["low"], candle["close"]) == (10, 30, 10, 20)
    assert (candle["volume"], candle["trades"], candle["present"], candle["complete"]) == (3, 3, 3, False)


def test_only_the_last_minute_of_the_bucket_makes_a_closed_candle() -> None:
    chart = Chart()
    kinds = []
    for index in range(6):
        chart.publish(minute(index))
        [message] = chart.got()
        kinds.append((message["type"], message["candle"]["x"], message["candle"]["present"]))
    assert kinds == [
        ("update", False, 1), ("update", False, 2), ("update", False, 3), ("update", False, 4),
        ("realtime", True, 5), ("update", False, 1),
    ]  # fmt: skip


def test_a_last_minute_that_closes_after_the_next_one_began_still_closes_its_candle() -> None:
    chart = Chart(*(minute(index) for index in range(4)))
    chart.publish(minute(4, closed=False))
    chart.publish(minute(5, closed=False))
    chart.got()
    chart.publish(minute(4))
    [message] = chart.got()
    assert (message["type"], message["candle"]["openTime"]) == ("realtime", minute(0).open_ms)
    assert message["candle"]["complete"] is True


def test_a_corrected_minute_of_a_closed_candle_is_told_again() -> None:
    chart = Chart(*(minute(index) for index in range(5)))
    chart.publish(replace(minute(2, close="9"), revision=Revision.REST))
    [message] = chart.got()
    assert (message["type"], message["candle"]["high"], message["candle"]["revision"]) == ("realtime", 9, 2)


def test_a_minute_of_a_bucket_long_gone_says_nothing_and_is_no_gap() -> None:
    chart = Chart(*(minute(index) for index in range(10)))
    chart.publish(minute(-20))
    assert chart.got() == []
    chart.publish(minute(10, closed=False))
    [message] = chart.got()
    assert (message["type"], message["from"], message["seq"]) == ("update", 1, 2)


def test_readers_who_join_out_of_step_each_get_what_follows_their_own_snapshot() -> None:
    chart = Chart(*(minute(index) for index in range(3)))
    chart.publish(minute(3))
    chart.publish(minute(4))
    late = chart.join(*(minute(index) for index in range(3)), seq=0)
    newest = chart.join(*(minute(index) for index in range(5)))
    assert [(m["type"], m["seq"], m["candle"]["present"]) for m in chart.got(late)] == [
        ("update", 1, 4), ("realtime", 2, 5),
    ]  # fmt: skip
    chart.publish(minute(5, closed=False))
    assert [(m["type"], m["seq"], m["candle"]["present"]) for m in chart.got(late)] == [("update", 3, 1)]
    assert [m["seq"] for m in chart.got(newest)] == [3]


def test_after_a_gap_in_the_minutes_its_readers_must_join_anew() -> None:
    chart = Chart(minute(0))
    chart.publish(minute(1))
    chart.seq += 1
    _, astray = chart.board.publish("kline", "BTCUSDT", push_of(minute(3), chart.seq + 1), now_s=0.0)
    assert astray == {chart.outbox}


@pytest.mark.parametrize("interval", [Interval.M5, Interval.M15, Interval.H1])
def test_the_step_by_step_fold_equals_the_fold_of_all_minutes(interval: Interval) -> None:
    dice = random.Random(7)
    bar = LongerBar(interval)
    held: dict[int, Candle] = {}
    for index in range(interval.minutes):
        for step in range(dice.randint(1, 3)):
            frame = minute(index, close=str(dice.randint(1, 99)), closed=False)
            _take(bar, held, replace(frame, event_ms=frame.open_ms + step))
        _take(bar, held, minute(index, close=str(dice.randint(1, 99))))


@st.composite
def frames(draw: st.DrawFn) -> Candle:
    """A frame of any minute of one day: forming, closed or corrected, traded or not."""
    made = minute(draw(st.integers(0, 1_439)), close=str(draw(st.integers(1, 99))))
    made = replace(made, volume=Decimal(draw(st.integers(0, 2))), event_ms=made.event_ms + draw(st.integers(0, 3)))
    revision = draw(st.sampled_from(Revision))
    return replace(made, closed=revision > Revision.FORMING, revision=revision)


@settings(max_examples=60, deadline=None)
@given(base=st.integers(0, 1_440), quiet=st.booleans(), later=st.lists(frames(), min_size=1, max_size=40))
def test_a_day_in_any_order_with_quiet_minutes_equals_the_fold_of_all_minutes(
    base: int, quiet: bool, later: list[Candle]
) -> None:
    volume = Decimal(0) if quiet else Decimal(1)
    known = [replace(minute(index, close=str(index % 7 + 1)), volume=volume) for index in range(base)]
    bar, held = LongerBar(Interval.D1, known), {candle.open_ms: candle for candle in known}
    for frame in later:
        if frame.supersedes(held.get(frame.open_ms)):
            held[frame.open_ms] = frame
        folded = bar.apply(frame)
        whole = fold_minutes([held[open_ms] for open_ms in sorted(held)], interval=Interval.D1)
        assert folded is not None
        assert folded[1] == replace(whole, closed=folded[1].closed)


def test_a_copy_goes_on_without_the_bar_it_was_made_from() -> None:
    bar = LongerBar(Interval.H1, [minute(index) for index in range(40)])
    before = bar.candle()
    copy = bar.copy()
    assert copy.candle() == before
    copy.apply(minute(3, close="50", event_ms=minute(59).open_ms))
    copy.apply(minute(40, close="99"))
    after = copy.candle()
    assert bar.candle() == before
    assert after is not None
    assert after.high == Decimal(99)
    assert after.present == 41


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many candles each fold was handed: what a bar costs, counted instead of timed."""
    sizes: list[int] = []

    def counting(minutes: Sequence[Candle], *, interval: Interval) -> Candle:
        sizes.append(len(minutes))
        return fold_minutes(minutes, interval=interval)

    monkeypatch.setattr(bars, "fold_minutes", counting)
    return sizes


def test_a_day_costs_its_minutes_and_not_their_square(folded: list[int]) -> None:
    LongerBar(Interval.D1, [minute(index) for index in range(1_440)]).candle()
    assert 0 < sum(folded) < 3 * 1_440


def test_a_forming_minute_costs_the_same_late_in_the_day_as_early(folded: list[int]) -> None:
    costs = []
    for known in (31, 1_411):
        bar = LongerBar(Interval.D1, [minute(index) for index in range(known)])
        forming = minute(known, closed=False)
        bar.apply(forming)
        folded.clear()
        for later in range(1, 101):
            bar.apply(replace(forming, event_ms=forming.event_ms + later, trades=forming.trades + later))
        costs.append(sum(folded))
    assert 0 < costs[1] <= costs[0] + 100


def _take(bar: LongerBar, held: dict[int, Candle], frame: Candle) -> None:
    if frame.supersedes(held.get(frame.open_ms)):
        held[frame.open_ms] = frame
    folded = bar.apply(frame)
    assert folded is not None
    whole = fold_minutes([held[open_ms] for open_ms in sorted(held)], interval=bar.interval)
    assert folded[1] == replace(whole, closed=folded[0])

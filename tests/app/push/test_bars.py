"""Longer candles on the socket: the fold of a bucket's closed minutes and the forming one."""

import random
from dataclasses import replace
from typing import Any

import pytest

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
        snapshot = Snapshot(seq=read_at, frames=(), minutes=minutes)
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


def _take(bar: LongerBar, held: dict[int, Candle], frame: Candle) -> None:
    if frame.supersedes(held.get(frame.open_ms)):
        held[frame.open_ms] = frame
    folded = bar.apply(frame)
    assert folded is not None
    whole = fold_minutes([held[open_ms] for open_ms in sorted(held)], interval=bar.interval)
    assert folded[1] == replace(whole, closed=folded[0])

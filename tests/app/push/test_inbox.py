"""The hub's inbox: bounded, and honest about what did not fit."""

from app.push.counters import Counters
from app.push.inbox import Inbox
from pipeline.domain.pushes import REALTIME, UPDATE, Push


def push(kind: str, seq: int) -> Push:
    return Push(kind, seq, seq, b"x" * 100)


def test_what_fits_comes_out_in_order() -> None:
    inbox = Inbox(counters=Counters())
    for seq in (1, 2, 3):
        inbox.put("trades", "BTCUSDT", push(REALTIME, seq))
    assert [held.seq for _, _, held in inbox.drain()] == [1, 2, 3]
    assert inbox.drain() == []


def test_updates_beyond_the_bound_become_one_a_channel() -> None:
    counters = Counters()
    inbox = Inbox(counters=counters, limit=200)
    for seq in range(1, 101):
        inbox.put("orderbook", "BTCUSDT", push(UPDATE, seq))
        inbox.put("orderbook", "ETHUSDT", push(UPDATE, seq))
    found = [(symbol, held.from_seq, held.seq) for _, symbol, held in inbox.drain()]
    assert found == [("BTCUSDT", 1, 1), ("ETHUSDT", 1, 1), ("BTCUSDT", 2, 100), ("ETHUSDT", 2, 100)]
    assert counters.overflowed == 198


def test_a_realtime_message_beyond_the_bound_leaves_a_hole_in_the_numbers() -> None:
    inbox = Inbox(counters=Counters(), limit=100)
    inbox.put("kline", "BTCUSDT", push(REALTIME, 1))
    inbox.put("kline", "BTCUSDT", push(UPDATE, 2))
    inbox.put("kline", "BTCUSDT", push(REALTIME, 3))
    inbox.put("kline", "BTCUSDT", push(UPDATE, 4))
    assert [(held.from_seq, held.seq) for _, _, held in inbox.drain()] == [(1, 1), (4, 4)]
    inbox.put("kline", "BTCUSDT", push(UPDATE, 5))
    assert [held.seq for _, _, held in inbox.drain()] == [5]

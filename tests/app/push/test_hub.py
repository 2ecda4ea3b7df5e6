"""The hub over real socket pairs."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.push.hub import Hub
from app.push.subscriptions import Opening, Subscription
from tests.app.push.reader import Reader, assert_tiled
from tests.app.push.world import UPDATE, World, until

Seat = Callable[..., socket.socket]


def test_first_comes_the_snapshot_then_what_followed_it(world: World, hub: Hub, seat: Seat) -> None:
    world.publish("trades", "BTCUSDT")
    reader = Reader(seat())
    last = world.publish("trades", "BTCUSDT")
    first, second = reader.until_seq(last.seq)
    assert (first["type"], first["marks"]) == ("initial", [1])
    assert (second["type"], second["seq"], second["mark"]) == ("realtime", 2, 2)
    assert "from" not in second


def test_only_the_own_symbol_and_stream_arrive(world: World, hub: Hub, seat: Seat) -> None:
    reader = Reader(seat())
    world.publish("trades", "ETHUSDT")
    world.publish("orderbook", "BTCUSDT", kind=UPDATE)
    last = world.publish("trades", "BTCUSDT")
    assert [message["type"] for message in reader.until_seq(last.seq)] == ["initial", "realtime"]


def test_a_pausing_reader_gets_whole_frames_in_order_and_is_told_what_it_missed(
    world: World, hub: Hub, seat: Seat
) -> None:
    reader = Reader(seat())
    for _ in range(200):
        last = world.publish("trades", "BTCUSDT", pad=500)
    until(lambda: hub.counters.missed > 0 and hub.counters.received == 200)
    got = reader.until_seq(last.seq)[1:]
    assert_tiled(got, after=0)
    assert sum(message.get("count", 1) for message in got) == 200
    assert {message["type"] for message in got} == {"realtime", "missed"}


def test_a_slow_reader_of_books_gets_the_newest_with_the_first_it_stands_for(
    world: World, hub: Hub, seat: Seat
) -> None:
    reader = Reader(seat("orderbook"))
    for _ in range(300):
        last = world.publish("orderbook", "BTCUSDT", kind=UPDATE, pad=900)
    until(lambda: hub.counters.received == 300)
    got = reader.until_seq(last.seq)[1:]
    assert got[-1]["mark"] == last.seq
    assert got[-1]["from"] < last.seq
    assert_tiled(got, after=0)
    assert hub.counters.missed == 0


def test_who_never_reads_is_aborted_and_slows_nobody(world: World, hub: Hub, seat: Seat) -> None:
    stuck = [seat() for _ in range(5)]
    reader = Reader(seat())
    for _ in range(60):
        last = world.publish("trades", "BTCUSDT", pad=500)
        assert reader.until_seq(last.seq)[-1]["type"] == "realtime"
    until(lambda: hub.counters.closed.get("slow") == 5)
    assert hub.counters.clients == 1
    assert len(stuck) == 5


def test_stop_closes_everybody_with_1001(world: World, hub: Hub, seat: Seat) -> None:
    readers = [Reader(seat()) for _ in range(3)]
    hub.stop()
    for reader in readers:
        reader.rest()
        assert reader.closed == (1001, "the server is stopping")
        reader.sock.close()
    assert hub.join(3)
    assert not hub.reserve()


def test_a_ping_is_answered_and_a_close_returned(hub: Hub, seat: Seat) -> None:
    reader = Reader(seat())
    reader.sock.sendall(reader.protocol.ping(b"hello"))
    reader.sock.sendall(reader.protocol.close(1000))
    reader.rest()
    assert reader.closed == (1000, "")
    until(lambda: hub.counters.closed.get("peer") == 1)


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda reader: reader.send("x" * 4_097), 1009),
        (lambda reader: reader.sock.sendall(b"".join(reader.protocol.send_data("x") for _ in range(101))), 1008),
        (lambda reader: reader.sock.sendall(b"\x81\x01x"), 1002),
        (lambda reader: reader.sock.sendall(b"\xc1\x80\0\0\0\0"), 1002),
        (lambda reader: reader.sock.sendall(reader.protocol.send_data("x" * 3_000, fin=False) * 2), 1002),
    ],
    ids=["oversize", "flood", "unmasked", "reserved bit", "two beginnings"],
)
def test_what_is_not_taken_is_answered_with_its_code(
    hub: Hub, seat: Seat, send: Callable[[Any], None], code: int
) -> None:
    reader = Reader(seat())
    send(reader)
    reader.rest()
    assert reader.closed is not None
    assert reader.closed[0] == code
    until(lambda: hub.counters.kicked == 1)


def test_fragments_are_one_message_and_add_up_to_the_limit(hub: Hub, seat: Seat) -> None:
    reader = Reader(seat())
    for part in range(3):
        reader.sock.sendall(reader.protocol.send_data("x" * 1_500, fin=part == 2))
    reader.rest()
    assert reader.closed is not None
    assert reader.closed[0] == 1009


def test_resuming_sends_what_followed_and_no_snapshot(world: World, hub: Hub, seat: Seat) -> None:
    for _ in range(5):
        last = world.publish("trades", "BTCUSDT")
    until(lambda: hub.counters.received == 5)
    got = Reader(seat(since=2)).until_seq(last.seq)
    assert [(message["type"], message["seq"]) for message in got] == [("realtime", seq) for seq in (3, 4, 5)]


def test_resuming_beyond_what_is_held_begins_with_a_snapshot(world: World, hub: Hub, seat: Seat) -> None:
    for _ in range(3):
        world.push("trades", "BTCUSDT")
    world.publish("trades", "BTCUSDT")
    until(lambda: hub.counters.received == 1)
    assert next(Reader(seat(since=1)).texts())["type"] == "initial"


def test_a_gap_in_the_channel_is_told_to_everybody(world: World, hub: Hub, seat: Seat) -> None:
    reader = Reader(seat())
    world.publish("trades", "BTCUSDT")
    for _ in range(3):
        world.push("trades", "BTCUSDT")
    last = world.publish("trades", "BTCUSDT")
    got = reader.until_seq(last.seq)[1:]
    assert [(m["type"], m.get("from"), m["seq"]) for m in got] == [
        ("realtime", None, 1), ("missed", 2, 4), ("realtime", None, 5),
    ]  # fmt: skip
    assert got[1]["count"] == 3


def test_a_malformed_candle_is_counted_and_hurts_nobody(world: World, hub: Hub, seat: Seat) -> None:
    trades = Reader(seat())
    seat("kline")
    world.publish("kline", "BTCUSDT")
    last = world.publish("trades", "BTCUSDT")
    assert trades.until_seq(last.seq)[-1]["seq"] == last.seq


def test_no_socket_is_left_open_after_its_client_went(hub: Hub, seat: Seat) -> None:
    before = len(os.listdir("/proc/self/fd"))
    ends = [seat() for _ in range(20)]
    until(lambda: hub.counters.clients == 20)
    for end in ends:
        end.close()
    until(lambda: hub.counters.clients == 0)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_failing_hub_closes_its_sockets_and_says_so(world: World) -> None:
    class Broken(socket.socket):
        def fileno(self) -> int:
            raise RuntimeError("broken")

    crashed = threading.Event()
    hub = Hub(world)
    hub.on_crash = crashed.set
    hub.start()
    ours, theirs = socket.socketpair()
    wanted = Subscription(stream="trades", symbol="BTCUSDT")
    opening = Opening(world.read(wanted), hub.position("trades", "BTCUSDT"))
    hub.reserve()
    hub.attach(ours, wanted, opening)
    hub.attach(Broken(), wanted, opening)
    assert crashed.wait(5)
    assert hub.join(5)
    theirs.settimeout(5)
    Reader(theirs).rest()
    theirs.close()
    assert not hub.reserve()

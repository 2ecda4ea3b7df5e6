"""Where a snapshot meets the live stream: each realtime message exactly once and in order, whatever the timing."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.push.counters import Counters
from app.push.outbox import Outbox
from app.push.subscriptions import Opening, Snapshot, Subscription
from app.push.switchboard import Switchboard
from pipeline.domain import jsontext
from pipeline.domain.pushes import REALTIME, UPDATE, Push
from tests.app.push.reader import assert_tiled
from tests.app.push.world import World

TRADES = Subscription(stream="trades", symbol="BTCUSDT")


class Bench:
    """A publisher, a wire with pushes in flight, a switchboard, and readers that join step by step."""

    def __init__(self) -> None:
        self.world = World()
        self.board = Switchboard()
        self.wire: deque[Push] = deque()
        self.openings: list[tuple[Opening, int | None]] = []
        self.readers: list[tuple[Outbox, list[dict[str, Any]]]] = []

    def publish(self, kind: str) -> None:
        self.wire.append(self.world.push("trades", "BTCUSDT", kind=kind))

    def deliver(self) -> None:
        if self.wire:
            self.board.publish("trades", "BTCUSDT", self.wire.popleft(), now_s=0.0)

    def read_snapshot(self, since: int | None = None) -> None:
        seen = self.board.position("trades", "BTCUSDT")
        self.openings.append((Opening(self.world.read(TRADES), seen), since))

    def attach(self) -> None:
        if not self.openings:
            return
        opening, since = self.openings.pop(0)
        outbox = Outbox("BTCUSDT", counters=Counters())
        wanted = Subscription(stream="trades", symbol="BTCUSDT", since=since)
        got = [_text(frame) for frame in opening.snapshot.frames]
        if not self.board.attach(wanted, opening, outbox):
            got = [{"seq": since, "marks": list(range(1, (since or 0) + 1))}]
        self.readers.append((outbox, got))

    def flush(self) -> None:
        for outbox, got in self.readers:
            got.extend(_text(frame) for frame in outbox.take(1_000_000))

    def finish(self) -> None:
        while self.wire:
            self.deliver()
        while self.openings:
            self.attach()
        self.flush()


def _text(frame: bytes) -> dict[str, Any]:
    message: dict[str, Any] = jsontext.loads(frame[2:] if frame[1] < 126 else frame[4:])
    return message


STEPS = st.lists(st.sampled_from(["realtime", "update", "deliver", "snapshot", "attach", "flush"]), max_size=60)


@given(STEPS)
@settings(max_examples=400, deadline=None)
def test_each_realtime_message_arrives_once_and_in_order(steps: list[str]) -> None:
    bench = Bench()
    actions = {
        "realtime": lambda: bench.publish(REALTIME),
        "update": lambda: bench.publish(UPDATE),
        "deliver": bench.deliver,
        "snapshot": bench.read_snapshot,
        "attach": bench.attach,
        "flush": bench.flush,
    }
    bench.deliver()
    for step in ["realtime", "deliver", *steps, "snapshot"]:
        actions[step]()
    bench.finish()
    published = bench.world.state["trades", "BTCUSDT"]
    for _, (first, *rest) in bench.readers:
        marks = first["marks"] + [message["mark"] for message in rest if message["type"] == "realtime"]
        assert marks == published
        assert_tiled(rest, after=first["seq"])
        last = rest[-1]["seq"] if rest else first["seq"]
        assert last == bench.world.sequences["trades", "BTCUSDT"]


@given(st.lists(st.sampled_from([REALTIME, UPDATE]), min_size=1, max_size=40), st.data())
@settings(max_examples=200, deadline=None)
def test_resuming_continues_where_the_reader_was(kinds: list[str], data: st.DataObject) -> None:
    bench = Bench()
    for kind in kinds:
        bench.publish(kind)
    delivered = data.draw(st.integers(0, len(kinds)))
    for _ in range(delivered):
        bench.deliver()
    since = data.draw(st.integers(0, len(kinds)))
    bench.read_snapshot(since)
    bench.attach()
    bench.finish()
    [(_, (first, *rest))] = bench.readers
    assert [m["mark"] for m in rest if m["type"] == "realtime"] == [
        mark for mark in bench.world.state["trades", "BTCUSDT"] if mark > first["seq"]
    ]
    assert_tiled(rest, after=first["seq"])


@pytest.mark.parametrize("snapshot_before_wipe", [True, False])
@pytest.mark.parametrize("delivered_before_attach", [0, 1, 3])
def test_a_wiped_store_neither_freezes_nor_repeats(snapshot_before_wipe: bool, delivered_before_attach: int) -> None:
    bench = Bench()
    for _ in range(10):
        bench.publish(REALTIME)
        bench.deliver()
    bench.read_snapshot()
    bench.attach()
    if snapshot_before_wipe:
        bench.read_snapshot()
    bench.world.sequences.clear()
    bench.world.state.clear()
    for _ in range(3):
        bench.publish(REALTIME)
    if not snapshot_before_wipe:
        bench.read_snapshot()
    for _ in range(delivered_before_attach):
        bench.deliver()
    bench.attach()
    bench.publish(REALTIME)
    bench.finish()
    (_, old), (_, new) = bench.readers
    assert [message["mark"] for message in old[1:]] == [1, 2, 3, 4]
    assert new[0]["marks"][-1:] == ([10] if snapshot_before_wipe else [3])
    assert [message["mark"] for message in new[1:]] == ([1, 2, 3, 4] if snapshot_before_wipe else [4])


def test_numbers_that_begin_far_higher_are_no_loss() -> None:
    bench = Bench()
    bench.publish(REALTIME)
    bench.deliver()
    bench.read_snapshot()
    bench.attach()
    bench.world.sequences["trades", "BTCUSDT"] = 1_700_000_000_000
    bench.publish(REALTIME)
    bench.finish()
    [(_, got)] = bench.readers
    assert [(m["type"], m["seq"], m.get("from")) for m in got[1:]] == [("realtime", 1_700_000_000_001, None)]


def test_a_store_without_a_number_yet_does_not_freeze_its_stream() -> None:
    bench = Bench()
    opening = Opening(bench.world.read(TRADES), bench.board.position("trades", "BTCUSDT"))
    bench.openings.append((Opening(_unnumbered(opening), opening.seen), None))
    bench.world.sequences["trades", "BTCUSDT"] = 41
    bench.publish(REALTIME)
    bench.deliver()
    bench.attach()
    bench.publish(REALTIME)
    bench.finish()
    [(_, got)] = bench.readers
    assert [message["mark"] for message in got[1:]] == [42, 43]


def _unnumbered(opening: Opening) -> Snapshot:
    return replace(opening.snapshot, seq=None)

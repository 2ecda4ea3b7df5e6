"""A publisher and a store in memory, in place of the cache and Redis: what the hub's tests run against."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from app.push.frames import text_frame
from app.push.hub import Hub
from app.push.subscriptions import Snapshot, Subscription
from pipeline.domain import jsontext
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.pushes import REALTIME, UPDATE, Push, push_body

T0 = 1_700_006_400_000
"""A UTC midnight-aligned hour, so that longer buckets begin here."""


class World:
    """State and sequence numbers by (stream, symbol); ``listen`` plays the feed, snapshots are read at any time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sequences: dict[tuple[str, str], int] = defaultdict(int)
        self.state: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.hub: Hub | None = None

    def start(self, hub: Hub) -> None:
        """Be the hub's feed."""
        self.hub = hub
        hub.live.set()

    def stop(self) -> None:
        """Nothing to end."""

    def push(self, stream: str, symbol: str, *, kind: str = REALTIME, pad: int = 0, event_ms: int = T0) -> Push:
        """The next message of a stream, its state changed with it, not delivered yet."""
        with self.lock:
            self.sequences[stream, symbol] += 1
            seq = self.sequences[stream, symbol]
            if kind == REALTIME:
                self.state[stream, symbol].append(seq)
        body = push_body(kind, symbol=symbol, event_ms=event_ms, mark=seq, pad="x" * pad)
        return Push(kind, seq, seq, body)

    def publish(self, stream: str, symbol: str, *, kind: str = REALTIME, pad: int = 0, event_ms: int = T0) -> Push:
        """A message, delivered to the hub."""
        assert self.hub is not None
        push = self.push(stream, symbol, kind=kind, pad=pad, event_ms=event_ms)
        self.hub.publish(stream, symbol, push)
        return push

    def read(self, wanted: Subscription) -> Snapshot:
        """The realtime messages so far, and the sequence number, of one moment."""
        with self.lock:
            seq = self.sequences[wanted.stream, wanted.symbol]
            marks = list(self.state[wanted.stream, wanted.symbol])
        text = jsontext.dumps({"type": "initial", "symbol": wanted.symbol, "marks": marks, "seq": seq, "eventTime": T0})
        return Snapshot(seq=seq, frames=(text_frame(text),))


def minute(index: int, *, close: str = "1", closed: bool = True, event_ms: int | None = None) -> Candle:
    """The ``index``-th minute after T0, one unit traded at ``close``."""
    price, open_ms = Decimal(close), T0 + index * MINUTE_MS
    return Candle(
        symbol="BTCUSDT", interval=Interval.M1, open_ms=open_ms,
        open=price, high=price, low=price, close=price, volume=Decimal(1), quote_volume=price, trades=1,
        taker_buy_volume=Decimal(0), taker_buy_quote_volume=Decimal(0), first_trade_id=index, last_trade_id=index,
        closed=closed, revision=Revision.CLOSED if closed else Revision.FORMING, source="ws",
        event_ms=open_ms + (MINUTE_MS if closed else 30_000) if event_ms is None else event_ms, received_ms=open_ms,
    )  # fmt: skip


def until(condition: Callable[[], bool], *, seconds: float = 10.0, what: str = "the condition") -> None:
    """Wait for a condition; AssertionError past the deadline."""
    bell = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        bell.wait(0.005)
    raise AssertionError(f"{what} did not come true within {seconds} s")


__all__ = ["REALTIME", "T0", "UPDATE", "World", "minute", "replace", "until"]

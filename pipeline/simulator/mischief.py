"""Faults on demand: what goes wrong at an exchange, ordered by a test."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain

from pipeline.simulator.market import Frame
from pipeline.simulator.parameters import RefusedError

CLOSED_MARK = b'"x":true'


class Kind(Enum):
    """Every fault there is, by the name ``POST /faults`` takes."""

    DROP = "drop"
    """close every connection, without a word"""
    SHUTDOWN = "shutdown"
    """announce ``serverShutdown`` on every connection"""
    SILENCE = "silence"
    """send nothing of the streams for ``seconds``"""
    SKIP_DEPTH = "skip_depth"
    """leave ``count`` depth events out"""
    DUPLICATE = "duplicate"
    """send ``count`` frames twice"""
    REORDER = "reorder"
    """exchange ``count`` frames with the one after"""
    MALFORMED = "malformed"
    """cut ``count`` frames in half"""
    OMIT_CLOSED = "omit_closed"
    """leave out ``count`` klines with ``x:true``"""
    REST = "rest"
    """answer ``count`` requests with ``status``"""
    LATENCY = "latency"
    """answer REST late by ``seconds``, ``count`` times"""
    MISSING_ROWS = "missing_rows"
    """leave the klines of ``open_times`` out of ``count`` REST answers"""
    STALE_BOOK = "stale_book"
    """answer ``count`` REST books of the symbol ``match`` as its book was when this was ordered"""


@dataclass(slots=True, kw_only=True)
class Order:
    """One fault: ``match`` is part of a stream's name or a request's path and query ("" all), ``count`` how often."""

    kind: Kind
    match: str = ""
    count: int = 1
    seconds: float = 0.0
    status: int = 503
    retry_after_s: int = 1
    open_times: list[int] = field(default_factory=list)
    until_ms: int = 0
    kept: bytes = b""


_MESSAGES = {
    403: (0, "Forbidden"),
    418: (-1003, "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams."),
    429: (-1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
    451: (0, "Service unavailable from a restricted location according to 'b. Eligibility'."),
}


class Mischief:
    """The orders in force; frames and answers pass through it."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.done: Counter[str] = Counter()
        self._held: dict[str, Frame] = {}

    def order(self, order: Order, *, now_ms: int) -> None:
        """Put a fault in force."""
        order.match = order.match.lower()
        order.until_ms = now_ms + int(order.seconds * 1_000)
        self.orders.append(order)

    def clear(self) -> None:
        """Everything works again."""
        self.orders.clear()

    def frames(self, frames: list[Frame], *, now_ms: int) -> list[Frame]:
        """The frames as the orders in force leave them."""
        if not self.orders and not self._held:
            return frames
        return list(chain.from_iterable(self._frame(frame, now_ms) for frame in frames))

    def refuse(self, path: str, *, now_ms: int) -> tuple[int, bytes, int] | None:
        """(status, body, Retry-After in s) if this request is to fail."""
        order = self._take(Kind.REST, path)
        if order is None:
            return None
        code, text = _MESSAGES.get(order.status, (-1000, "An unknown error occurred while processing the request."))
        message = text.format(until=now_ms + order.retry_after_s * 1_000)
        return order.status, RefusedError(code, message).body, order.retry_after_s

    def delay_s(self, path: str) -> float:
        """How late to answer this request."""
        order = self._take(Kind.LATENCY, path)
        return order.seconds if order else 0.0

    def body(self, path: str, body: bytes) -> bytes:
        """The answer as the orders in force leave it."""
        if body.startswith(b"[[") and "lines?" in path and (order := self._take(Kind.MISSING_ROWS, path)):
            return _without_rows(body, order.open_times)
        if "/depth?" in path and (order := self._take(Kind.STALE_BOOK, path)):
            return order.kept
        return body

    def _frame(self, frame: Frame, now_ms: int) -> list[Frame]:
        name = frame.stream.lower()
        held = self._held.pop(name, None)
        if self._silent(name, now_ms) or self._left_out(name, frame):
            return [held] if held else []
        if held is None and self._take(Kind.REORDER, name):
            self._held[name] = frame
            return []
        if self._take(Kind.MALFORMED, name):
            frame = frame._replace(data=frame.data[: len(frame.data) // 2])
        copies = [frame, frame] if self._take(Kind.DUPLICATE, name) else [frame]
        return [*copies, held] if held else copies

    def _silent(self, name: str, now_ms: int) -> bool:
        return any(o.kind is Kind.SILENCE and o.match in name and now_ms < o.until_ms for o in self.orders)

    def _left_out(self, name: str, frame: Frame) -> bool:
        if "@depth" in name and self._take(Kind.SKIP_DEPTH, name):
            return True
        return "@kline" in name and CLOSED_MARK in frame.data and self._take(Kind.OMIT_CLOSED, name) is not None

    def _take(self, kind: Kind, name: str) -> Order | None:
        for order in self.orders:
            if order.kind is kind and order.count > 0 and order.match in name.lower():
                order.count -= 1
                self.done[kind.value] += 1
                self.orders = [kept for kept in self.orders if kept.count > 0]
                return order
        return None


def _without_rows(body: bytes, open_times: list[int]) -> bytes:
    rows = body.decode().removeprefix("[[").removesuffix("]]").split("],[")
    kept = [row for row in rows if int(row.partition(",")[0] or 0) not in open_times]
    return ("[" + ",".join(f"[{row}]" for row in kept if row) + "]").encode()

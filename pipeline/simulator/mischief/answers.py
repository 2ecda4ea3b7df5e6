"""What the orders in force do to handshakes, requests and their answers."""

import re
from typing import TYPE_CHECKING, NamedTuple

import orjson

from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.orders import Order
from pipeline.simulator.parameters import RefusedError

if TYPE_CHECKING:
    from pipeline.simulator.mischief.register import Mischief

HTML = b"<html><head><title>Log in</title></head><body>Please accept the terms of this network.</body></html>"
_SERVER_TIME = re.compile(rb'"serverTime":(\d+)')
_MESSAGES = {
    403: (0, "Forbidden"),
    418: (-1003, "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams."),
    429: (-1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
    451: (0, "Service unavailable from a restricted location according to 'b. Eligibility'."),
}
_ROW_TIMES = ("T", "time")


class Refusal(NamedTuple):
    """A request or handshake that is to fail."""

    status: int
    body: bytes
    retry_after_s: int


class Answers:
    """Requests and answers pass through, as the orders in force leave them."""

    def __init__(self, mischief: "Mischief") -> None:
        self._mischief = mischief

    def handshake_refusal(self, names: str) -> Refusal | None:
        """How the handshake for these streams is to fail."""
        order = self._mischief.take(Kind.REFUSE, names)
        return self._refusal(order) if order else None

    def refusal(self, path: str) -> Refusal | None:
        """How the request is to fail."""
        order = self._mischief.take(Kind.REST, path)
        return self._refusal(order) if order else None

    def hang_s(self, path: str) -> float | None:
        """How long to leave the request without an answer before the line is closed; 0 for ever."""
        order = self._mischief.take(Kind.HANG, path)
        return order.seconds if order else None

    def delay_s(self, path: str) -> float:
        """How late to answer this request."""
        order = self._mischief.take(Kind.LATENCY, path)
        return order.seconds if order else 0.0

    def cuts(self, path: str) -> bool:
        """Whether the line is to be cut in the middle of this answer."""
        return self._mischief.take(Kind.CUT_ANSWER, path) is not None

    def body(self, path: str, body: bytes) -> bytes:
        """The answer as the orders in force leave it."""
        if not self._mischief.orders:
            return body
        if "/depth?" in path:
            body = self._book(path, body)
        elif body.startswith((b"[[", b"[{")) and (order := self._mischief.take(Kind.MISSING_ROWS, path)):
            body = _without_rows(body, order)
        return self._spoilt(path, self._skewed(path, body))

    def _book(self, path: str, body: bytes) -> bytes:
        if order := self._mischief.take(Kind.STALE_BOOK, path):
            return order.fate.kept
        if self._mischief.take(Kind.EMPTY_BOOK, path):
            return _book(body, bids=[], asks=[])
        if self._mischief.take(Kind.CROSSED_BOOK, path):
            book = orjson.loads(body)
            return _book(body, bids=book["asks"], asks=book["bids"])
        return body

    def _skewed(self, path: str, body: bytes) -> bytes:
        order = self._mischief.lasting(Kind.SKEW, path)
        if order is None:
            return body
        offset_ms = int(order.offset_s * 1_000)
        return _SERVER_TIME.sub(lambda found: b'"serverTime":%d' % (int(found[1]) + offset_ms), body, count=1)

    def _spoilt(self, path: str, body: bytes) -> bytes:
        if self._mischief.take(Kind.HTML_ANSWER, path):
            return HTML
        return body[: len(body) // 2] if self._mischief.take(Kind.HALF_ANSWER, path) else body

    def _refusal(self, order: Order) -> Refusal:
        code, text = _MESSAGES.get(order.status, (-1000, "An unknown error occurred while processing the request."))
        message = text.format(until=self._mischief.now_ms + order.retry_after_s * 1_000)
        return Refusal(order.status, RefusedError(code, message).body, order.retry_after_s)


def _book(body: bytes, *, bids: list[object], asks: list[object]) -> bytes:
    return orjson.dumps({"lastUpdateId": orjson.loads(body)["lastUpdateId"], "bids": bids, "asks": asks})


def _without_rows(body: bytes, order: Order) -> bytes:
    """The rows that are left; texts keep their digits, since all numbers in them are whole."""
    return orjson.dumps([row for row in orjson.loads(body) if not _leaves_out(order, row)])


def _leaves_out(order: Order, row: list[int] | dict[str, int]) -> bool:
    time_ms = row[0] if isinstance(row, list) else next(row[name] for name in _ROW_TIMES if name in row)
    return time_ms in order.open_times or order.start_ms <= time_ms < order.end_ms

"""An exchange in memory for tests of ingest: connections that a test speaks on, and REST answers it can change."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from pipeline.domain.faults import TransientError
from tests.words import NOON_MS

MINUTE_MS = 60_000


class TwinSocket:
    """One connection; the test is the exchange's side of it."""

    def __init__(self, url: str, take: Callable[[bytes], None]) -> None:
        self.url, self._take = url, take
        self.sent: list[dict[str, Any]] = []
        self.is_open, self.paused = True, False
        self.all_said = asyncio.Event()
        """Cleared: something waits on it that the test has not said yet."""
        self.all_said.set()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def say(self, *raws: bytes) -> None:
        """The exchange says something."""
        for raw in raws:
            try:
                self._take(raw)
            except Exception as error:  # noqa: BLE001 (as the real socket does)
                self._ended.set_exception(error)
                return

    def cut(self) -> None:
        """The exchange cuts the line."""
        self.is_open = False
        self._ended.set_result("the exchange closed the connection")

    def send(self, message: bytes) -> None:
        self.sent.append(orjson.loads(message))

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    async def caught_up(self) -> None:
        await self.all_said.wait()

    async def ended(self) -> str:
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        self.is_open = False


class ExchangeTwin:
    """Sockets as they were opened, and REST answers by path; a path without one fails for the moment."""

    def __init__(self) -> None:
        self.sockets: list[TwinSocket] = []
        self.refusals = 0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "depth": {"lastUpdateId": 100, "bids": [["99", "1"]], "asks": [["101", "1"]]},
            "time": {"serverTime": NOON_MS + 3_600_000},
            "klines": [],
            "aggTrades": [],
        }

    async def open(self, url: str, take: Callable[[bytes], None]) -> TwinSocket:
        if self.refusals:
            self.refusals -= 1
            raise TransientError("no connection to the exchange")
        socket = TwinSocket(url, take)
        self.sockets.append(socket)
        return socket

    async def get(self, path: str, params: Mapping[str, str | int], *, weight: int, **_: Any) -> bytes:
        name = path.rpartition("/")[2]
        self.asked.append((name, dict(params)))
        answer = self.answers.get(name)
        if answer is None:
            raise TransientError(f"no answer to {path}")
        return orjson.dumps(answer(params) if callable(answer) else answer)

    def times_asked(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)

    @property
    def socket(self) -> TwinSocket:
        return self.sockets[-1]


def a_row(minute: int, close: str = "100.00") -> list[Any]:
    open_ms = NOON_MS + minute * MINUTE_MS
    return [open_ms, close, close, close, close, "1.0", open_ms + 59_999, "100.0", 1, "1.0", "100.0", "0"]


def an_aggregate(aggregate_id: int, first: int, last: int) -> dict[str, Any]:
    return {"a": aggregate_id, "p": "5.0", "q": "1.0", "f": first, "l": last, "T": NOON_MS + first, "m": True}

"""A recording under way in the test's own event loop, of an exchange that runs there too."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipeline.domain.interval import MINUTE_MS
from pipeline.recording import Recording
from pipeline.settings import Settings
from pipeline.simulator.market import Market
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms

SYMBOLS = ("BTCUSDT", "ETHUSDT")
KINDS = ("kline_1m", "depth@100ms", "trade", "bookTicker")


def seeded(clock_ms: Callable[[], int] = wall_clock_ms) -> Market:
    return SeededMarket(SYMBOLS, seed=3, rate=4.0, clock_ms=clock_ms)


def shortly_before_a_minute(seconds: float) -> Callable[[], int]:
    """A clock that runs as ours and reaches a full minute in so many seconds."""
    offset = MINUTE_MS - wall_clock_ms() % MINUTE_MS - int(seconds * 1000)
    return lambda: time.time_ns() // 1_000_000 + offset


def settings_of(exchange: Exchange) -> Settings:
    return Settings(symbols=SYMBOLS, binance_ws_url=exchange.ws_url, binance_rest_url=exchange.rest_url)


def environment_of(exchange: Exchange) -> dict[str, str]:
    return {
        "BINANCE_WS_URL": exchange.ws_url,
        "BINANCE_REST_URL": exchange.rest_url,
        "SYMBOLS": ",".join(SYMBOLS),
        "SOURCE": "",
    }


@dataclass
class Running:
    """The recording, and what it said."""

    recording: Recording
    said: list[str] = field(default_factory=list)
    shown: int = 0

    def show(self, _: Recording) -> None:
        self.shown += 1


@asynccontextmanager
async def recording(settings: Settings, path: Path) -> AsyncIterator[Running]:
    """Record while the context lasts. Raises what the recording raised."""
    said: list[str] = []
    running = Running(Recording(settings, path, tell=said.append), said)
    task = asyncio.create_task(running.recording.record(watch=running.show))
    try:
        yield running
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def raw_frames(path: Path) -> dict[str, list[bytes]]:
    """The frames of a recording as they lie in it, by stream."""
    by_stream: dict[str, list[bytes]] = {}
    for line in gzip.decompress(path.read_bytes()).splitlines():
        _, _, frame = line.partition(b" ")
        if frame.startswith(b'{"stream"'):
            by_stream.setdefault(orjson.loads(frame)["stream"], []).append(frame)
    return by_stream


def answers(path: Path, part: str) -> list[dict[str, Any]]:
    """The REST answers of a recording whose request holds ``part``."""
    lines = [line.partition(b" ")[2] for line in gzip.decompress(path.read_bytes()).splitlines()]
    found = [orjson.loads(text) for text in lines if text.startswith(b'{"rest"')]
    return [answer["body"] for answer in found if part in answer["rest"]]

"""A WebSocket to the exchange: raw text frames with the moment each came."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from pipeline.domain.faults import TransientError

SILENT_AFTER_S = 30
"""The exchange pings every 20 s, and every stream of ours speaks more often: longer silence is a dead connection."""
Frames = AsyncIterator[tuple[bytes, int]]
Clock = Callable[[], int]


@asynccontextmanager
async def frames(session: aiohttp.ClientSession, url: str, *, clock: Clock | None = None) -> AsyncIterator[Frames]:
    """An open connection's frames as (raw text, received ms). Raises TransientError when it can't be opened.

    ``clock`` stamps them with another unit, such as ``time.time_ns``.
    """
    try:
        socket = await session.ws_connect(url, max_msg_size=0, autoping=True, compress=0)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TransientError(f"no connection to the exchange: {error}") from error
    try:
        yield _read(socket, clock or _now_ms)
    finally:
        await socket.close()


async def _read(socket: aiohttp.ClientWebSocketResponse, clock: Clock) -> Frames:
    while True:
        try:
            message = await socket.receive(timeout=SILENT_AFTER_S)
        except TimeoutError as error:
            raise TransientError(f"the exchange was silent for {SILENT_AFTER_S} s") from error
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise TransientError(f"the exchange closed the connection ({message.type.name}, {socket.close_code})")
        data = message.data
        yield (data.encode() if isinstance(data, str) else data), clock()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

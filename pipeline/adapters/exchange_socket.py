"""A WebSocket to the exchange: every message is handed over as it comes, in the reader's own turn of the loop."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from pipeline.domain.faults import TransientError

logging.getLogger("picows").setLevel(logging.WARNING)  # each connection is told of where it is replaced

OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 2.0
MOST_BYTES = 16_000_000
MOST_CONTROL_BYTES = 125
"""What is longer is data (RFC 6455, 5.5): asking for a frame's type costs as much as the rest of it."""
Take = Callable[[bytes], None]


class ExchangeSocket(WSListener):
    """One open connection; pings are answered by themselves."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._parts: list[bytes] = []
        self._transport: WSTransport | None = None
        self._pongs = asyncio.Event()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand a message over; whatever handing it over raises ends the connection, and is raised by ``ended``."""
        if frame.payload_size > MOST_CONTROL_BYTES or frame.msg_type in _DATA:
            try:
                if frame.fin and not self._parts:
                    self._take(frame.get_payload_as_bytes())
                else:
                    self._part(frame)
            except Exception as error:  # noqa: BLE001 (a callback of compiled code: nobody above it could catch)
                self._fail(error)
        elif frame.msg_type == WSMsgType.PONG:
            self._pongs.set()
        elif frame.msg_type == WSMsgType.CLOSE:
            said = (frame.get_close_message() or b"").decode(errors="replace")
            self._end(f"the exchange closed the connection ({frame.get_close_code()} {said})")
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The line is dead."""
        self._end("the connection to the exchange broke")

    def send(self, message: bytes) -> None:
        """Say something."""
        if self._transport is not None and not self._ended.done():
            self._transport.send(WSMsgType.TEXT, message)

    def pause(self) -> None:
        """Take no more from the network until ``resume``."""
        if self._transport is not None and not self._ended.done():
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._transport is not None and not self._ended.done():
            self._transport.underlying_transport.resume_reading()

    async def caught_up(self) -> None:
        """Return when everything sent to us until now was taken: a ping is answered after it, in order."""
        if self._transport is None or self._ended.done():
            return
        self._pongs.clear()
        self._transport.send_ping(b"caught up")
        self._ended.add_done_callback(lambda _: self._pongs.set())
        await self._pongs.wait()

    async def ended(self) -> str:
        """Wait for the end; why. Raises what taking a message raised."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End it; nothing is handed over afterwards."""
        self._take = _ignore
        if self._transport is None or self._transport.is_disconnected:
            return
        self._end("closed")
        self._transport.send_close()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._transport.wait_disconnected()
        except TimeoutError:
            self._transport.disconnect()

    def _part(self, frame: WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._take(whole)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)
        if self._transport is not None:
            self._transport.disconnect()


async def open_socket(url: str, take: Take, *, proxy: str | None = None) -> ExchangeSocket:
    """An open connection. Raises TransientError when there can be none now."""
    options: dict[str, Any] = {"proxy": proxy} if proxy else {}
    socket = ExchangeSocket(take)
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            await ws_connect(lambda: socket, url, max_frame_size=MOST_BYTES, disconnect_on_exception=False, **options)
    except (WSError, OSError, TimeoutError) as error:
        raise TransientError(f"no connection to the exchange: {str(error) or repr(error)}") from error
    return socket


def _ignore(_raw: bytes) -> None:
    """A connection that was closed has nothing to say."""


_DATA = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)

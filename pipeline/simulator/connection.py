"""One client's WebSocket: what it listens to, its limits, and the queue of what it is still to get."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSMessage, WSMsgType, web

from pipeline.simulator.control import Subscription, answer, asked_streams
from pipeline.simulator.delivery import Delivery, Spoilt
from pipeline.simulator.mischief import Kind, Mischief
from pipeline.simulator.rules import Limits, Pulse, SlidingWindow
from pipeline.simulator.violations import Rule

QUEUE_BATCHES = 512
"""Batches a slow reader may be behind before it is cut off."""
AHEAD_BATCHES = 4
"""Batches a replay runs ahead of its slowest reader."""
CLOSE_WITHIN_S = 1.0
POLICY_VIOLATION = 1008
SHUTDOWN_STREAM = "!serverShutdown"
Note = Callable[[Rule, str], None]
Remember = Callable[[Spoilt], None]


class Connection:
    """A socket with its subscription; frames go through a queue so that nobody waits for anybody."""

    def __init__(
        self, request: web.Request, *, subscription: Subscription, limits: Limits, note: Note, now_ms: int
    ) -> None:
        self.subscription = subscription
        self.pulse = Pulse(limits, opened_ms=now_ms, pinged_ms=now_ms)
        self.delivery = Delivery()
        self.deaf: set[str] = set()
        self.batch: list[bytes] = []
        self.closed_for = ""
        self._note = note
        self._messages = SlidingWindow(limits.messages_per_s, within_ms=1_000)
        self._queue: asyncio.Queue[list[bytes]] = asyncio.Queue(QUEUE_BATCHES)
        self._request = request
        self._socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=65_536)

    @property
    def heard(self) -> list[str]:
        """The streams that reach it."""
        return [stream for stream in self.subscription.streams if stream not in self.deaf]

    async def open(self) -> web.WebSocketResponse:
        """Finish the handshake."""
        await self._socket.prepare(self._request)
        return self._socket

    async def write(self, remember: Remember) -> None:
        """Send what is queued, for as long as the socket lives; malformed frames are remembered once they are sent."""
        with suppress(ConnectionError):
            while True:
                for data in await self._queue.get():
                    await self._socket.send_frame(data, WSMsgType.TEXT)
                    if type(data) is Spoilt:
                        remember(data)

    async def read(self, message: WSMessage, mischief: Mischief, *, now_ms: int) -> bool:
        """Act on one incoming message; whether the subscription may have changed."""
        if not self._messages.take(now_ms):
            self._note(Rule.MESSAGES, f"{message.type.name} {str(message.data)[:80]}")
            await self.close("too_many_messages", "Too many requests")
        elif message.type is WSMsgType.PONG:
            self.pulse.pong(bytes(message.data))
        elif self.delivery.stalled(now_ms):
            return False
        elif message.type is WSMsgType.PING:
            await self._socket.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            self._obey(message.data, mischief)
            return True
        return False

    def offer(self, batch: list[bytes]) -> bool:
        """Queue frames without waiting; False if the reader is too far behind."""
        try:
            self._queue.put_nowait(batch)
        except asyncio.QueueFull:
            return False
        return True

    async def deliver(self, batch: list[bytes]) -> None:
        """Queue frames, waiting for a slow reader."""
        self.offer(batch)
        while self._queue.qsize() > AHEAD_BATCHES and not (self.closed_for or self._socket.closed):
            await asyncio.sleep(0.001)

    async def keep(self, now_ms: int) -> None:
        """Ping when it is time, close when it must be."""
        if self.delivery.stalled(now_ms):
            return
        reason = self.pulse.ended(now_ms)
        if reason:
            if reason == Rule.NO_PONG.value:
                self._note(Rule.NO_PONG, "/".join(self.subscription.streams))
            await self.close(reason, reason)
        elif payload := self.pulse.ping_due(now_ms):
            with suppress(ConnectionError):
                await self._socket.ping(payload)

    async def close(self, reason: str, message: str) -> None:
        """Close with a code; the first reason is remembered."""
        self.closed_for = self.closed_for or reason
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._socket.close(code=POLICY_VIOLATION, message=message.encode())

    def drop(self, reason: str) -> None:
        """Cut the line without a word."""
        self.closed_for = self.closed_for or reason
        if self._request.transport is not None:
            self._request.transport.abort()

    def announce_shutdown(self, now_ms: int) -> None:
        """Queue the venue's ``serverShutdown`` event."""
        event = f'{{"e":"serverShutdown","E":{now_ms}}}'.encode()
        self.offer([wrapped(SHUTDOWN_STREAM, event) if self.subscription.combined else event])

    def _obey(self, text: str, mischief: Mischief) -> None:
        asked = asked_streams(text)
        ignored = mischief.take(Kind.IGNORE_SUBSCRIBE, asked) if asked else None
        if ignored and not ignored.answered:
            return
        before = dict(self.subscription.streams)
        reply = answer(self.subscription, text)
        self.offer([reply.data])
        if ignored:
            self.subscription.streams = before
        else:
            self.deaf.difference_update(reply.begun)
        if reply.too_many:
            self._note(Rule.STREAMS, text)


def wrapped(stream: str, data: bytes) -> bytes:
    """A frame as combined streams carry it."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), data)

"""WebSocket frames of the server side: those sent, and a bounded reader of those received (RFC 6455)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

MAX_MESSAGE_BYTES = 4_096
BURST_MESSAGES = 100
MESSAGES_PER_S = 100 / 60
"""OWASP's WebSocket sheet: about a hundred messages a minute from one client."""

_CONTROL = FrameProtocol(client=False, extensions=[])
PING = bytes(_CONTROL.ping())


def text_frame(text: bytes) -> bytes:
    """An unmasked, final text frame: valid for every client, because none negotiated compression."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65_536:
        return b"\x81\x7e" + struct.pack("!H", size) + text
    return b"\x81\x7f" + struct.pack("!Q", size) + text


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame with its reason, cut to what a control frame holds."""
    return bytes(_CONTROL.close(code, reason))


class RefusedError(Exception):
    """The peer sent what we do not take; ``code`` is the close code to answer with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class Inbound:
    """Frames of one peer, with a limit on a message's size and on how many come; ``now_s`` is monotonic."""

    now_s: float
    _allowance: float = BURST_MESSAGES
    _size: int = 0
    _protocol: FrameProtocol = field(default_factory=lambda: FrameProtocol(client=False, extensions=[]))

    def answers(self, data: bytes, *, now_s: float) -> Iterator[bytes]:
        """The control frames to answer with; a close frame is the last. Raises RefusedError."""
        self._protocol.receive_bytes(data)
        try:
            for frame in self._protocol.received_frames():
                self._measure(frame, now_s)
                answer = _answer(frame)
                if answer:
                    yield answer
        except ParseFailed as error:
            raise RefusedError(error.code, str(error)) from error

    def _measure(self, frame: Frame, now_s: float) -> None:
        if not frame.opcode.iscontrol():
            self._size += len(frame.payload)
            if self._size > MAX_MESSAGE_BYTES:
                raise RefusedError(CloseReason.MESSAGE_TOO_BIG, f"a message may have {MAX_MESSAGE_BYTES} bytes")
        if frame.message_finished or frame.frame_finished:
            self._spend(now_s)
        if frame.message_finished and not frame.opcode.iscontrol():
            self._size = 0

    def _spend(self, now_s: float) -> None:
        refilled = self._allowance + (now_s - self.now_s) * MESSAGES_PER_S
        self._allowance = min(BURST_MESSAGES, refilled) - 1
        self.now_s = now_s
        if self._allowance < 0:
            raise RefusedError(CloseReason.POLICY_VIOLATION, "too many messages")


def is_close(frame: bytes) -> bool:
    """Whether an answer ends the conversation."""
    return frame[0] & 0x0F == Opcode.CLOSE


def _answer(frame: Frame) -> bytes | None:
    if frame.opcode is Opcode.PING:
        return bytes(_CONTROL.pong(bytes(frame.payload)))  # type: ignore[arg-type]
    if frame.opcode is Opcode.CLOSE:
        return close_frame(int(frame.payload[0]))
    return None

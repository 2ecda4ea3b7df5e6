"""One taken-over socket: what it reads, what it writes, and when it is given up."""

import socket
import struct
from dataclasses import dataclass

from app.push.counters import Counters
from app.push.frames import PING, Inbound, RefusedError, close_frame, is_close
from app.push.outbox import Outbox
from app.push.subscriptions import Subscription

WIRE_BYTES = 32_768
READ_BYTES = 4_096
SEND_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a peer may keep us waiting, in seconds."""

    progress_s: float = 5.0
    ping_s: float = 25.0
    silence_s: float = 60.0
    close_s: float = 3.0


@dataclass(slots=True, eq=False)
class Client:
    """A socket and its outbox. ``wire`` holds whole frames, the first perhaps partly sent: a frame is never torn.

    ``farewell`` says why it is being closed; from then on nothing but the close frame follows.
    """

    sock: socket.socket
    wanted: Subscription
    outbox: Outbox
    counters: Counters
    now_s: float
    wire: bytes = b""
    armed: bool = False
    farewell: str = ""
    deadline_s: float = 0.0
    _heard_s: float = 0.0
    _pinged_s: float = 0.0
    _progress_s: float = 0.0
    _deaf: bool = False
    _inbound: Inbound | None = None

    def __post_init__(self) -> None:
        self._heard_s = self._pinged_s = self._progress_s = self.now_s

    def flush(self, now_s: float) -> bool:
        """Send what the peer takes now; True if something is left. Raises OSError when the peer is gone."""
        if not self.wire:
            self._progress_s = now_s
        while self.wire or self._load():
            sent = self._send()
            if not sent:
                return True
            self._progress_s = now_s
            self.wire = self.wire[sent:]
        return False

    def read(self, now_s: float) -> bool:
        """Take in what the peer sent and queue the answers; False at the end of its stream. Raises OSError."""
        data = self.sock.recv(READ_BYTES)
        self._heard_s = now_s
        if data and not self._deaf:
            self._answer(data, now_s)
        return bool(data)

    def close(self, code: int, reason: str, *, why: str, now_s: float, wait_s: float) -> None:
        """Queue a close frame behind what is already on the wire; ``wait_s`` is how long the peer may take."""
        if not self.farewell:
            self._leave(close_frame(code, reason), why=why, deadline_s=now_s + wait_s)

    def overdue(self, now_s: float, patience: Patience) -> str:
        """Why the peer must be given up now; empty if it need not."""
        if self.farewell:
            return self.farewell if now_s > self.deadline_s else ""
        if self.wire and now_s - self._progress_s > patience.progress_s:
            return "slow"
        return "silent" if now_s - self._heard_s > patience.silence_s else ""

    def ping(self, now_s: float, patience: Patience) -> None:
        """Queue a ping if one is due."""
        if not self.farewell and now_s - self._pinged_s >= patience.ping_s:
            self._pinged_s = now_s
            self.wire += PING

    def end(self, *, patient: bool) -> None:
        """Close the socket; of an impatient end the kernel keeps nothing for a peer that does not read."""
        if self.wire or not patient:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _answer(self, data: bytes, now_s: float) -> None:
        if self._inbound is None:
            self._inbound = Inbound(now_s)
        try:
            for frame in self._inbound.answers(data, now_s=now_s):
                if is_close(frame):
                    self._deaf = True
                    self._leave(frame, why=self.farewell or "peer", deadline_s=now_s + 1)
                elif not self.farewell:
                    self.wire += frame
        except RefusedError as refused:
            self._deaf = True
            self.close(refused.code, refused.reason, why=_WHY.get(refused.code, "protocol"), now_s=now_s, wait_s=1)

    def _leave(self, frame: bytes, *, why: str, deadline_s: float) -> None:
        if not self.farewell:
            self.wire += frame
        self.farewell = why
        self.deadline_s = deadline_s

    def _load(self) -> bool:
        if self.farewell:
            return False
        frames = self.outbox.take(WIRE_BYTES)
        self.counters.messages += len(frames)
        self.wire = frames[0] if len(frames) == 1 else b"".join(frames)
        return bool(frames)

    def _send(self) -> int:
        try:
            sent = self.sock.send(self.wire, SEND_FLAGS)
        except BlockingIOError:
            return 0
        self.counters.sends += 1
        self.counters.sent_bytes += sent
        return sent


_WHY = {1008: "flood", 1009: "oversize"}

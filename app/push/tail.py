"""The last minute of one channel: enough to join a snapshot to the live stream, or to resume one."""

from collections import deque
from typing import NamedTuple

from app.push.messages import JUMP, Message

KEEP_S = 60.0
KEEP_BYTES = 4_000_000


class Position(NamedTuple):
    """How far a channel was seen: its count (``epoch`` grows when the numbers start again) and its last number."""

    epoch: int
    seq: int | None


class Tail:
    """The newest update and every realtime message of the last ``keep_s`` seconds, at most ``keep_bytes`` of them."""

    __slots__ = ("_keep_bytes", "_keep_s", "_realtime", "_size", "_update", "complete_after", "position")

    def __init__(self, *, keep_s: float = KEEP_S, keep_bytes: int = KEEP_BYTES) -> None:
        self.position = Position(0, None)
        self.complete_after = 0
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._realtime: deque[tuple[float, Message]] = deque()
        self._update: Message | None = None
        self._size = 0

    def add(self, message: Message, *, now_s: float) -> bool:
        """Hold a live message; True if the channel began to count anew with it (the store was wiped)."""
        push, (epoch, last) = message.push, self.position
        restarted = last is not None and push.seq <= last
        if last is None or restarted or push.from_seq > last + 1:
            self._forget()
            self.complete_after = push.from_seq - 1
        self.position = Position(epoch + restarted, push.seq)
        self._hold(message, now_s)
        return restarted

    def covers(self, seq: int) -> bool:
        """Whether everything that matters after ``seq`` is still held."""
        last = self.position.seq
        return last is not None and self.complete_after <= seq <= last

    def after(self, seq: int) -> list[Message]:
        """What is held after ``seq``, in order."""
        held = [message for _, message in self._realtime if message.push.seq > seq]
        if self._update is not None and self._update.push.seq > seq:
            held.append(self._update)
        return sorted(held, key=lambda message: message.push.seq)

    def lost_after(self, seq: int) -> int:
        """How many messages after ``seq`` were here or passed by, and are no longer held."""
        lost = self.complete_after - seq
        return lost if 0 < lost < JUMP else 0

    def _hold(self, message: Message, now_s: float) -> None:
        if message.is_update:
            self._update = message
            return
        self._realtime.append((now_s, message))
        self._size += message.size
        while self._size > self._keep_bytes or self._realtime[0][0] < now_s - self._keep_s:
            _, old = self._realtime.popleft()
            self._size -= old.size
            self.complete_after = old.push.seq
            if not self._realtime:
                break

    def _forget(self) -> None:
        self._realtime.clear()
        self._update = None
        self._size = 0

"""What one client still has to get: bounded in bytes, updates conflated to the newest, lost messages counted."""

from collections.abc import Iterable

from app.push.counters import Counters
from app.push.messages import JUMP, Message, Missed, event_ms

PENDING_BYTES = 65_536


class Outbox:
    """One client's queue in sequence order; the numbers it hands out tile the sequence without hole or overlap.

    ``offered`` is the last sequence number taken in or deliberately passed over, -1 while that is not known.
    """

    __slots__ = ("_allowed", "_counters", "_last_key", "_limit", "_lost_key", "_queue", "_sent", "_size", "_update_key",
                 "ahead", "offered", "symbol")  # fmt: skip

    def __init__(self, symbol: str, *, counters: Counters, limit: int = PENDING_BYTES) -> None:
        self.symbol = symbol
        self.offered = -1
        self.ahead: int | None = None
        self._counters = counters
        self._limit = self._allowed = limit
        self._queue: dict[int, Message | Missed] = {}
        self._size = 0
        self._sent = -1
        self._last_key = 0
        self._update_key: int | None = None
        self._lost_key: int | None = None

    def __bool__(self) -> bool:
        return bool(self._queue)

    def begin(self, seq: int) -> None:
        """The client has everything up to ``seq``."""
        self.offered = self._sent = seq

    def begin_unsure(self, seq: int | None) -> None:
        """The client's snapshot is of another count than the live channel's: take what comes, and after the
        channel's own restart only what follows ``seq``."""
        self.offered = self._sent = -1
        self.ahead = seq

    def restart(self) -> None:
        """The channel counts from the beginning again."""
        self.offered = -1 if self.ahead is None else self.ahead
        self.ahead = None

    def offer(self, message: Message) -> bool:
        """Take the next live message of the channel; False if the client has it already."""
        push, expected = message.push, self.offered + 1
        if push.seq < expected:
            return False
        if 0 < expected < push.from_seq < expected + JUMP:
            self._counters.gaps += 1
            self.lose(push.from_seq - expected, seq=push.from_seq - 1, event_ms=event_ms(push))
        self.offered = push.seq
        self.put(message)
        return True

    def skip(self, seq: int) -> None:
        """Pass over a message of the channel that says nothing to this client."""
        self.offered = max(self.offered, seq)

    def join(self, messages: Iterable[Message]) -> None:
        """Queue what lies between a snapshot and the live stream; its size comes on top of the limit."""
        for message in messages:
            if message.is_update:
                self._conflate()
            key = self._append(message)
            self._update_key = key if message.is_update else self._update_key
        self._allowed = self._limit + self._size

    def put(self, message: Message) -> None:
        """Queue a message; a held update gives way to a newer one, a realtime one beyond the limit is lost."""
        if message.is_update:
            self._conflate()
            self._update_key = self._append(message)
        elif self._overflows(message):
            self.lose(1, seq=message.push.seq, event_ms=event_ms(message.push))
        else:
            self._lost_key = None
            self._append(message)

    def lose(self, count: int, *, seq: int, event_ms: int | None) -> None:
        """Count messages up to ``seq`` that the client will not get; it is told when it reads again."""
        self._counters.missed += count
        held = self._queue.pop(self._lost_key) if self._lost_key is not None else None
        total = count + (held.count if isinstance(held, Missed) else 0)
        self._last_key += 1
        self._lost_key = self._last_key
        self._queue[self._lost_key] = Missed(self.symbol, total, seq - count + 1, seq, event_ms)

    def take(self, budget: int) -> list[bytes]:
        """The next frames, oldest first, about ``budget`` bytes of them; they are no longer queued."""
        frames: list[bytes] = []
        while self._queue and budget > 0:
            key = next(iter(self._queue))
            entry = self._queue.pop(key)
            frames.append(self._frame(entry, key))
            budget -= len(frames[-1])
        if not self._queue:
            self._allowed = self._limit
        return frames

    def _frame(self, entry: Message | Missed, key: int) -> bytes:
        if isinstance(entry, Missed):
            self._lost_key = None if key == self._lost_key else self._lost_key
            entry.from_seq = self._first(entry.from_seq, entry.seq)
            self._sent = entry.seq
            return entry.frame()
        if key == self._update_key:
            self._update_key = None
        self._size -= entry.size
        first = self._first(entry.push.from_seq, entry.push.seq)
        self._sent = entry.push.seq
        return entry.framed(first)

    def _first(self, from_seq: int, seq: int) -> int:
        known = 0 <= self._sent < seq and from_seq - self._sent < JUMP
        return self._sent + 1 if known else from_seq

    def _overflows(self, message: Message) -> bool:
        # After a loss the queue must be half empty again, so that losses are told in runs, not one by one.
        losing = self._lost_key is not None and 2 * self._size > self._allowed
        return losing or self._size + message.size > self._allowed

    def _append(self, message: Message) -> int:
        self._last_key += 1
        self._queue[self._last_key] = message
        self._size += message.size
        return self._last_key

    def _conflate(self) -> None:
        if self._update_key is None:
            return
        held = self._queue.pop(self._update_key)
        if isinstance(held, Message):
            self._size -= held.size
        self._counters.conflated += 1

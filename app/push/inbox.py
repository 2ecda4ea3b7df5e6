"""What other threads leave for the hub: bounded in bytes, updates beyond the bound conflated by channel."""

import threading
from collections import deque
from dataclasses import replace

from app.push.counters import Counters
from pipeline.domain.pushes import UPDATE, Push

INBOX_BYTES = 16_000_000

Addressed = tuple[str, str, Push]


class Inbox:
    """Pushes in arrival order. Beyond the bound only the newest update of a channel stays.

    A realtime push beyond the bound is dropped: its number is then missing, and every listener is told.
    """

    def __init__(self, *, counters: Counters, limit: int = INBOX_BYTES) -> None:
        self._counters = counters
        self._limit = limit
        self._lock = threading.Lock()
        self._queue: deque[Addressed] = deque()
        self._newest: dict[tuple[str, str], Push] = {}
        self._size = 0

    def put(self, stream: str, symbol: str, push: Push) -> None:
        """Leave a push for the hub; never blocks for longer than another put."""
        with self._lock:
            if self._size + len(push.body) <= self._limit and (stream, symbol) not in self._newest:
                self._queue.append((stream, symbol, push))
                self._size += len(push.body)
            else:
                self._squeeze((stream, symbol), push)

    def drain(self) -> list[Addressed]:
        """Everything left so far, in order within each channel."""
        with self._lock:
            batch = [*self._queue, *((*key, push) for key, push in self._newest.items())]
            self._queue.clear()
            self._newest.clear()
            self._size = 0
        return batch

    def _squeeze(self, key: tuple[str, str], push: Push) -> None:
        self._counters.overflowed += 1
        held = self._newest.pop(key, None)
        if push.kind == UPDATE:
            self._newest[key] = push if held is None else replace(push, from_seq=held.from_seq)

"""Snapshots shared for a moment, so that five hundred sockets opening at once cost one read."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.push.subscriptions import Opening, Snapshots, Subscription
from app.push.tail import Position
from pipeline.domain.faults import TransientError

SHARED_S = 0.5
MOST_SHARED = 64


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_s: float = float("-inf")
    found: Opening | TransientError | None = None


class Openings:
    """Reads openings through ``snapshots``; one that is a little old only lets the hub send a little more."""

    def __init__(self, snapshots: Snapshots, position: Callable[[str, str], Position]) -> None:
        self._snapshots = snapshots
        self._position = position
        self._lock = threading.Lock()
        self._slots: OrderedDict[Subscription, _Slot] = OrderedDict()

    def read(self, wanted: Subscription) -> Opening:
        """A snapshot at most ``SHARED_S`` old, and how far the channel was seen before it. Raises TransientError."""
        slot = self._slot(replace(wanted, since=None))
        with slot.lock:
            if slot.found is None or time.monotonic() - slot.read_s > SHARED_S:
                slot.found = self._read(wanted)
                slot.read_s = time.monotonic()
            if isinstance(slot.found, TransientError):
                raise slot.found
            return slot.found

    def _read(self, wanted: Subscription) -> Opening | TransientError:
        seen = self._position(wanted.stream, wanted.symbol)
        try:
            return Opening(self._snapshots.read(wanted), seen)
        except TransientError as error:
            # Shared too: those who queued behind a store that hangs must not each wait for it in turn.
            return error

    def _slot(self, key: Subscription) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > MOST_SHARED:
                self._slots.popitem(last=False)
            return slot

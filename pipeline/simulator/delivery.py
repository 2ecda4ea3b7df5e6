"""Frames on their way to one connection: a stall loses them, slowness holds them back, and a spoilt one is marked."""

from collections import deque
from dataclasses import dataclass, field


class Spoilt(bytes):
    """A malformed frame as it goes out, with its stream and the form it took."""

    stream: str
    form: str

    @classmethod
    def of(cls, data: bytes, *, stream: str, form: str) -> "Spoilt":
        """``data`` with what it is."""
        spoilt = cls(data)
        spoilt.stream, spoilt.form = stream, form
        return spoilt


@dataclass(slots=True)
class Delivery:
    """One connection's hindrances, told the time."""

    stalled_until_ms: int = 0
    slow_until_ms: int = 0
    delay_ms: int = 0
    held: deque[tuple[int, list[bytes]]] = field(default_factory=deque)

    def stall(self, until_ms: int) -> None:
        """Nothing goes out before ``until_ms``."""
        self.stalled_until_ms = until_ms

    def slow(self, until_ms: int, *, delay_ms: int) -> None:
        """What comes before ``until_ms`` goes out so much later."""
        self.slow_until_ms, self.delay_ms = until_ms, delay_ms

    def stalled(self, now_ms: int) -> bool:
        """Whether nothing goes out now."""
        return now_ms < self.stalled_until_ms

    def ready(self, batch: list[bytes], now_ms: int) -> list[bytes]:
        """What goes out now, of this batch and of what was held back."""
        if self.stalled(now_ms):
            return []
        if not self.held and now_ms >= self.slow_until_ms:
            return batch
        if batch:
            self.held.append((now_ms + (self.delay_ms if now_ms < self.slow_until_ms else 0), batch))
        ready: list[bytes] = []
        while self.held and self.held[0][0] <= now_ms:
            ready += self.held.popleft()[1]
        return ready

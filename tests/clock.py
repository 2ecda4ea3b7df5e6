"""A clock that a test turns."""

from dataclasses import dataclass

from tests.words import NOON_MS


@dataclass
class Clock:
    """Says ``now_ms``, UTC epoch milliseconds."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

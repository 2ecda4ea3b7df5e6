"""How long to wait before trying again: doubling, capped, with full jitter."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Seconds to wait; ``healthy`` starts it over."""

    first_s: float = 0.25
    most_s: float = 30.0
    _attempts: int = 0

    def next_s(self) -> float:
        """The next wait, anywhere between nothing and the doubled bound."""
        bound = min(self.most_s, self.first_s * 2 ** min(self._attempts, 16))
        self._attempts += 1
        return random.uniform(0, bound)  # noqa: S311 — jitter, not a secret

    def healthy(self) -> None:
        """It worked: the next failure is a first one."""
        self._attempts = 0

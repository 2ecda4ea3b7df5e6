"""How long to wait before trying again: doubling, capped, with full jitter."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.domain.faults import TransientError

T = TypeVar("T")
log = logging.getLogger(__name__)


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


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The outcome of ``call``, tried again as long as its fault may pass."""
    backoff = Backoff()
    while True:
        try:
            return await call()
        except TransientError as error:
            wait_s = max(backoff.next_s(), error.retry_after_s or 0)
            log.warning("%s; again in %.1f s", error, wait_s)
            await asyncio.sleep(wait_s)

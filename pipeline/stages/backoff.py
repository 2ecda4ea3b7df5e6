"""How long to wait before trying again (doubling, capped, with full jitter), and waiting until it works."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.domain.faults import BadMessageError, Fault, RefusedError, TransientError

T = TypeVar("T")
log = logging.getLogger(__name__)

REFUSED_WAIT_S = 10.0
"""A refusal is asked about again no sooner: whoever goes on asking is refused for longer."""
SAY_EVERY_S = 60.0


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


@dataclass(slots=True)
class Patience:
    """Tries again as long as a fault may pass; ``why`` is what is waited out now, None while all is well.

    A refusal (403, 451) may pass too: a firewall forgets, an address changes. It is asked about rarely.
    """

    backoff: Backoff = field(default_factory=Backoff)
    why: str | None = None
    _said_s: float = float("-inf")

    async def outcome(self, call: Callable[[], Awaitable[T]]) -> T:
        """What ``call`` comes to in the end. Raises only what will never pass."""
        while True:
            try:
                result = await call()
            except (TransientError, BadMessageError, RefusedError) as error:
                await self._wait(error)
            else:
                self.why = None
                self.backoff.healthy()
                return result

    async def _wait(self, error: Fault) -> None:
        self.why = str(error)
        refused = isinstance(error, RefusedError)
        demanded_s = REFUSED_WAIT_S if refused else getattr(error, "retry_after_s", None) or 0.0
        wait_s = max(self.backoff.next_s(), demanded_s)
        self._say(wait_s, rarely=refused)
        await asyncio.sleep(wait_s)

    def _say(self, wait_s: float, *, rarely: bool) -> None:
        now_s = time.monotonic()
        if not rarely or now_s - self._said_s >= SAY_EVERY_S:
            self._said_s = now_s
            log.warning("%s; again in %.1f s", self.why, wait_s)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """The outcome of ``call``, tried again as long as its fault may pass."""
    return await Patience().outcome(call)

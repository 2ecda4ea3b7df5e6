"""Words for the ledger of gaps on their way there: the live road never waits for a store."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Gap, Gaps, Stream
from pipeline.stages.backoff import patiently

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
LOOK_EVERY_S = 0.5


@dataclass(slots=True)
class GapNotes:
    """Hands words to the ledger in order, from a thread; a ledger that is away is waited for."""

    ledger: Gaps
    noted: int = 0
    healed: int = 0
    dropped: int = 0
    _waiting: deque[Callable[[], None]] = field(default_factory=deque)

    def note(self, gap: Gap) -> None:
        """Say that something is missing."""
        self.noted += 1
        self._put(partial(self.ledger.note, [gap]))

    def heal(self, symbol: str, *, stream: Stream, start: int, end: int, healed_ms: int) -> None:
        """Say that it has come."""
        self.healed += 1
        self._put(partial(self.ledger.heal, symbol, stream=stream, start=start, end=end, healed_ms=healed_ms))

    async def keep(self) -> NoReturn:
        """Write what waits, for ever."""
        await patiently(partial(asyncio.to_thread, self.ledger.ensure_indexes))
        while True:
            while self._waiting:
                await patiently(partial(asyncio.to_thread, self._waiting[0]))
                self._waiting.popleft()
            await asyncio.sleep(LOOK_EVERY_S)

    def flush(self) -> None:
        """Write what waits, now; a ledger that is away loses it to the log of this process."""
        try:
            while self._waiting:
                self._waiting[0]()
                self._waiting.popleft()
        except TransientError as error:
            log.warning("%d words on gaps were not written: %s", len(self._waiting), error)

    def _put(self, word: Callable[[], None]) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(word)

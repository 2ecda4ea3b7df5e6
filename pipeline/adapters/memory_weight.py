"""The twin of the shared request weight in memory: the same answers, and the budget of a process that has no Redis."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from pipeline.domain.weight import Priority, WeightLedger, WeightLimits, WeightMemory, WeightStanding


@dataclass(slots=True)
class MemoryWeight:
    """One address's window in this process; ``clock`` gives UTC epoch milliseconds."""

    clock: Callable[[], int]
    _ledger: WeightLedger | None = None
    _epoch: str = field(default="")

    def wipe(self) -> None:
        """Forget everything, as a Redis that was started anew."""
        self._ledger = None

    async def ask(self, weight: int, priority: Priority, memory: WeightMemory) -> WeightStanding:
        """Whether a request of ``weight`` may go out now; if so it counts as sent."""
        ledger = self._held(memory)
        if memory.away or memory.epoch != self._epoch:
            ledger.at_least(memory.used, now_ms=self.clock())
            ledger.block(memory.blocked_until_ms)
        return self._standing(ledger, ledger.ask(weight, priority, now_ms=self.clock()))

    async def told(self, used: int, memory: WeightMemory) -> WeightStanding:
        """Take the exchange's own count."""
        ledger = self._held(memory)
        ledger.told(used, now_ms=self.clock())
        return self._standing(ledger)

    async def block(self, ms: int, memory: WeightMemory) -> WeightStanding:
        """Nobody sends anything for ``ms``."""
        ledger = self._held(memory)
        ledger.block(self.clock() + ms)
        return self._standing(ledger)

    async def learn(self, limits: WeightLimits, memory: WeightMemory) -> WeightStanding:
        """The exchange's limits are these."""
        ledger = self._held(memory)
        ledger.limits = limits
        return self._standing(ledger)

    def _held(self, memory: WeightMemory) -> WeightLedger:
        if self._ledger is None:
            self._ledger = WeightLedger(self.clock(), limits=memory.limits)
            self._epoch = uuid4().hex
        return self._ledger

    def _standing(self, ledger: WeightLedger, wait_ms: int = 0) -> WeightStanding:
        used = ledger.used(self.clock())
        return WeightStanding(wait_ms, used, ledger.limits, ledger.blocked_until_ms, self._epoch)

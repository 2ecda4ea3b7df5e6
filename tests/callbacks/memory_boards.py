"""The reads of the markets and the system page in memory, over the market page's own twin."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from callbacks.reads import MarketStanding, Mover, ProcessStanding, Ranking, StoredDay, StoreStanding
from pipeline.domain.faults import TransientError
from tests.callbacks.memory_reads import MemoryReads

WINDOW_MS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "24h": 86_400_000}
PROCESSES = ("ingest", "cache", "archive", "web", "push")


@dataclass
class MemoryRanking:
    """A twin of the ranking: ``away`` names a store that does not answer, ``pending`` who is not in it yet."""

    market: MemoryReads
    away: str | None = None
    pending: list[str] = field(default_factory=list)
    silent_ms: int = 0

    def ranking(self, window: str) -> Ranking:
        _reach("MongoDB", self.away)
        _reach("Redis", self.away)
        listed = [] if self.market.empty else self.market.symbols()
        movers = [self._mover(market.symbol, window) for market in listed if market.symbol not in self.pending]
        return Ranking(movers=movers, pending=self.pending)

    def _mover(self, symbol: str, window: str) -> Mover:
        now_ms = self.market.now_ms()
        price, before = (self.market.price(symbol, time) for time in (now_ms, now_ms - WINDOW_MS[window]))
        return Mover(
            market=next(market for market in self.market.symbols() if market.symbol == symbol),
            price=price, change_percent=((price - before) / before * 100).quantize(Decimal("0.0001")),
            quote_volume=Decimal(1_240_000_000), base_volume=Decimal(18_234), received_ms=now_ms - self.silent_ms,
        )  # fmt: skip


@dataclass
class MemorySystem:
    """A twin of what stands behind ``/health``: ``down`` are stores, ``silent`` processes that say nothing."""

    market: MemoryReads
    down: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    share: float | None = None

    def stores(self) -> Sequence[StoreStanding]:
        named = {"redis": "Redis", "mongodb": "MongoDB"}
        return [StoreStanding(name=name, up=named[name] not in self.down, latency_ms=0.4) for name in named]

    def processes(self) -> Sequence[ProcessStanding]:
        self._reach("Redis")
        return [ProcessStanding(name=name) if name in self.silent else self._beat(name) for name in PROCESSES]

    def _beat(self, name: str) -> ProcessStanding:
        now_ms = self.market.now_ms()
        return ProcessStanding(
            name=name, pid=4_000 + len(name), beat_ms=now_ms - 1_200,
            counts={"records": 12_345, "dead_letters": 0, "last_event_ms": now_ms, "books": {"BTCUSDT": "synced"}},
        )  # fmt: skip

    def markets(self) -> Sequence[MarketStanding]:
        self._reach("Redis")
        now_ms = self.market.now_ms()
        return [
            MarketStanding(
                symbol=each.symbol, received_ms=now_ms - (60_000 if each.symbol in self.stale else 300), book="synced"
            )
            for each in ([] if self.market.empty else self.market.symbols())
        ]

    def history(self) -> float | None:
        self._reach("Redis", "MongoDB")
        return self.share

    def quality(self, days: int) -> Sequence[StoredDay]:
        self._reach("Redis", "MongoDB")
        return [
            StoredDay(symbol=market.symbol, date=f"2026-11-{23 - ago}", stored=1_440 - ago, expected=1_440)
            for market in ([] if self.market.empty else self.market.symbols())
            for ago in range(days)
        ]

    def _reach(self, *stores: str) -> None:
        for store in stores:
            _reach(store, next((each for each in self.down if each == store), None))


def _reach(store: str, away: str | None) -> None:
    if store == away:
        raise TransientError(f"{store}: connection to 10.0.0.7:6379 refused")

"""The system page's reads over the real stores: what ``/health`` and ``/quality`` tell, as the page takes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.reads.market import StoreReads
from callbacks.reads import MarketStanding, ProcessStanding, StoredDay, StoreStanding


class StoreSystem:
    """``callbacks.reads.SystemReads`` over the real stores."""

    def __init__(self, reads: StoreReads) -> None:
        self._reads = reads

    def stores(self) -> Sequence[StoreStanding]:
        """Redis and MongoDB, asked now."""
        states = self._reads.standing.stores()
        return [StoreStanding(name=state.name, up=state.up, latency_ms=state.latency_ms) for state in states]

    def processes(self) -> Sequence[ProcessStanding]:
        """One a process that is expected or was heard of. Raises TransientError."""
        return [process(row) for row in self._reads.standing.processes()]

    def markets(self) -> Sequence[MarketStanding]:
        """Every market that trades. Raises TransientError."""
        fresh = self._reads.standing.freshness(self._reads.trading())
        return [
            MarketStanding(
                symbol=symbol,
                received_ms=each.received_ms,
                book=each.book_state.value if each.book_state is not None else None,
            )
            for symbol, each in fresh.items()
        ]

    def history(self) -> float | None:
        """How much of the wanted history is stored, None when none is being loaded. Raises TransientError."""
        return self._reads.history()

    def quality(self, days: int) -> Sequence[StoredDay]:
        """Stored and expected minutes by market and day, the newest day first. Raises TransientError."""
        report = self._reads.quality.days(self._reads.trading(), days=days)
        return [
            StoredDay(symbol=day.symbol, date=day.date, stored=day.present, expected=day.expected)
            for day in report.days
        ]


def process(row: Mapping[str, Any]) -> ProcessStanding:
    """A heartbeat, or the row of a silent process."""
    return ProcessStanding(name=row["process"], pid=row.get("pid"), beat_ms=row.get("at"), counts=row.get("detail"))

"""How this server says that it lives, that it is ready, and what stands behind it."""

from collections.abc import Callable
from typing import Any

from app.api.route import Route, View
from app.parameters import NoQuery
from app.problems import ProblemError
from app.reads import StoreReads
from app.reads.standing import STALE_MS, age_ms
from pipeline.domain.faults import TransientError

LATER = ("aggregate", "rankings", "predict", "spark", "airflow", "prometheus")
"""Parts this stage of the project does not run yet; their rows say so."""


def health_routes(reads: StoreReads, *, source: str, now_ms: Callable[[], int]) -> list[Route]:
    """``/livez``, ``/readyz`` and ``/health``."""
    answers = HealthAnswers(reads, source=source, now_ms=now_ms)
    return [
        Route(
            path="/livez", answer=answers.livez, query=NoQuery, schema="Liveness", tag="operations",
            summary="This process answers",
        ),
        Route(
            path="/readyz", answer=answers.readyz, query=NoQuery, schema="Readiness", tag="operations",
            summary="The stores answer and every market's data is younger than 15 seconds", problems=(503,),
        ),
        Route(
            path="/health", answer=answers.health, query=NoQuery, schema="Health", tag="operations",
            summary="Every part with its row; 200 whatever it says",
        ),
    ]  # fmt: skip


class HealthAnswers:
    """What the three health routes answer."""

    def __init__(self, reads: StoreReads, *, source: str, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._source = source
        self._now_ms = now_ms

    def livez(self, _query: NoQuery) -> View:
        """``/livez``."""
        return {"status": "alive", "servedAt": self._now_ms()}

    def readyz(self, _query: NoQuery) -> View:
        """``/readyz``: 503 with every reason, or 200."""
        reasons = self.reasons()
        if reasons:
            extra = {"reasons": reasons}
            raise ProblemError(503, "not-ready", "; ".join(reasons), headers={"Retry-After": "2"}, extra=extra)
        return {"status": "ready", "servedAt": self._now_ms()}

    def reasons(self) -> list[str]:
        """Why the system is not ready; empty if it is."""
        away = [
            f"{store.name} does not answer: {store.error}" for store in self._reads.standing.stores() if not store.up
        ]
        if away:
            return away
        try:
            return self._stale()
        except TransientError as error:
            return [str(error)]

    def _stale(self) -> list[str]:
        symbols = self._reads.trading()
        if not symbols:
            return [self._waiting() or "no market is followed yet: ingest has not said which are trading"]
        rows = self._market_rows(symbols)
        return [_why(row) for row in rows if row["stale"]]

    def _waiting(self) -> str:
        """What ingest says it waits for before it can follow any market; nothing if it says nothing."""
        beats = [row for row in self._reads.standing.processes() if row["process"] == "ingest"]
        return next((str(row.get("detail", {}).get("marketsWait") or "") for row in beats), "")

    def health(self, _query: NoQuery) -> View:
        """``/health``."""
        stores = [store.row() for store in self._reads.standing.stores()]
        processes = self._told(self._reads.standing.processes)
        markets = self._told(lambda: self._market_rows(self._reads.trading()))
        up = all(store["state"] == "up" for store in stores)
        fine = up and bool(markets) and not any(row["stale"] for row in markets)
        return {
            "status": "ok" if fine else "degraded",
            "source": self._source,
            "servedAt": self._now_ms(),
            "stores": stores,
            "processes": processes,
            "later": [{"process": name, "state": "not part of this version"} for name in LATER],
            "markets": markets,
            "history": self._history(),
        }

    def _history(self) -> View:
        try:
            progress = self._reads.history()
        except TransientError as error:
            return {"state": "unknown", "progress": None, "detail": str(error)}
        return {"state": "done" if progress is None else "loading", "progress": progress}

    def _told(self, rows: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The rows, or none while the store that knows them is away, which its own row says."""
        try:
            return rows()
        except TransientError:
            return []

    def _market_rows(self, symbols: tuple[str, ...]) -> list[View]:
        now_ms = self._now_ms()
        rows = []
        for symbol, fresh in self._reads.standing.freshness(symbols).items():
            age = age_ms(fresh, now_ms=now_ms)
            state = fresh.book_state.value if fresh.book_state is not None else None
            row = {"symbol": symbol, "ageMs": age, "eventTime": fresh.event_ms, "receivedTime": fresh.received_ms}
            rows.append(row | {"book": state, "stale": age is None or age >= STALE_MS})
        return rows


def _why(row: View) -> str:
    if row["ageMs"] is None:
        return f"{row['symbol']} has no data yet"
    return f"{row['symbol']} was last heard of {row['ageMs'] / 1_000:.1f} s ago"

"""Who rose and who fell most, from a plain fold of the stored minutes."""

from datetime import UTC, datetime

from app.api.route import Route, View
from app.parameters import RankingQuery
from app.reads import StoreReads
from app.reads.windows import Movement


def ranking_routes(reads: StoreReads) -> list[Route]:
    """Both rankings."""
    answers = RankingAnswers(reads)
    return [
        Route(
            path="/ranking/top-gainers", answer=answers.gainers, query=RankingQuery, schema="Ranking",
            tag="rankings", summary="Markets by percentage change, the best first",
        ),
        Route(
            path="/ranking/top-losers", answer=answers.losers, query=RankingQuery, schema="Ranking",
            tag="rankings", summary="Markets by percentage change, the worst first",
        ),
    ]  # fmt: skip


class RankingAnswers:
    """What each ranking answers."""

    def __init__(self, reads: StoreReads) -> None:
        self._reads = reads

    def gainers(self, query: RankingQuery) -> View:
        """``/ranking/top-gainers``."""
        return self._ranking(query, query.type or "gainers")

    def losers(self, query: RankingQuery) -> View:
        """``/ranking/top-losers``."""
        return self._ranking(query, query.type or "losers")

    def _ranking(self, query: RankingQuery, kind: str) -> View:
        movements = self._reads.windows.movements(self._reads.trading(), query.window)
        sign = -1 if kind == "gainers" else 1
        ranked = sorted(movements.moved.values(), key=lambda moved: (sign * moved.change_percent, moved.symbol))
        newest_ms = max((moved.as_of_ms for moved in ranked), default=None)
        shown = ranked[: query.limit]
        return {
            "type": kind, "window": query.window, "source": "fold", "count": len(shown),
            "rankings": [ranking_view(moved) for moved in shown], "pending": list(movements.pending),
            "updated_at": iso(newest_ms) if newest_ms is not None else None,
        }  # fmt: skip


def ranking_view(moved: Movement) -> View:
    """One market's row; the supply is unknown, so is its market cap."""
    return {
        "symbol": moved.symbol, "price": moved.price, "percent_change": moved.change_percent,
        "volume": moved.quote_volume, "baseVolume": moved.base_volume, "market_cap": None,
        "timestamp": moved.as_of_ms, "source": "fold",
    }  # fmt: skip


def iso(time_ms: int) -> str:
    """UTC epoch milliseconds as ISO 8601 text."""
    text = datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")

"""Over HTTP: how complete and verified each market's days are, what is missing and why, how its book compares."""

from collections.abc import Callable, Sequence

from app.api.markets import require_known
from app.api.route import Route, View
from app.parameters import QualityQuery
from app.problems import FieldError, bad_parameters
from app.reads import StoreReads
from pipeline.domain.gap import Cause, Gap
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.quality import MarketTrust, Match, QualityDay

MOST_ROWS = 6_000
"""Days of markets in one answer: 16 markets over a year, 200 over a month."""
MOST_GAPS = 1_000
"""Gaps in one answer; the days count all of them."""


def quality_routes(reads: StoreReads, now_ms: Callable[[], int]) -> list[Route]:
    """``/quality``."""
    answers = QualityAnswers(reads, now_ms)
    return [
        Route(
            path="/quality", answer=answers.quality, query=QualityQuery, schema="Quality", tag="markets",
            summary="Completeness and verified share by market and UTC day, gaps with their cause, books' match",
        ),
    ]  # fmt: skip


class QualityAnswers:
    """What the route answers."""

    def __init__(self, reads: StoreReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def quality(self, query: QualityQuery) -> View:
        """``/quality``."""
        symbols = query.symbols() or self._reads.known()
        for symbol in query.symbols():
            require_known(self._reads, symbol)
        _refuse_too_many(len(symbols), days=query.asked_days(self._now_ms()), named=query.start is not None)
        quality = self._reads.quality
        report = quality.days(symbols, days=query.days, start_ms=query.start, end_ms=query.end)
        now_ms = self._now_ms()
        markets = quality.markets(symbols, since_ms=report.start_ms)
        return {
            "interval": "1m", "servedAt": now_ms, "start": report.start_ms, "end": report.end_ms,
            "totals": totals_view(report.days),
            "count": len(report.days), "days": [day_view(day) for day in report.days],
            "gaps": [gap_view(gap) for gap in report.gaps[:MOST_GAPS]],
            "markets": [market_view(market, now_ms=now_ms) for market in markets],
        }  # fmt: skip


def _refuse_too_many(symbols: int, *, days: int, named: bool) -> None:
    if symbols * days > MOST_ROWS:
        detail = f"{symbols} markets x {days} days are more than {MOST_ROWS} rows; name fewer of either"
        raise bad_parameters([FieldError("start" if named else "days", detail)])


def day_view(day: QualityDay) -> View:
    """One market's UTC day; shares are fractions of what is expected."""
    return {
        "symbol": day.symbol, "day": day.day_ms, "date": day.date,
        "expected": day.expected, "present": day.present, "stored": day.present, "missing": day.missing,
        "complete": not day.missing, "completeShare": share(day.present, day.expected),
        "verified": day.verified, "verifiedShare": share(day.verified, day.expected),
        "revisions": {"forming": day.forming, "closed": day.closed, "rest": day.rest},
        "missingBy": {"exchange": day.exchange, "ours": day.ours, "unexplained": day.unexplained},
        "healed": day.healed,
    }  # fmt: skip


def totals_view(days: Sequence[QualityDay]) -> View:
    """The same over all rows."""
    expected, present = sum(day.expected for day in days), sum(day.present for day in days)
    verified = sum(day.verified for day in days)
    return {
        "expected": expected, "present": present, "missing": sum(day.missing for day in days),
        "completeShare": share(present, expected), "verified": verified, "verifiedShare": share(verified, expected),
        "revisions": {
            "forming": sum(day.forming for day in days), "closed": sum(day.closed for day in days),
            "rest": sum(day.rest for day in days),
        },
        "missingBy": {
            "exchange": sum(day.exchange for day in days), "ours": sum(day.ours for day in days),
            "unexplained": sum(day.unexplained for day in days),
        },
    }  # fmt: skip


def gap_view(gap: Gap) -> View:
    """A hole in one market's minutes, half-open."""
    return {
        "symbol": gap.symbol, "stream": gap.stream.value, "start": gap.start, "end": gap.end,
        "minutes": (gap.end - gap.start) // MINUTE_MS, "cause": gap.cause.value, "reason": gap.reason,
        "detectedAt": gap.detected_ms, "healedAt": gap.healed_ms,
        "state": "lasting" if gap.cause is Cause.EXCHANGE else "open" if gap.is_open else "healed",
    }  # fmt: skip


def market_view(market: MarketTrust, *, now_ms: int) -> View:
    """One market's book against the exchange's, its trades, and how long nothing has come."""
    heard = market.received_ms
    return {
        "symbol": market.symbol,
        "book": {
            "state": market.state, "resyncs": market.resyncs,
            "ticker": _match_view(market.ticker, compared="checked"),
            "audit": _match_view(market.audit, compared="levels") | {"at": market.audit.at_ms},
        },
        "trades": {
            "openGaps": market.trades.open, "missingIds": market.trades.missing_ids, "healedGaps": market.trades.healed,
            "lastingGaps": market.trades.lasting,
        },
        "lastEventAt": market.event_ms, "ageMs": None if heard is None else max(0, now_ms - heard),
    }  # fmt: skip


def share(part: int, whole: int) -> float | None:
    """A fraction, rounded down so that only all of it is 1; None of nothing."""
    return min(1.0, part * 1_000_000 // whole / 1_000_000) if whole else None


def _match_view(match: Match, *, compared: str) -> View:
    return {compared: match.compared, "matched": match.matched, "share": share(match.matched, match.compared)}

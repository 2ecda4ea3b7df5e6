"""How one market's book and trades compare with the exchange's, and what the processes counted. Pure.

Source: ingest's heartbeat (``bookMatch``, ``books``, counters) and the gap ledger.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.adapters.redis_reader import Freshness
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.quality import Counts, MarketTrust, Match, TradeGaps

Told = Mapping[str, Any]


def market_trust(symbol: str, fresh: Freshness, *, told: Told, gaps: Sequence[Gap]) -> MarketTrust:
    """``told`` is the detail of ingest's heartbeat, ``gaps`` are this market's in trades and book."""
    match = _mapping(_mapping(told.get("bookMatch")).get(symbol))
    repairs = _mapping(told.get("repairs"))
    ticker, audit = _mapping(match.get("ticker")), _mapping(match.get("audit"))
    known = fresh.book_state.value if fresh.book_state is not None else None
    return MarketTrust(
        symbol=symbol,
        state=match.get("state") or _mapping(told.get("books")).get(symbol) or known,
        ticker=Match(compared=_whole(ticker.get("checked")) or 0, matched=_whole(ticker.get("matched")) or 0),
        audit=Match(
            compared=_whole(audit.get("levels")) or 0,
            matched=_whole(audit.get("matched")) or 0,
            at_ms=_whole(audit.get("at")) or None,
        ),
        resyncs=_whole(match.get("resyncs")),
        trades=trade_gaps(gaps, missing_now=_whole(_mapping(repairs.get("missingTrades")).get(symbol)) or 0),
        event_ms=fresh.event_ms,
        received_ms=fresh.received_ms,
    )


def trade_gaps(gaps: Sequence[Gap], *, missing_now: int = 0) -> TradeGaps:
    """What is missing of one market's trades: by the ledger, and ``missing_now`` ids that ingest is just fetching."""
    trades = [gap for gap in gaps if gap.stream is Stream.TRADES]
    still = [gap for gap in trades if gap.is_open]
    return TradeGaps(
        open=max(len(still), min(1, missing_now)),
        missing_ids=max(sum(gap.end - gap.start for gap in still), missing_now),
        healed=sum(gap.healed_ms is not None for gap in trades),
        lasting=sum(gap.cause is Cause.EXCHANGE for gap in trades),
    )


def counts_of(details: Mapping[str, Told]) -> Counts:
    """From the details of the heartbeats by process; a process that is silent counts nothing."""
    ingest = details.get("ingest", {})
    weight, repairs = _mapping(ingest.get("weight")), _mapping(ingest.get("repairs"))
    letters = [_whole(detail.get("dead_letters")) or 0 for detail in details.values()]
    return Counts(
        dead_letters=sum(letters),
        repaired_minutes=_sum(repairs.get("minutes"), ingest.get("repairedMinutes")),
        repaired_trades=_whole(repairs.get("trades")),
        resyncs=_whole(ingest.get("resyncs")),
        weight_used=_whole(weight.get("used")),
        weight_limit=_whole(weight.get("limit")),
    )


def _sum(*values: object) -> int | None:
    """The sum of what was said; None if nothing was."""
    said = [value for value in values if isinstance(value, int)]
    return sum(said) if said else None


def _mapping(value: object) -> Told:
    return value if isinstance(value, Mapping) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None

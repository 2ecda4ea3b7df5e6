"""How a market's book and trades compare, from what ingest says and what the ledger knows."""

from app.reads.trust import counts_of, market_trust
from pipeline.adapters.redis_reader import Freshness
from pipeline.domain.book import BookState
from pipeline.domain.gap import Cause, Gap, Stream

FRESH = Freshness(event_ms=1_000, received_ms=1_040, book_state=BookState.SYNCED)


def a_gap(stream: str, start: int, end: int, healed_ms: int | None = None) -> Gap:
    return Gap(
        symbol="BTCUSDT",
        stream=Stream(stream),
        start=start,
        end=end,
        cause=Cause.OURS,
        reason="",
        detected_ms=1,
        healed_ms=healed_ms,
    )


def test_shares_are_of_what_was_compared() -> None:
    match = {
        "state": "resyncing", "ticker": {"checked": 200, "matched": 199},
        "audit": {"levels": 2_000, "matched": 2_000, "at": 900},
    }  # fmt: skip
    trust = market_trust("BTCUSDT", FRESH, told={"bookMatch": {"BTCUSDT": match}}, gaps=[])
    assert (trust.state, trust.ticker.share, trust.audit.share, trust.audit.at_ms) == ("resyncing", 0.995, 1.0, 900)


def test_before_any_comparison_there_is_no_share_and_the_state_is_that_of_the_shelf() -> None:
    trust = market_trust("BTCUSDT", FRESH, told={}, gaps=[])
    assert (trust.state, trust.ticker.share, trust.audit.share) == ("synced", None, None)


def test_what_is_said_in_another_shape_is_nothing_known() -> None:
    told = {"bookMatch": {"BTCUSDT": {"ticker": 1, "audit": {"levels": "many", "matched": None}}}, "books": []}
    assert market_trust("BTCUSDT", FRESH, told=told, gaps=[]).audit.share is None


def test_open_trade_gaps_are_counted_with_their_ids_and_healed_ones_apart() -> None:
    gaps = [
        a_gap("trades", 10, 15),
        a_gap("trades", 20, 21),
        a_gap("trades", 1, 9, healed_ms=5),
        a_gap("orderbook", 1, 2),
    ]
    trades = market_trust("BTCUSDT", FRESH, told={}, gaps=gaps).trades
    assert (trades.open, trades.missing_ids, trades.healed) == (2, 6, 1)


def test_trades_that_are_just_being_fetched_lack_too() -> None:
    told = {"repairs": {"missingTrades": {"BTCUSDT": 7}}}
    trades = market_trust("BTCUSDT", FRESH, told=told, gaps=[]).trades
    assert (trades.open, trades.missing_ids) == (1, 7)


def test_dead_letters_of_every_process_add_up_and_what_nobody_said_is_unknown() -> None:
    counts = counts_of({"ingest": {"dead_letters": 2, "resyncs": 3, "weight": {"used": 120, "limit": 6_000},
                                    "repairs": {"minutes": 4, "trades": 9}, "repairedMinutes": 1},
                        "archive": {"dead_letters": 1}, "cache": {}})  # fmt: skip
    assert (counts.dead_letters, counts.resyncs, counts.weight_used, counts.weight_limit) == (3, 3, 120, 6_000)
    assert (counts.repaired_minutes, counts.repaired_trades) == (5, 9)
    assert counts_of({}).repaired_minutes is None

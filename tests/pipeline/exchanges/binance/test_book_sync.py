"""The documented order-book procedure, one claim a test."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.domain.records import BookRecord, decode_book
from pipeline.exchanges.binance.book_sync import (
    AUDIT_EVERY_MS,
    FAILED_AFTER,
    FULL_BOOK_EVERY_MS,
    MAX_BUFFERED,
    MOST_TICKERS,
    WRONG_TICKERS,
    BookSync,
)
from pipeline.exchanges.binance.live_book import Side
from pipeline.exchanges.binance.rest import parse_depth
from tests.frames import a_book, a_depth, a_ticker, text_levels
from tests.words import NOON_MS, levels


def a_sync() -> BookSync:
    return BookSync("BTCUSDT", jitter=lambda: 1.0)


def synced(at: int = 100) -> BookSync:
    sync = a_sync()
    sync.diff(a_depth(at - 5, at), now_ms=0)
    sync.snapshot(a_book(at), epoch=sync.epoch, now_ms=0)
    assert sync.state is BookState.SYNCED
    return sync


def words(values: list[bytes]) -> list[BookRecord]:
    return [decode_book(value) for value in values]


def test_a_snapshot_is_asked_for_once_and_only_after_the_stream_speaks() -> None:
    sync = a_sync()
    assert sync.snapshot_wanted(0) is None
    sync.diff(a_depth(1), now_ms=0)
    assert sync.snapshot_wanted(0) == 0
    assert sync.snapshot_wanted(0) is None


def test_buffered_differences_are_joined_to_the_snapshot() -> None:
    sync = a_sync()
    sync.diff(a_depth(90, 95), now_ms=0)
    sync.diff(a_depth(96, 105, bids=[("99.5", "7")]), now_ms=0)
    (full,) = words(sync.snapshot(a_book(100), epoch=0, now_ms=0))
    assert isinstance(full, BookSnapshot)
    assert full.last_update_id == 105
    assert full.bids[0] == levels(("99.5", "7"))[0]


def test_a_snapshot_older_than_the_buffer_is_fetched_again() -> None:
    sync = a_sync()
    sync.diff(a_depth(200, 210), now_ms=0)
    assert sync.snapshot(a_book(100), epoch=0, now_ms=0) == []
    assert sync.state is BookState.RESYNCING
    assert sync.snapshot_wanted(0) is None
    sync.diff(a_depth(211), now_ms=0)
    assert sync.snapshot_wanted(0) == 1


def test_a_snapshot_ahead_of_the_stream_waits_for_it() -> None:
    sync = a_sync()
    sync.diff(a_depth(90, 95), now_ms=0)
    assert sync.snapshot(a_book(100), epoch=0, now_ms=0) == []
    out = words(sync.diff(a_depth(96, 102), now_ms=0))
    assert [type(record) for record in out] == [BookDiff, BookSnapshot]
    assert sync.state is BookState.SYNCED


def test_a_first_difference_exactly_adjacent_to_the_snapshot_is_joined() -> None:
    sync = a_sync()
    sync.diff(a_depth(101, 102), now_ms=0)
    sync.snapshot(a_book(100), epoch=0, now_ms=0)
    assert sync.state is BookState.SYNCED


def test_differences_before_a_hole_in_the_buffer_are_of_no_use() -> None:
    sync = a_sync()
    sync.diff(a_depth(90, 95), now_ms=0)
    sync.diff(a_depth(99, 104), now_ms=0)
    sync.snapshot(a_book(94), epoch=0, now_ms=0)
    assert sync.state is BookState.RESYNCING


def test_the_same_difference_over_two_connections_is_buffered_once() -> None:
    sync = a_sync()
    for _ in range(2):
        sync.diff(a_depth(90, 95), now_ms=0)
        sync.diff(a_depth(96, 101), now_ms=0)
    sync.snapshot(a_book(97), epoch=0, now_ms=0)
    assert sync.state is BookState.SYNCED


def test_a_gap_resyncs_and_is_said_in_the_record() -> None:
    sync = synced()
    (record,) = words(sync.diff(a_depth(105, 106), now_ms=0))
    assert isinstance(record, BookDiff)
    assert record.state is BookState.RESYNCING
    assert sync.resyncs == 1
    assert sync.snapshot_wanted(0) is not None


def test_a_late_answer_of_an_old_epoch_is_ignored() -> None:
    sync = synced()
    old = sync.epoch
    sync.diff(a_depth(105, 106), now_ms=0)
    assert sync.snapshot(a_book(106), epoch=old, now_ms=0) == []
    assert sync.state is BookState.RESYNCING


def test_a_known_difference_is_dropped() -> None:
    sync = synced()
    assert sync.diff(a_depth(95, 100), now_ms=0) == []


def test_a_crossed_book_is_never_published_as_synced() -> None:
    sync = synced()
    (record,) = words(sync.diff(a_depth(101, bids=[("101", "1")]), now_ms=0))
    assert record.state is BookState.RESYNCING
    assert sync.book is None


def test_a_crossed_snapshot_is_fetched_again() -> None:
    sync = a_sync()
    sync.diff(a_depth(96, 105), now_ms=0)
    assert sync.snapshot(a_book(100, bids=[("103", "1")]), epoch=0, now_ms=0) == []
    assert sync.state is BookState.RESYNCING


def test_a_full_book_follows_every_thirty_seconds_of_event_time() -> None:
    sync = synced()
    assert len(sync.diff(a_depth(101, event_ms=NOON_MS + 1_000), now_ms=0)) == 1
    assert len(sync.diff(a_depth(102, event_ms=NOON_MS + 200 + FULL_BOOK_EVERY_MS), now_ms=0)) == 2


def test_after_many_vain_attempts_the_book_is_failed_but_still_tried() -> None:
    sync = a_sync()
    now_ms = 0
    for update in range(1, FAILED_AFTER + 1):
        now_ms += 60_000
        sync.diff(a_depth(update), now_ms=now_ms)
        epoch = sync.snapshot_wanted(now_ms)
        assert epoch is not None
        sync.snapshot_failed(epoch=epoch, now_ms=now_ms)
    assert sync.state is BookState.FAILED
    sync.diff(a_depth(90), now_ms=now_ms)
    assert sync.snapshot_wanted(now_ms) is None
    assert sync.snapshot_wanted(now_ms + 60_000) is not None


def test_the_buffer_is_bounded_and_keeps_the_newest() -> None:
    sync = a_sync()
    last = 3 * MAX_BUFFERED
    for update in range(1, last + 1):
        sync.diff(a_depth(update), now_ms=0)
    assert sync._attempt is not None
    assert len(sync._attempt.buffer) == MAX_BUFFERED
    assert sync.snapshot(a_book(last - MAX_BUFFERED - 1), epoch=sync.epoch, now_ms=0) == []
    sync.diff(a_depth(last + 1), now_ms=0)
    sync.snapshot(a_book(last), epoch=sync.epoch, now_ms=0)
    assert sync.state is BookState.SYNCED


def test_waiting_tickers_are_bounded() -> None:
    sync = synced()
    for update in range(200, 200 + 3 * MOST_TICKERS):
        sync.ticker(a_ticker(update), now_ms=0)
    assert len(sync._tickers) == MOST_TICKERS


def test_the_best_prices_are_compared_at_the_same_update_whichever_comes_first() -> None:
    sync = synced()
    sync.ticker(a_ticker(101), now_ms=0)
    sync.diff(a_depth(101), now_ms=0)
    sync.diff(a_depth(102, 103), now_ms=0)
    sync.ticker(a_ticker(103), now_ms=0)
    sync.ticker(a_ticker(102), now_ms=0)
    assert sync.match.detail()["ticker"] == {"checked": 2, "matched": 2}


def test_numbers_are_compared_not_their_spelling() -> None:
    sync = synced()
    sync.ticker(a_ticker(100, bid=("99.000", "1.0")), now_ms=0)
    assert sync.match.detail()["ticker"] == {"checked": 1, "matched": 1}


def test_a_book_the_exchange_contradicts_several_times_in_a_row_is_built_anew() -> None:
    sync = synced()
    for update in range(101, 101 + WRONG_TICKERS):
        assert sync.state is BookState.SYNCED
        sync.diff(a_depth(update), now_ms=0)
        sync.ticker(a_ticker(update, bid=("98.5", "1")), now_ms=0)
    assert sync.state is BookState.RESYNCING
    assert sync.match.detail()["ticker"] == {"checked": WRONG_TICKERS, "matched": 0}


def audited(sync: BookSync, snapshot_bids: list[tuple[str, str]]) -> None:
    """Bring an audit about: a full book is due when the audit's time has come, then differences and a snapshot."""
    now_ms = AUDIT_EVERY_MS + 1
    sync.diff(a_depth(101, event_ms=NOON_MS + AUDIT_EVERY_MS), now_ms=now_ms)
    sync.diff(a_depth(102, event_ms=NOON_MS + AUDIT_EVERY_MS + 100), now_ms=now_ms)
    epoch = sync.snapshot_wanted(now_ms)
    assert epoch is not None
    sync.snapshot(a_book(102, bids=snapshot_bids), epoch=epoch, now_ms=now_ms)


def test_an_audit_builds_the_book_once_more_beside_the_live_one() -> None:
    sync = synced()
    audited(sync, [("99", "1"), ("98", "2")])
    assert sync.match.detail()["audit"] == {"levels": 4, "matched": 4, "at": AUDIT_EVERY_MS + 1}
    assert sync.state is BookState.SYNCED


def test_an_audit_counts_what_differs_and_swaps_the_true_book_in() -> None:
    sync = synced()
    audited(sync, [("99", "1"), ("97", "5")])
    audit = sync.match.detail()["audit"]
    assert (audit["levels"], audit["matched"]) == (5, 3)
    assert sync.book is not None
    assert sync.book.bids.top(2) == [("99", "1"), ("97", "5")]
    assert sync.resyncs == 0


def test_a_book_as_the_exchange_s_answer_has_it_can_be_audited() -> None:
    answer = orjson.dumps({"lastUpdateId": 100, "bids": [["99", "1"], ["98", "2"]], "asks": [["101", "1"]]})
    snapshot = parse_depth(answer, symbol="BTCUSDT", limit=1_000, received_ms=NOON_MS)
    sync = a_sync()
    sync.diff(a_depth(95, 100), now_ms=0)
    sync.snapshot(snapshot, epoch=sync.epoch, now_ms=0)
    sync.diff(a_depth(101, event_ms=NOON_MS + FULL_BOOK_EVERY_MS + 1_000), now_ms=AUDIT_EVERY_MS)
    sync.diff(a_depth(102), now_ms=AUDIT_EVERY_MS)
    sync.snapshot(snapshot._replace(last_update_id=102), epoch=sync.epoch, now_ms=AUDIT_EVERY_MS)
    assert (sync.match.audit_levels, sync.match.audit_matched) == (3, 3)


def test_an_audit_that_fails_leaves_the_live_book_alone() -> None:
    sync = synced()
    sync.diff(a_depth(101, event_ms=NOON_MS + AUDIT_EVERY_MS), now_ms=AUDIT_EVERY_MS + 1)
    sync.diff(a_depth(102), now_ms=AUDIT_EVERY_MS + 1)
    epoch = sync.snapshot_wanted(AUDIT_EVERY_MS + 1)
    assert epoch is not None
    sync.snapshot_failed(epoch=epoch, now_ms=AUDIT_EVERY_MS + 1)
    assert sync.state is BookState.SYNCED
    assert words(sync.diff(a_depth(103), now_ms=AUDIT_EVERY_MS + 2))[0].state is BookState.SYNCED


def test_levels_beyond_the_snapshot_are_unknown_and_never_published() -> None:
    sync = a_sync()
    sync.diff(a_depth(101, bids=[("90", "4"), ("98.5", "3")]), now_ms=0)
    (full,) = words(sync.snapshot(a_book(100, whole=(False, True)), epoch=0, now_ms=0))
    assert full.bids == levels(("99", "1"), ("98.5", "3"), ("98", "2"))


def test_a_book_that_has_drifted_off_its_snapshot_is_fetched_again() -> None:
    sync = a_sync()
    sync.diff(a_depth(101), now_ms=0)
    sync.snapshot(a_book(100, whole=(False, True)), epoch=0, now_ms=0)
    sync.diff(a_depth(102), now_ms=1)
    assert sync.snapshot_wanted(1) is not None
    assert sync.state is BookState.SYNCED


def test_a_book_that_has_lost_all_it_knew_of_a_side_is_built_anew_at_once() -> None:
    sync = a_sync()
    sync.diff(a_depth(101), now_ms=0)
    sync.snapshot(a_book(100, whole=(False, True)), epoch=0, now_ms=0)
    gone = [("99", "0"), ("98", "0"), ("90", "4")]
    (record,) = words(sync.diff(a_depth(102, bids=gone), now_ms=0))
    assert record.state is BookState.RESYNCING


def test_what_was_forgotten_is_not_known_any_more() -> None:
    side = Side(text_levels(*[(str(price), "1") for price in range(100, 90, -1)]), sign=-1, whole=True)
    side.prune(5)
    assert (side.known, side.knows(96), side.knows(95)) == (5, True, False)
    side.apply(text_levels(("94", "7")))
    assert side.top(10) == [(str(price), "1") for price in range(100, 95, -1)]


Change = tuple[bool, int, int]


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 3)), max_size=4), max_size=40))
def test_any_run_of_differences_folds_to_what_a_plain_dict_folds_to(steps: list[list[Change]]) -> None:
    sync = synced()
    bids, asks = {99: "1", 98: "2"}, {101: "1", 102: "2"}
    for number, step in enumerate(steps, 101):
        rows: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for is_bid, distance, quantity in step:
            price, side = (100 - distance, bids) if is_bid else (100 + distance, asks)
            side[price] = str(quantity)
            rows[not is_bid].append((str(price), str(quantity)))
        sync.diff(a_depth(number, bids=rows[0], asks=rows[1]), now_ms=0)
    assert sync.book is not None
    kept = [(str(price), bids[price]) for price in sorted(bids, reverse=True) if bids[price] != "0"]
    best = sync.book.bids.best()
    assert (None if best is None else str(int(best))) == (kept[0][0] if kept else None)
    assert sync.book.bids.top(1_000) == kept
    assert sync.book.asks.top(1_000) == [(str(p), asks[p]) for p in sorted(asks) if asks[p] != "0"]


def test_what_is_published_is_the_exchange_s_own_object_with_ours_after_it() -> None:
    sync = synced()
    diff = a_depth(101, bids=[("99.10000000", "1.50000000")])
    (value,) = sync.diff(diff, now_ms=0)
    assert value.startswith(diff.body[:-1])
    assert orjson.loads(value)["state"] == "synced"


@pytest.mark.parametrize("jump", [2, 1_000])
def test_ids_are_never_skipped_in_a_book_called_synced(jump: int) -> None:
    sync = synced()
    told = [sync.diff(a_depth(first), now_ms=0)[0] for first in (101, 102, 102 + jump, 103 + jump)]
    synced_ids = [
        record.last_id for record in words(told) if isinstance(record, BookDiff) and record.state is BookState.SYNCED
    ]
    assert all(later == earlier + 1 for earlier, later in pairwise(synced_ids))
    assert synced_ids == [101, 102]

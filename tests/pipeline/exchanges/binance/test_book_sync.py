"""The documented order-book procedure, one claim a test."""

from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.exchanges.binance.book_sync import FAILED_AFTER, FULL_BOOK_EVERY_MS, MAX_BUFFERED, BookSync
from tests.words import NOON_MS, a_diff, a_snapshot, levels


def a_sync() -> BookSync:
    return BookSync("BTCUSDT", jitter=lambda: 1.0)


def synced(at: int = 100) -> BookSync:
    sync = a_sync()
    sync.diff(a_diff(at - 5, at), now_ms=0)
    sync.snapshot(a_snapshot(at), epoch=sync.epoch, now_ms=0)
    assert sync.state is BookState.SYNCED
    return sync


def test_a_snapshot_is_asked_for_once_and_only_after_the_stream_speaks() -> None:
    sync = a_sync()
    assert sync.snapshot_wanted(0) is None
    sync.diff(a_diff(1), now_ms=0)
    assert sync.snapshot_wanted(0) == 0
    assert sync.snapshot_wanted(0) is None


def test_buffered_differences_are_joined_to_the_snapshot() -> None:
    sync = a_sync()
    sync.diff(a_diff(90, 95), now_ms=0)
    sync.diff(a_diff(96, 105, bids=levels(("99.5", "7"))), now_ms=0)
    out = sync.snapshot(a_snapshot(100), epoch=0, now_ms=0)
    (full,) = out
    assert isinstance(full, BookSnapshot)
    assert full.last_update_id == 105
    assert full.bids[0] == levels(("99.5", "7"))[0]


def test_a_snapshot_older_than_the_buffer_is_fetched_again() -> None:
    sync = a_sync()
    sync.diff(a_diff(200, 210), now_ms=0)
    assert sync.snapshot(a_snapshot(100), epoch=0, now_ms=0) == []
    assert sync.state is BookState.RESYNCING
    assert sync.snapshot_wanted(0) == 1


def test_a_snapshot_ahead_of_the_stream_waits_for_it() -> None:
    sync = a_sync()
    sync.diff(a_diff(90, 95), now_ms=0)
    assert sync.snapshot(a_snapshot(100), epoch=0, now_ms=0) == []
    out = sync.diff(a_diff(96, 102), now_ms=0)
    assert [type(record) for record in out] == [BookDiff, BookSnapshot]
    assert sync.state is BookState.SYNCED


def test_a_first_difference_exactly_adjacent_to_the_snapshot_is_joined() -> None:
    sync = a_sync()
    sync.diff(a_diff(101, 102), now_ms=0)
    sync.snapshot(a_snapshot(100), epoch=0, now_ms=0)
    assert sync.state is BookState.SYNCED


def test_a_gap_resyncs_and_is_said_in_the_record() -> None:
    sync = synced()
    (record,) = sync.diff(a_diff(105, 106), now_ms=0)
    assert isinstance(record, BookDiff)
    assert record.state is BookState.RESYNCING
    assert sync.resyncs == 1
    assert sync.snapshot_wanted(0) is not None


def test_a_late_answer_of_an_old_epoch_is_ignored() -> None:
    sync = synced()
    old = sync.epoch
    sync.diff(a_diff(105, 106), now_ms=0)
    assert sync.snapshot(a_snapshot(106), epoch=old, now_ms=0) == []
    assert sync.state is BookState.RESYNCING


def test_a_known_difference_is_dropped() -> None:
    sync = synced()
    assert sync.diff(a_diff(95, 100), now_ms=0) == []


def test_a_crossed_book_is_never_published_as_synced() -> None:
    sync = synced()
    (record,) = sync.diff(a_diff(101, bids=levels(("101", "1"))), now_ms=0)
    assert record.state is BookState.RESYNCING
    assert sync.book is None


def test_a_full_book_follows_every_thirty_seconds_of_event_time() -> None:
    sync = synced()
    assert len(sync.diff(a_diff(101, event_ms=NOON_MS + 1_000), now_ms=0)) == 1
    assert len(sync.diff(a_diff(102, event_ms=NOON_MS + 200 + FULL_BOOK_EVERY_MS), now_ms=0)) == 2


def test_after_many_vain_attempts_the_book_is_failed_but_still_tried() -> None:
    sync = a_sync()
    sync.diff(a_diff(1), now_ms=0)
    now_ms = 0
    for _ in range(FAILED_AFTER):
        now_ms += 60_000
        epoch = sync.snapshot_wanted(now_ms)
        assert epoch is not None
        sync.snapshot_failed(epoch=epoch, now_ms=now_ms)
    assert sync.state is BookState.FAILED
    assert sync.snapshot_wanted(now_ms) is None
    assert sync.snapshot_wanted(now_ms + 60_000) is not None


def test_the_buffer_is_bounded() -> None:
    sync = a_sync()
    for update in range(1, MAX_BUFFERED + 10):
        sync.diff(a_diff(update), now_ms=0)
    assert len(sync._buffer) <= MAX_BUFFERED

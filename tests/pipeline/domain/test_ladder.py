"""The book of texts folds like the book of words, and shows the exchange's digits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.book import BookDiff, BookSnapshot, BookState, Level, OrderBook
from pipeline.domain.book_texts import TextDiff, TextSnapshot, decode_book_texts
from pipeline.domain.faults import BadMessageError, GapError
from pipeline.domain.jsontext import dumps, loads, loads_exact
from pipeline.domain.ladder import LADDER_LEVELS, SLACK, LadderBook
from pipeline.domain.records import encode_book
from pipeline.domain.texts import ShownBook, book_text, depth_fields
from pipeline.domain.views import book_from_view, book_view, depth_view
from tests.words import a_diff, a_snapshot, levels

prices = st.integers(1, 40).map(lambda n: Decimal(n) / 4)
quantities = st.sampled_from(("0", "0.00000000", "1", "1.50000000", "0.00000001")).map(Decimal)
changes = st.lists(st.tuples(prices, quantities), max_size=6).map(tuple)


def as_texts(record: BookDiff | BookSnapshot) -> TextDiff | TextSnapshot:
    return decode_book_texts(encode_book(record))


def a_ladder(snapshot: BookSnapshot) -> LadderBook:
    record = as_texts(snapshot)
    assert isinstance(record, TextSnapshot)
    return LadderBook(record)


def apply(book: LadderBook, diff: BookDiff) -> bool:
    record = as_texts(diff)
    assert isinstance(record, TextDiff)
    return book.apply(record)


@given(st.lists(st.tuples(changes, changes), max_size=20), st.integers(1, 30))
def test_a_book_of_texts_is_the_book_of_words(diffs: list[tuple[tuple[Level, ...], ...]], limit: int) -> None:
    words, texts = OrderBook(a_snapshot(100)), a_ladder(a_snapshot(100))
    for update_id, (bids, asks) in enumerate(diffs, start=101):
        diff = a_diff(update_id, bids=bids, asks=asks)
        assert words.apply(diff) == apply(texts, diff)
    shown = ShownBook.of("BTCUSDT", texts, limit)
    seen = book_from_view(loads_exact(book_text(shown, BookState.SYNCED)))
    assert seen == words.snapshot(limit)
    assert book_text(shown, BookState.SYNCED) == dumps(book_view(words.snapshot(limit)))
    assert texts.crossed == words.crossed


@given(changes, changes)
def test_the_depth_pushed_is_the_depth_shown(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
    words, texts = OrderBook(a_snapshot(100)), a_ladder(a_snapshot(100))
    words.apply(a_diff(101, bids=bids, asks=asks))
    apply(texts, a_diff(101, bids=bids, asks=asks))
    fields = depth_fields(ShownBook.of("BTCUSDT", texts, 20), BookState.SYNCED, 5)
    view = depth_view(book_view(words.snapshot(20)), limit=5)
    assert loads_exact('{"symbol":"BTCUSDT",' + fields + "}") == view


def test_the_digits_are_the_exchanges_and_a_price_is_one_level_however_it_is_written() -> None:
    book = a_ladder(a_snapshot(100, bids=levels(("1.50000000", "1.10"))))
    apply(book, a_diff(101, bids=levels(("1.5", "2.20000000"))))
    assert book.bids.rows(5) == ["[1.5,2.20000000]"]


def test_missing_updates_are_a_gap_and_known_ones_change_nothing() -> None:
    book = a_ladder(a_snapshot(100))
    assert not apply(book, a_diff(90, 100))
    with pytest.raises(GapError, match="expected update 101"):
        apply(book, a_diff(102))


def test_a_side_is_bounded_and_keeps_its_best() -> None:
    book = a_ladder(a_snapshot(100, bids=(), asks=()))
    many = LADDER_LEVELS + SLACK + 1
    apply(book, a_diff(101, bids=levels(*((str(p), "1") for p in range(1, many + 1))), asks=levels(("9999", "1"))))
    assert len(book.bids) == LADDER_LEVELS
    assert book.bids.best == many
    assert not book.crossed


@pytest.mark.parametrize("number", ["x", "", ".", "NaN", "-1", "1,2", "1.2.3", "Infinity", '1]"'])
def test_a_level_that_is_no_number_is_a_bad_message(number: str) -> None:
    for row in ([number, "1"], ["1", number]):
        record = loads(encode_book(a_diff(101))) | {"b": [["1", "1"], row]}
        with pytest.raises(BadMessageError):
            decode_book_texts(dumps(record))


@pytest.mark.parametrize(("written", "shown"), [("007", "7"), ("1E+2", "100"), (".5", "0.5"), ("1e-8", "0.00000001")])
def test_a_number_json_has_no_form_for_is_shown_plain(written: str, shown: str) -> None:
    record = decode_book_texts(dumps(loads(encode_book(a_diff(101))) | {"b": [[written, "1"]]}))
    assert isinstance(record, TextDiff)
    assert record.bids == [(shown, "1")]


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"\xff", b'{"e":"depthUpdate","U":1}', b'{"e":"trade"}'])
def test_a_record_that_is_none_is_a_bad_message(value: bytes) -> None:
    with pytest.raises(BadMessageError):
        decode_book_texts(value)

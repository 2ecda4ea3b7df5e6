"""Each fault of frames and answers does what its name says, as often as ordered, to what it matches."""

from typing import Any

import orjson
import pytest

from pipeline.domain.faults import BadMessageError
from pipeline.exchanges.binance.messages import decode
from pipeline.simulator.market import Frame
from pipeline.simulator.mischief import Kind, Mischief, Order, order_of
from pipeline.simulator.mischief.malformed import ANY, FORMS, OVERSIZED_BYTES, forms_of, spoilt
from tests.pipeline.simulator.worlds import NOON_MS, Clock, run, seeded


def frames(stream: str, *numbers: int) -> list[Frame]:
    return [Frame(number, stream, b'{"n":%d}' % number) for number in numbers]


def mischief_with(order: Order, clock: Clock | None = None) -> Mischief:
    mischief = Mischief(clock or Clock(0))
    mischief.order(order)
    return mischief


def under(order: Order, given: list[Frame], *, clock: Clock | None = None) -> list[Frame]:
    return mischief_with(order, clock).frames.passed(given)


def left(order: Order, given: list[Frame]) -> list[int]:
    return [frame.time_ms for frame in under(order, given)]


def test_without_an_order_nothing_changes() -> None:
    given = frames("a@trade", 1, 2)
    assert Mischief(Clock(0)).frames.passed(given) == given


def test_depth_is_skipped_as_often_as_ordered() -> None:
    given = frames("a@depth@100ms", 1, 2, 3) + frames("b@depth@100ms", 4)
    assert left(Order(kind=Kind.SKIP_DEPTH, match="a@", count=2), given) == [3, 4]


def test_trades_are_skipped_and_depth_is_not() -> None:
    given = frames("a@trade", 1, 2, 3) + frames("a@depth", 4) + frames("a@aggTrade", 5)
    assert left(Order(kind=Kind.SKIP_TRADES, count=2), given) == [3, 4, 5]


def test_a_silent_stream_speaks_again() -> None:
    clock = Clock(0)
    mischief = mischief_with(Order(kind=Kind.SILENCE, match="A@", seconds=5), clock)
    given = frames("a@trade", 1) + frames("b@trade", 2)
    clock.now_ms = 4_999
    assert [frame.time_ms for frame in mischief.frames.passed(given)] == [2]
    clock.now_ms = 5_000
    assert [frame.time_ms for frame in mischief.frames.passed(given)] == [1, 2]


def test_duplicates_and_exchanged_neighbours() -> None:
    given = frames("a@trade", 1, 2, 3)
    assert left(Order(kind=Kind.DUPLICATE), given) == [1, 1, 2, 3]
    assert left(Order(kind=Kind.REORDER), given) == [2, 1, 3]


def test_a_closed_kline_is_left_out_and_a_forming_one_is_not() -> None:
    closed = Frame(1, "a@kline_1m", b'{"k":{"x":true}}')
    forming = Frame(2, "a@kline_1m", b'{"k":{"x":false}}')
    assert under(Order(kind=Kind.OMIT_CLOSED), [closed, forming, closed]) == [forming, closed]


def real_frames() -> dict[str, bytes]:
    """One frame of each stream the road follows, as the seeded market sends it."""
    clock = Clock(NOON_MS + 20_000)
    streams = ["btcusdt@trade", "btcusdt@aggTrade", "btcusdt@depth@100ms", "btcusdt@kline_1m", "btcusdt@bookTicker"]
    sent = run(seeded(clock), clock, streams=streams, ms=4_000)
    return {frame.stream.partition("@")[2]: frame.data for frame in sent}


REAL = real_frames()
BY_WORDS = ("trade", "depth@100ms", "kline_1m")
OWN_JUDGE = ("oversized", "future", "past")
"""What a client knows by size or by its clock, not by the fields."""


@pytest.mark.parametrize("kind", BY_WORDS)
@pytest.mark.parametrize("form", [form for form in FORMS if form not in OWN_JUDGE])
def test_a_spoilt_frame_is_no_event(kind: str, form: str) -> None:
    data = spoilt(REAL[kind], form)
    if data is None:
        assert (form, kind.startswith("kline")) != ("low_above_high", True)
        return
    assert data != REAL[kind]
    with pytest.raises(BadMessageError):
        decode(data, received_ms=NOON_MS)


@pytest.mark.parametrize("kind", [*BY_WORDS, "aggTrade", "bookTicker"])
def test_every_kind_of_frame_can_be_spoilt_in_many_ways(kind: str) -> None:
    assert len(forms_of(REAL[kind])) >= 10


def test_an_oversized_frame_and_travels_in_time() -> None:
    assert len(spoilt(REAL["trade"], "oversized") or b"") > OVERSIZED_BYTES > 1_000_000
    ahead, behind = (orjson.loads(spoilt(REAL["trade"], form) or b"")["E"] for form in ("future", "past"))
    assert ahead - NOON_MS > 9 * 365 * 86_400_000
    assert NOON_MS - behind > 9 * 365 * 86_400_000


def test_a_spoilt_frame_stands_in_for_the_sound_one_and_says_its_form() -> None:
    given = [Frame(1, "btcusdt@trade", REAL["trade"]), Frame(2, "btcusdt@trade", REAL["trade"])]
    first, second = under(Order(kind=Kind.MALFORMED, form="nan_price"), given)
    assert (first.form, second.form) == ("nan_price", "")
    assert b'"NaN"' in first.data
    assert second.data == REAL["trade"]


def test_a_form_a_frame_cannot_have_waits_for_one_that_can() -> None:
    given = [Frame(1, "btcusdt@trade", REAL["trade"]), Frame(2, "btcusdt@kline_1m", REAL["kline_1m"])]
    assert [frame.form for frame in under(Order(kind=Kind.MALFORMED, form="low_above_high"), given)] == [
        "",
        "low_above_high",
    ]


def test_any_form_takes_each_in_turn() -> None:
    given = [Frame(number, "btcusdt@kline_1m", REAL["kline_1m"]) for number in range(len(FORMS))]
    forms = {frame.form for frame in under(Order(kind=Kind.MALFORMED, form=ANY, count=len(FORMS)), given)}
    assert forms == set(forms_of(REAL["kline_1m"]))


def kline(open_ms: int, *, stream: str = "a@kline_1m") -> Frame:
    return Frame(open_ms + 60_020, stream, b'{"e":"kline","E":1,"k":{"t":%d,"x":true}}' % open_ms)


def test_klines_are_silent_for_whole_minutes() -> None:
    order = Order(kind=Kind.SILENT_MINUTES, count=2, match="a@", seconds=500)
    order.start_ms, order.end_ms = 60_000, 180_000
    given = [kline(0), kline(60_000), kline(120_000), kline(180_000), kline(60_000, stream="b@kline_1m")]
    assert under(order, given) == [given[0], given[3], given[4]]


def test_skew_moves_event_times_and_nothing_else() -> None:
    (frame,) = under(Order(kind=Kind.SKEW, offset_s=-3), [Frame(1, "btcusdt@kline_1m", REAL["kline_1m"])])
    told, true = orjson.loads(frame.data), orjson.loads(REAL["kline_1m"])
    assert told["E"] == true["E"] - 3_000
    assert told["k"] == true["k"]
    body = mischief_with(Order(kind=Kind.SKEW, offset_s=2)).answers.body("/api/v3/time", b'{"serverTime":5000}')
    assert orjson.loads(body) == {"serverTime": 7_000}


def test_requests_fail_as_often_as_ordered() -> None:
    mischief = mischief_with(Order(kind=Kind.REST, match="klines", status=429, count=1, retry_after_s=7))
    assert mischief.answers.refusal("/api/v3/time") is None
    refusal = mischief.answers.refusal("/api/v3/klines?symbol=A")
    assert refusal is not None
    assert (refusal.status, refusal.retry_after_s, orjson.loads(refusal.body)["code"]) == (429, 7, -1003)
    assert mischief.answers.refusal("/api/v3/klines?symbol=A") is None
    assert mischief.done == {"rest": 1}


@pytest.mark.parametrize(
    ("path", "body", "kept"),
    [
        ("klines", b'[[1,"a"],[2,"b"],[3,"c"]]', [[1, "a"], [3, "c"]]),
        ("aggTrades", b'[{"a":1,"T":1},{"a":2,"T":2}]', [{"a": 1, "T": 1}]),
        ("trades", b'[{"id":1,"time":2},{"id":2,"time":3}]', [{"id": 2, "time": 3}]),
    ],
)
def test_rows_of_a_time_are_missing_from_an_answer(path: str, body: bytes, kept: list[Any]) -> None:
    order = Order(kind=Kind.MISSING_ROWS, match=path, start_ms=2, end_ms=3)
    assert orjson.loads(mischief_with(order).answers.body(f"/api/v3/{path}?symbol=A", body)) == kept


def test_rows_are_missing_by_open_time() -> None:
    mischief = mischief_with(Order(kind=Kind.MISSING_ROWS, open_times=[2]))
    assert orjson.loads(mischief.answers.body("/api/v3/klines?symbol=A", b'[[1,"a"],[2,"b"]]')) == [[1, "a"]]


BOOK = b'{"lastUpdateId":7,"bids":[["1","2"]],"asks":[["3","4"]]}'


@pytest.mark.parametrize(
    ("kind", "sides"),
    [(Kind.EMPTY_BOOK, ([], [])), (Kind.CROSSED_BOOK, ([["3", "4"]], [["1", "2"]]))],
)
def test_a_book_is_empty_or_crossed_once(kind: Kind, sides: tuple[Any, Any]) -> None:
    mischief = mischief_with(Order(kind=kind, match="BTCUSDT"))
    path = "/api/v3/depth?symbol=BTCUSDT&limit=5"
    book = orjson.loads(mischief.answers.body(path, BOOK))
    assert (book["lastUpdateId"], book["bids"], book["asks"]) == (7, *sides)
    assert mischief.answers.body(path, BOOK) == BOOK


def test_an_answer_is_half_or_a_page() -> None:
    assert mischief_with(Order(kind=Kind.HALF_ANSWER)).answers.body("/x", b"abcd") == b"ab"
    assert mischief_with(Order(kind=Kind.HTML_ANSWER)).answers.body("/x", b"abcd").startswith(b"<html>")


def test_clearing_ends_every_fault() -> None:
    mischief = mischief_with(Order(kind=Kind.SKIP_DEPTH, count=5))
    mischief.clear()
    assert len(mischief.frames.passed(frames("a@depth", 1))) == 1


def test_the_log_says_when_a_fault_was_ordered_began_and_ended() -> None:
    clock = Clock(1_000)
    mischief = Mischief(clock)
    mischief.order(Order(kind=Kind.SKIP_TRADES, match="A@", count=2))
    mischief.order(Order(kind=Kind.SILENCE, match="b@", seconds=3))
    for at_ms, number in ((2_000, 1), (3_000, 2)):
        clock.now_ms = at_ms
        mischief.frames.passed(frames("a@trade", number))
    clock.now_ms = 9_000
    assert mischief.log() == [
        {"number": 1, "kind": "skip_trades", "match": "a@", "count": 2, "ordered_ms": 1_000, "begun_ms": 2_000,
         "ended_ms": 3_000, "struck": 2},
        {"number": 2, "kind": "silence", "match": "b@", "seconds": 3, "ordered_ms": 1_000, "begun_ms": 1_000,
         "ended_ms": 4_000, "struck": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"kind": "nonsense"}, "kinds are drop"),
        ({}, "kinds are drop"),
        ([], "no object"),
        ({"kind": "drop", "status": 503}, "does not read 'status'"),
        ({"kind": "rest", "status": "503"}, "expected int"),
        ({"kind": "duplicate", "count": 0}, "at least 1"),
        ({"kind": "duplicate", "count": True}, "expected int"),
        ({"kind": "malformed", "form": "square"}, "expected any or one of half"),
        ({"kind": "lifecycle", "becomes": "GONE"}, "expected one of TRADING"),
        ({"kind": "drop", "connections": ["first"]}, "whole numbers"),
    ],
)
def test_an_order_that_is_off_says_why(wish: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        order_of(wish)

"""Each fault does what its name says, as often as ordered, to what it matches, and to nothing else."""

import orjson

from pipeline.simulator.market import Frame
from pipeline.simulator.mischief import Kind, Mischief, Order


def frames(stream: str, *numbers: int) -> list[Frame]:
    return [Frame(number, stream, b'{"n":%d}' % number) for number in numbers]


def under(order: Order, given: list[Frame], *, now_ms: int = 0) -> list[Frame]:
    mischief = Mischief()
    mischief.order(order, now_ms=0)
    return mischief.frames(given, now_ms=now_ms)


def test_without_an_order_nothing_changes() -> None:
    given = frames("a@trade", 1, 2)
    assert Mischief().frames(given, now_ms=0) == given


def test_depth_is_skipped_as_often_as_ordered() -> None:
    given = frames("a@depth@100ms", 1, 2, 3) + frames("b@depth@100ms", 4)
    left = under(Order(kind=Kind.SKIP_DEPTH, match="a@", count=2), given)
    assert [frame.time_ms for frame in left] == [3, 4]


def test_a_silent_stream_speaks_again() -> None:
    order = Order(kind=Kind.SILENCE, match="A@", seconds=5)
    given = frames("a@trade", 1) + frames("b@trade", 2)
    assert [frame.time_ms for frame in under(order, given, now_ms=4_999)] == [2]
    assert [frame.time_ms for frame in under(order, given, now_ms=5_000)] == [1, 2]


def test_duplicates_and_exchanged_neighbours() -> None:
    given = frames("a@trade", 1, 2, 3)
    assert [frame.time_ms for frame in under(Order(kind=Kind.DUPLICATE), given)] == [1, 1, 2, 3]
    assert [frame.time_ms for frame in under(Order(kind=Kind.REORDER), given)] == [2, 1, 3]


def test_a_malformed_frame_is_no_json() -> None:
    (frame,) = under(Order(kind=Kind.MALFORMED), frames("a@trade", 1234))
    assert frame.data == b'{"n":'[: len(frame.data)]


def test_a_closed_kline_is_left_out_and_a_forming_one_is_not() -> None:
    closed = Frame(1, "a@kline_1m", b'{"k":{"x":true}}')
    forming = Frame(2, "a@kline_1m", b'{"k":{"x":false}}')
    assert under(Order(kind=Kind.OMIT_CLOSED), [closed, forming, closed]) == [forming, closed]


def test_requests_fail_as_often_as_ordered() -> None:
    mischief = Mischief()
    mischief.order(Order(kind=Kind.REST, match="klines", status=429, count=1, retry_after_s=7), now_ms=0)
    assert mischief.refuse("/api/v3/time", now_ms=0) is None
    status, body, retry_after_s = mischief.refuse("/api/v3/klines?symbol=A", now_ms=0) or (0, b"{}", 0)
    assert (status, retry_after_s, orjson.loads(body)["code"]) == (429, 7, -1003)
    assert mischief.refuse("/api/v3/klines?symbol=A", now_ms=0) is None
    assert mischief.done == {"rest": 1}


def test_rows_are_missing_from_an_answer() -> None:
    mischief = Mischief()
    mischief.order(Order(kind=Kind.MISSING_ROWS, open_times=[2]), now_ms=0)
    assert orjson.loads(mischief.body("/api/v3/klines?symbol=A", b'[[1,"a"],[2,"b"],[3,"c"]]')) == [[1, "a"], [3, "c"]]


def test_clearing_ends_every_fault() -> None:
    mischief = Mischief()
    mischief.order(Order(kind=Kind.SKIP_DEPTH, count=5), now_ms=0)
    mischief.clear()
    assert len(mischief.frames(frames("a@depth", 1), now_ms=0)) == 1

"""Binance's REST answers as words."""

import orjson
import pytest

from pipeline.domain.candle import Revision
from pipeline.domain.faults import BadMessageError
from pipeline.domain.interval import Interval
from pipeline.exchanges.binance.aggregates import parse_aggregates
from pipeline.exchanges.binance.rest import CLOSE_MARGIN_MS, parse_depth, parse_exchange_info, parse_klines
from tests.pipeline.stages.exchange_twin import MINUTE_MS, a_row, an_aggregate
from tests.words import NOON_MS


def rows_at(server_ms: int) -> list[int]:
    body = orjson.dumps([a_row(0), a_row(1)])
    found = parse_klines(body, symbol="BTCUSDT", interval=Interval.M1, server_ms=server_ms, received_ms=server_ms)
    assert all(candle.closed and candle.revision is Revision.REST for candle in found)
    return [candle.open_ms for candle in found]


def test_the_row_still_open_is_not_taken_as_final() -> None:
    end_of_second = NOON_MS + 2 * MINUTE_MS - 1
    assert rows_at(end_of_second) == [NOON_MS]
    assert rows_at(end_of_second + CLOSE_MARGIN_MS) == [NOON_MS]
    assert rows_at(end_of_second + CLOSE_MARGIN_MS + 1) == [NOON_MS, NOON_MS + MINUTE_MS]


def test_a_side_shorter_than_asked_for_is_all_there_is() -> None:
    body = orjson.dumps({"lastUpdateId": 7, "bids": [["2", "1"], ["1", "1"]], "asks": [["3", "1"]]})
    book = parse_depth(body, symbol="BTCUSDT", limit=2, received_ms=1)
    assert (book.last_update_id, book.whole) == (7, (False, True))


@pytest.mark.parametrize(
    "answer",
    [
        b"[]", b"<html>", b'{"lastUpdateId":7,"bids":[["1"]],"asks":[]}', b'{"lastUpdateId":"7","bids":[],"asks":[]}',
        b'{"lastUpdateId":7,"bids":[["-1","1"]],"asks":[]}', b'{"bids":[],"asks":[]}',
    ],
)  # fmt: skip
def test_what_is_no_book_is_a_bad_message(answer: bytes) -> None:
    with pytest.raises(BadMessageError):
        parse_depth(answer, symbol="BTCUSDT", limit=2, received_ms=1)


def test_an_aggregate_covers_its_run_of_trades() -> None:
    ((number, frame),) = parse_aggregates(orjson.dumps([an_aggregate(9, 100, 103)]), symbol="BTCUSDT")
    assert (number, frame.first_id, frame.last_id, frame.time_ms) == (9, 100, 103, NOON_MS + 100)
    assert orjson.loads(frame.body)["e"] == "aggTrade"


@pytest.mark.parametrize("wrong", [{"f": 5, "l": 4}, {"p": "NaN"}, {"q": "0"}, {"T": 5}, {"a": None}])
def test_what_is_no_aggregate_is_a_bad_message(wrong: dict[str, object]) -> None:
    with pytest.raises(BadMessageError):
        parse_aggregates(orjson.dumps([an_aggregate(9, 1, 2) | wrong]), symbol="BTCUSDT")


@pytest.mark.parametrize("answer", [b"{}", b'""', b"<html>", b"[[1", b'{"code":-1}', b"null", b'{"symbols":{}}'])
def test_what_is_no_list_of_rows_is_never_an_answer_without_rows(answer: bytes) -> None:
    with pytest.raises(BadMessageError):
        parse_klines(answer, symbol="BTCUSDT", interval=Interval.M1, server_ms=NOON_MS, received_ms=1)
    with pytest.raises(BadMessageError):
        parse_exchange_info(answer)

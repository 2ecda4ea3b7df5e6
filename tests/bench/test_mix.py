"""The bench's market keeps the exchange's rules, so that what is measured is the road and not its complaints."""

import random
from decimal import Decimal

import pytest

from bench.bars import MINUTE_MS, MinuteBar, number, units
from bench.generator import depth_frame, framed, trade_frame
from bench.mix import Book, Depth, Session, Traded, session
from pipeline.domain.events import Event
from pipeline.domain.frames import DepthFrame, TradeFrame
from pipeline.exchanges.binance import messages
from tests.words import NOON_MS


@pytest.fixture(params=["made", "recorded"])
def market(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Session:
    if request.param == "made":
        monkeypatch.delenv("MARKET_DATA_DIR", raising=False)
    found = session()
    if not found.name.startswith(request.param):
        pytest.skip("MARKET_DATA_DIR names no recordings")
    return found


def decoded(frame: bytes) -> Event:
    return messages.decode(frame[frame.index(b"{") :], received_ms=NOON_MS)


def test_update_ids_follow_each_other_and_the_book_never_crosses(market: Session) -> None:
    book = Book.of(market)
    for count, depth in enumerate(frame for frame in market.frames if isinstance(frame, Depth)):
        assert depth.first_id <= book.last_update_id + 1 <= depth.last_id
        book.apply(depth)
        if count % 500 == 0:
            (bid, _), (ask, _) = book.best()
            assert Decimal(bid) < Decimal(ask)


def test_a_quarter_of_the_frames_are_differences_of_some_dozens_of_levels(market: Session) -> None:
    depths = [frame for frame in market.frames if isinstance(frame, Depth)]
    assert 0.23 < len(depths) / len(market.frames) < 0.26
    assert 30 < sum(len(depth.bids) + len(depth.asks) for depth in depths) / len(depths) < 60


def test_the_client_reads_every_frame(market: Session) -> None:
    for frame in random.Random(1).sample(list(market.frames), 200):
        if isinstance(frame, Depth):
            assert isinstance(decoded(depth_frame("S001USDT", frame, NOON_MS)), DepthFrame)
        else:
            assert isinstance(decoded(trade_frame("S001USDT", frame, 7, NOON_MS)), TradeFrame)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_says_its_length(size: int) -> None:
    assert framed(b"x" * size).endswith(b"x" * size)
    assert len(framed(b"x" * size)) - size == (2 if size < 126 else 4 if size < 65_536 else 10)


def test_a_minute_that_is_over_is_told_closed_and_kept() -> None:
    bar = MinuteBar()
    assert bar.trade(Traded("10.50000000", "2.00000000", is_buyer_maker=False), 1, NOON_MS) is None
    bar.trade(Traded("9.00000000", "1.00000000", is_buyer_maker=True), 2, NOON_MS + 1)
    closed = bar.trade(Traded("8.00000000", "1.00000000", is_buyer_maker=True), 3, NOON_MS + MINUTE_MS)
    assert closed is not None
    assert (closed["x"], closed["h"], closed["l"], closed["c"]) == (True, "10.50000000", "9.00000000", "9.00000000")
    assert (closed["v"], closed["q"], closed["V"], closed["n"]) == ("3.00000000", "30.00000000", "2.00000000", 2)
    assert [row[0] for row in bar.rows(NOON_MS, NOON_MS)] == [NOON_MS]


def test_units_are_the_eighth_decimal() -> None:
    assert units("61837.63") == 6_183_763_000_000
    assert number(units("0.00000001")) == "0.00000001"

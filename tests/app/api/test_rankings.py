"""Rankings: a plain fold over the stored minutes and the one in progress."""

from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from app.reads.market import StoreReads
from pipeline.domain.candle import Candle
from pipeline.domain.interval import MINUTE_MS
from pipeline.settings import Settings
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves
from tests.words import NOON_MS, a_candle, forming

HALF_PAST_MS = NOON_MS + 60 * MINUTE_MS + 30_000


def minutes(symbol: str, count: int = 60, *, close: str = "100.00") -> list[Candle]:
    """Minutes 0 … count-1 after noon, each closing at 100 and minute 0 at ``close``."""
    return [a_candle(m, symbol=symbol, close=close if m == 0 else "100.00") for m in range(count)]


def now(symbol: str, price: str, minute: int = 60) -> Candle:
    return forming(minute, symbol=symbol, close=price, event_ms=NOON_MS + minute * MINUTE_MS + 30_000)


@pytest.fixture
def moved(shelves: Shelves) -> Shelves:
    shelves.follow("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    for symbol, price in (("BTCUSDT", "110.00"), ("ETHUSDT", "90.00"), ("SOLUSDT", "110.00")):
        shelves.archive(*minutes(symbol))
        shelves.latest(now(symbol, price))
    shelves.latest(now("XRPUSDT", "5.00"))
    return shelves


def test_gainers_fall_and_ties_are_by_symbol(client: FlaskClient, moved: Shelves) -> None:
    answer = get(client, "/ranking/top-gainers?window=5m")
    assert [row["symbol"] for row in answer["rankings"]] == ["BTCUSDT", "SOLUSDT", "ETHUSDT"]
    assert (answer["type"], answer["count"], answer["source"]) == ("gainers", 3, "fold")


def test_losers_rise_and_ties_are_by_symbol(client: FlaskClient, moved: Shelves) -> None:
    answer = get(client, "/ranking/top-losers?window=5m")
    assert [row["symbol"] for row in answer["rankings"]] == ["ETHUSDT", "BTCUSDT", "SOLUSDT"]
    assert answer["type"] == "losers"


def test_type_turns_a_ranking_round(client: FlaskClient, moved: Shelves) -> None:
    turned = get(client, "/ranking/top-gainers?window=5m&type=losers")
    assert turned["rankings"] == get(client, "/ranking/top-losers?window=5m")["rankings"]


def test_a_row_counts_from_the_last_minute_closed_before_the_window(client: FlaskClient, moved: Shelves) -> None:
    moved.archive(a_candle(54, symbol="BTCUSDT", close="88.00", revision=2))
    row = next(r for r in get(client, "/ranking/top-gainers?window=5m")["rankings"] if r["symbol"] == "BTCUSDT")
    assert row == {
        "symbol": "BTCUSDT",
        "price": Decimal("110.00"),
        "percent_change": Decimal("25.0000"),
        "volume": Decimal("1200.00000000"),
        "baseVolume": Decimal("12.00000000"),
        "market_cap": None,
        "timestamp": HALF_PAST_MS,
        "source": "fold",
    }


def test_a_market_without_its_reference_minute_is_pending(client: FlaskClient, moved: Shelves) -> None:
    assert get(client, "/ranking/top-gainers?window=5m")["pending"] == ["XRPUSDT"]
    day = get(client, "/ranking/top-gainers")
    assert (day["window"], day["count"], day["pending"]) == ("24h", 0, ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"])
    assert day["updated_at"] is None


def test_an_older_minute_stands_in_where_the_exchange_had_a_hole(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*[minute for minute in minutes("BTCUSDT", close="50.00") if minute.open_ms in (NOON_MS,)])
    shelves.archive(*minutes("BTCUSDT")[56:])
    shelves.latest(now("BTCUSDT", "100.00"))
    rows = get(client, "/ranking/top-gainers?window=5m")["rankings"]
    assert [row["percent_change"] for row in rows] == [Decimal("100.0000")]


def test_a_closed_minute_the_archive_lacks_yet_is_counted(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*minutes("BTCUSDT", 59))
    shelves.remember(a_candle(59))
    shelves.latest(now("BTCUSDT", "100.00"))
    assert get(client, "/ranking/top-gainers?window=5m")["rankings"][0]["baseVolume"] == Decimal("12.00000000")


def test_a_ranking_is_no_longer_than_asked_and_says_when(client: FlaskClient, moved: Shelves) -> None:
    answer = get(client, "/ranking/top-gainers?window=5m&limit=1")
    assert answer["count"] == len(answer["rankings"]) == 1
    assert answer["updated_at"] == "2023-11-15T13:00:30.000Z"


def test_a_market_that_is_not_trading_is_not_ranked(client: FlaskClient, moved: Shelves) -> None:
    moved.follow("BTCUSDT", status="BREAK")
    assert get(client, "/ranking/top-gainers?window=5m")["count"] == 0


def test_the_ticker_tells_the_last_day(settings: Settings, shelves: Shelves) -> None:
    reads = StoreReads.connected(settings)
    shelves.archive(a_candle(0, close="80.00"), a_candle(700, high="130.00"), a_candle(1_439, low="70.00"))
    shelves.latest(forming(1_440, close="100.00", event_ms=NOON_MS + 1_440 * MINUTE_MS + 59_999))
    ticker = reads.ticker("BTCUSDT")
    assert (ticker.last, ticker.change, ticker.change_percent) == (Decimal(100), Decimal(20), Decimal(25))
    assert (ticker.high, ticker.low, ticker.volume) == (Decimal(130), Decimal(70), Decimal(6))


def test_before_a_day_is_stored_the_ticker_knows_only_the_price(settings: Settings, shelves: Shelves) -> None:
    shelves.latest(forming(close="100.00"))
    ticker = StoreReads.connected(settings).ticker("BTCUSDT")
    assert (ticker.last, ticker.change, ticker.high) == (Decimal("100.00"), None, None)

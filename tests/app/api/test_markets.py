"""Books, trades, the newest kline and the symbols, as a client sees them."""

from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from pipeline.domain import jsontext
from pipeline.domain.book import BookState
from pipeline.domain.views import candle_view
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves, heard, now_ms
from tests.words import a_snapshot, a_trade, forming, levels


def test_latest_is_the_kline_of_redis_and_how_old_it_is(client: FlaskClient, shelves: Shelves) -> None:
    candle = heard(forming(3, close="100.10"), ago_ms=2_000)
    shelves.latest(candle)
    answer = get(client, "/latest?symbol=BTCUSDT")
    kline = jsontext.loads_exact(jsontext.dumps(candle_view(candle)))
    assert answer.items() >= kline.items()
    assert answer["stale"] is False
    assert answer["ageMs"] == answer["servedAt"] - candle.received_ms
    assert 2_000 <= answer["ageMs"] < 10_000


def test_a_kline_older_than_fifteen_seconds_is_stale(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming(), ago_ms=15_500))
    assert get(client, "/latest?symbol=BTCUSDT")["stale"] is True


def test_numbers_keep_the_digits_of_the_exchange(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming(close="64000.10000000", volume=Decimal("0.00000010"))))
    text = client.get("/latest?symbol=BTCUSDT").get_data(as_text=True)
    assert '"close":64000.10000000,' in text
    assert '"volume":0.00000010,' in text


def test_a_book_has_its_best_levels_first_and_running_totals(client: FlaskClient, shelves: Shelves) -> None:
    bids = levels(("99.50", "2.0"), ("99.00", "1.0"), ("98.00", "9.0"))
    shelves.book(a_snapshot(7, bids=bids, received_ms=now_ms()))
    answer = get(client, "/orderbook?symbol=BTCUSDT&limit=2")
    assert answer["bids"] == [
        {"price": Decimal("99.50"), "quantity": Decimal("2.0"), "total": Decimal("199")},
        {"price": Decimal("99.00"), "quantity": Decimal("1.0"), "total": Decimal("298")},
    ]
    assert len(answer["asks"]) == 2
    assert (answer["symbol"], answer["lastUpdateId"], answer["state"]) == ("BTCUSDT", 7, "synced")
    assert answer["timestamp"] == a_snapshot(7).event_ms
    assert answer["stale"] is False


@pytest.mark.parametrize("state", [BookState.RESYNCING, BookState.FAILED])
def test_a_book_out_of_step_is_shown_as_stale(client: FlaskClient, shelves: Shelves, state: BookState) -> None:
    shelves.book(a_snapshot(state=state, received_ms=now_ms()))
    assert get(client, "/orderbook?symbol=BTCUSDT")["stale"] is True


def test_the_last_book_in_step_is_served_for_thirty_seconds(client: FlaskClient, shelves: Shelves) -> None:
    shelves.book(a_snapshot(state=BookState.RESYNCING, received_ms=now_ms() - 25_000))
    answer = get(client, "/orderbook?symbol=BTCUSDT")
    assert (answer["stale"], answer["state"], answer["bids"][0]["price"]) == (True, "resyncing", Decimal("99"))
    assert 25_000 <= answer["ageMs"] < 30_000


def test_a_book_out_of_step_for_thirty_seconds_is_refused(client: FlaskClient, shelves: Shelves) -> None:
    shelves.book(a_snapshot(state=BookState.RESYNCING, received_ms=now_ms() - 30_500))
    response = client.get("/orderbook?symbol=BTCUSDT")
    assert response.status_code == 503
    assert response.mimetype == "application/problem+json"
    assert response.headers["Retry-After"] == "1"


def test_trades_come_newest_first_and_no_more_than_asked(client: FlaskClient, shelves: Shelves) -> None:
    shelves.trades(*(a_trade(number, price=Decimal(f"100.{number}0")) for number in (8, 9, 10)))
    answer = get(client, "/trades?symbol=BTCUSDT&limit=2")
    assert answer == {
        "symbol": "BTCUSDT",
        "count": 2,
        "trades": [
            {
                "symbol": "BTCUSDT", "price": Decimal(f"100.{number}0"), "quantity": Decimal("1.00000000"),
                "time": a_trade(number).time_ms, "isBuyerMaker": False, "tradeId": number,
            }
            for number in (10, 9)
        ],
    }  # fmt: skip


def test_an_aggregate_of_trades_says_which_ids_it_covers(client: FlaskClient, shelves: Shelves) -> None:
    shelves.trades(a_trade(5, last_id=8))
    assert get(client, "/trades?symbol=BTCUSDT")["trades"][0]["lastTradeId"] == 8


def test_symbols_are_those_ingest_follows(client: FlaskClient) -> None:
    answer = get(client, "/symbols")
    assert answer["count"] == 2
    assert answer["symbols"][0] == {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
        "tickSize": "0.01000000", "stepSize": "0.00001000",
    }  # fmt: skip


@pytest.mark.parametrize("route", ["latest", "orderbook"])
def test_a_market_without_data_yet_is_404(client: FlaskClient, route: str) -> None:
    answer = get(client, f"/{route}?symbol=BTCUSDT", status=404)
    assert answer["type"] == "/docs#nothing-yet"


def test_a_market_without_trades_yet_has_none(client: FlaskClient) -> None:
    assert get(client, "/trades?symbol=BTCUSDT") == {"symbol": "BTCUSDT", "count": 0, "trades": []}


def test_a_symbol_may_be_written_in_lower_case(client: FlaskClient) -> None:
    assert get(client, "/trades?symbol=btcusdt")["symbol"] == "BTCUSDT"

"""The push room on a real Valkey, written to by the cache's own adapter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.push.candles import closed_candles
from app.push.snapshots import RedisSnapshots
from app.push.subscriptions import Subscription
from pipeline.adapters.redis_writer import RedisShelf
from pipeline.domain import jsontext, names, views
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.pushes import REALTIME, UPDATE, Push, push_body
from pipeline.domain.shelf import Change, Published, PutBook, PutCandle, PutLatest, PutTrades
from tests.app.push.conftest import Launch, Server, Store
from tests.app.push.reader import Reader, open_socket
from tests.app.push.world import minute, until
from tests.words import a_snapshot, a_trade


class Cache:
    """What the cache stage does, one change at a time."""

    def __init__(self, store: Store) -> None:
        self.client = store.client()
        self.shelf = RedisShelf(self.client, database=0)
        self.seq = dict.fromkeys(names.STREAMS, 1000)

    def candle(self, candle: Candle) -> None:
        kind = REALTIME if candle.closed else UPDATE
        body = push_body(kind, symbol=candle.symbol, candle=views.candle_view(candle), event_ms=candle.event_ms)
        stored: Change = PutCandle(candle, keep_from_ms=0) if candle.closed else PutLatest(candle)
        self.shelf.apply([stored, self._published("kline", kind, body)])

    def trade(self, trade_id: int) -> None:
        trade = a_trade(trade_id)
        body = push_body(REALTIME, symbol="BTCUSDT", trade=views.trade_view(trade), event_ms=trade.event_ms)
        self.shelf.apply([PutTrades("BTCUSDT", [trade]), self._published("trades", REALTIME, body)])

    def book(self, last_id: int) -> None:
        book = a_snapshot(last_id)
        view = views.depth_view(views.book_view(book), limit=20)
        body = push_body(UPDATE, event_ms=book.event_ms, **view)
        self.shelf.apply([PutBook(book), self._published("orderbook", UPDATE, body)])

    def _published(self, stream: str, kind: str, body: bytes) -> Published:
        self.seq[stream] += 1
        return Published(stream, "BTCUSDT", Push(kind, self.seq[stream], self.seq[stream], body))


@pytest.fixture
def cache(store: Store) -> Iterator[Cache]:
    cache = Cache(store)
    yield cache
    cache.client.flushdb()


@pytest.fixture(scope="module")
def server(launch: Launch, store: Store) -> Server:
    return launch(REDIS_PORT=str(store.port))


def read(store: Store, **wanted: object) -> list[dict[str, Any]]:
    snapshot = RedisSnapshots(store.client()).read(Subscription(symbol="BTCUSDT", **wanted))  # type: ignore[arg-type]
    return [jsontext.loads_exact(frame[frame.index(b"{") :]) for frame in snapshot.frames]


def test_a_trade_written_by_the_cache_reaches_the_socket(server: Server, cache: Cache) -> None:
    for trade_id in (1, 2, 3):
        cache.trade(trade_id)
    with open_socket(server.port, "/ws/trades?symbol=BTCUSDT&limit=2") as reader:
        first = next(reader.texts())
        cache.trade(4)
        second = next(reader.texts())
    assert (first["type"], first["symbol"], first["seq"]) == ("initial", "BTCUSDT", 1_003)
    assert [trade["tradeId"] for trade in first["trades"]] == [3, 2]
    assert (second["type"], second["trade"]["tradeId"], second["seq"]) == ("realtime", 4, 1_004)
    assert second["eventTime"] == a_trade(4).event_ms


def test_a_book_comes_with_totals_and_then_its_updates(server: Server, cache: Cache) -> None:
    cache.book(100)
    with open_socket(server.port, "/ws/orderbook?symbol=BTCUSDT") as reader:
        first = next(reader.texts())
        cache.book(101)
        second = next(reader.texts())
    assert (first["type"], first["lastUpdateId"]) == ("initial", 100)
    assert first["bids"] == [
        {"price": 99, "quantity": 1, "total": 99}, {"price": 98, "quantity": 2, "total": 295},
    ]  # fmt: skip
    assert (second["type"], second["lastUpdateId"], second["timestamp"]) == ("update", 101, second["eventTime"])
    assert {"symbol", "bids", "asks", "timestamp", "eventTime", "seq"} <= first.keys() & second.keys()


def test_minutes_come_as_initial_latest_update_and_realtime(server: Server, cache: Cache) -> None:
    for index in range(4):
        cache.candle(minute(index))
    cache.candle(minute(4, closed=False))
    with open_socket(server.port, "/ws/kline?symbol=BTCUSDT&interval=1m&limit=3") as reader:
        initial, latest = _next(reader, 2)
        cache.candle(replace(minute(4, closed=False), event_ms=minute(4).open_ms + 31_000))
        cache.candle(minute(4))
        update, realtime = _next(reader, 2)
    assert [message["type"] for message in (initial, latest, update, realtime)] == [
        "initial", "latest", "update", "realtime",
    ]  # fmt: skip
    assert [candle["openTime"] for candle in initial["candles"]] == [minute(index).open_ms for index in (1, 2, 3)]
    assert (latest["candle"]["openTime"], latest["candle"]["x"]) == (minute(4).open_ms, False)
    assert (realtime["candle"]["openTime"], realtime["candle"]["x"]) == (minute(4).open_ms, True)
    assert [message["seq"] for message in (initial, latest, update, realtime)] == [1_005, 1_005, 1_006, 1_007]


def test_longer_candles_are_folded_from_minutes(server: Server, cache: Cache) -> None:
    for index in range(9):
        cache.candle(minute(index, close=str(index + 1)))
    with open_socket(server.port, "/ws/kline?symbol=BTCUSDT&interval=5m") as reader:
        initial, latest = _next(reader, 2)
        cache.candle(minute(9, closed=False, close="77"))
        cache.candle(minute(9, close="70"))
        update, realtime = _next(reader, 2)
    [five] = initial["candles"]
    assert (five["open"], five["close"], five["volume"], five["complete"], five["x"]) == (1, 5, 5, True, True)
    assert (latest["candle"]["openTime"], latest["candle"]["present"]) == (minute(5).open_ms, 4)
    assert (update["type"], update["candle"]["high"], update["candle"]["x"]) == ("update", 77, False)
    assert (realtime["type"], realtime["candle"]["close"], realtime["candle"]["complete"]) == ("realtime", 70, True)


def test_digits_stay_as_the_exchange_wrote_them(store: Store, cache: Cache) -> None:
    price = Decimal("0.10000001230")
    cache.candle(replace(minute(0), open=price, high=price, low=price, close=price))
    snapshot = RedisSnapshots(store.client()).read(Subscription(stream="kline", symbol="BTCUSDT"))
    assert b'"close":0.10000001230' in snapshot.frames[0]


def test_older_candles_come_from_history_and_redis_has_the_last_word(store: Store, cache: Cache) -> None:
    def history(symbol: str, interval: Interval, limit: int) -> Sequence[Candle]:
        return [replace(minute(index, close="5"), interval=interval, present=5) for index in (-10, -5, 0, 5)]

    for index in range(2, 10):
        cache.candle(minute(index))
    wanted = Subscription(stream="kline", symbol="BTCUSDT", interval=Interval.M5, limit=4)
    frame = RedisSnapshots(store.client(), history=history).read(wanted).frames[0]
    candles = jsontext.loads_exact(frame[frame.index(b"{") :])["candles"]
    assert [(candle["openTime"], candle["close"]) for candle in candles] == [
        (minute(-10).open_ms, 5), (minute(-5).open_ms, 5), (minute(0).open_ms, 5), (minute(5).open_ms, 1),
    ]  # fmt: skip


def test_a_first_candle_whose_minutes_redis_no_longer_has_comes_from_history(store: Store, cache: Cache) -> None:
    minutes = [minute(index, close=str(index + 1)) for index in range(names.REALTIME_MINUTES + 1)]

    def history(_symbol: str, interval: Interval, most: int) -> Sequence[Candle]:
        return closed_candles(minutes, interval=interval)[-most:]

    for closed in minutes[1:]:  # as many as Redis keeps: they begin one minute into the first candle
        cache.shelf.apply([PutCandle(closed, keep_from_ms=0)])
    for interval, limit in ((Interval.M5, 300), (Interval.M15, 100), (Interval.H1, 25), (Interval.D1, 1)):
        wanted = Subscription(stream="kline", symbol="BTCUSDT", interval=interval, limit=limit)
        frame = RedisSnapshots(store.client(), history=history).read(wanted).frames[0]
        candles = jsontext.loads_exact(frame[frame.index(b"{") :])["candles"]
        assert [candle["present"] for candle in candles] == [interval.minutes] * limit
        assert (candles[0]["openTime"], candles[0]["open"]) == (minute(0).open_ms, 1)


def test_history_is_not_asked_while_redis_has_every_minute(store: Store, cache: Cache) -> None:
    def history(_symbol: str, _interval: Interval, _most: int) -> Sequence[Candle]:
        raise AssertionError("asked without need")

    for index in range(11):
        cache.candle(minute(index))
    wanted = Subscription(stream="kline", symbol="BTCUSDT", interval=Interval.M5, limit=2)
    frame = RedisSnapshots(store.client(), history=history).read(wanted).frames[0]
    assert len(jsontext.loads_exact(frame[frame.index(b"{") :])["candles"]) == 2


def test_an_empty_store_gives_empty_first_messages(store: Store, cache: Cache) -> None:
    [trades], [book], [candles] = (read(store, stream=stream) for stream in ("trades", "orderbook", "kline"))
    assert (trades["trades"], book["bids"], book["asks"], candles["candles"]) == ([], [], [], [])
    assert {message["seq"] for message in (trades, book, candles)} == {0}


def test_a_store_that_is_away_is_a_transient_error() -> None:
    gone = Store(port=1, folder=None)  # type: ignore[arg-type]
    with pytest.raises(TransientError):
        RedisSnapshots(gone.client()).read(Subscription(stream="trades", symbol="BTCUSDT"))


def test_open_sockets_outlive_a_restart_of_the_store(server: Server, store: Store, cache: Cache) -> None:
    cache.trade(1)
    with open_socket(server.port, "/ws/trades?symbol=BTCUSDT") as reader:
        next(reader.texts())
        reconnects = server.stat()["reconnects"]
        store.stop()
        until(lambda: server.stat()["reconnects"] > reconnects)
        assert _status(server) == 503
        store.start()
        until(lambda: _status(server) == 101, what="a socket after the restart")
        cache.trade(2)
        cache.trade(3)
        assert [message["trade"]["tradeId"] for message in _next(reader, 2)] == [2, 3]


def _status(server: Server) -> int:
    try:
        open_socket(server.port, "/ws/trades?symbol=BTCUSDT").sock.close()
    except AssertionError as error:
        return int(str(error).partition("HTTP/1.1 ")[2][:3])
    return 101


def _next(reader: Reader, count: int) -> list[dict[str, Any]]:
    texts = reader.texts()
    return [next(texts) for _ in range(count)]

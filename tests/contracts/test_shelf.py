"""The shelf of latest state: Redis and its memory twin keep the same promises."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis

from pipeline.adapters.memory import MemoryShelf
from pipeline.adapters.redis_writer import TRIM_EVERY, RedisShelf
from pipeline.domain import jsontext, names
from pipeline.domain.faults import TransientError
from pipeline.domain.pushes import Push, decode_push
from pipeline.domain.recent_trades import row_of
from pipeline.domain.shelf import Published, PutBook, PutBookText, PutCandle, PutLatest, PutTradeRows, PutTrades
from pipeline.domain.texts import ShownBook, book_text
from pipeline.settings import Settings
from pipeline.stages.ports import Shelf
from tests.words import NOON_MS, a_candle, a_snapshot, a_trade, forming


def redis_of(settings: Settings) -> redis.Redis:
    return redis.Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    if request.param == "memory":
        yield MemoryShelf()
        return
    settings: Settings = request.getfixturevalue("namespace")
    with redis_of(settings) as client:
        yield RedisShelf(client, database=settings.redis_db)


def test_an_empty_shelf_holds_nothing(shelf: Shelf) -> None:
    held = shelf.load("BTCUSDT")
    assert (held.latest, held.book_id, held.trade_id, dict(held.sequences), list(held.closed)) == (None, -1, -1, {}, [])
    assert not shelf.filled


def test_what_was_put_is_there_for_the_next_process(shelf: Shelf) -> None:
    latest, closed = forming(1, last_trade_id=9), a_candle(0, open="0.10000000", low="0.00000001")
    push = Push("realtime", 7, 7, b"{}")
    shelf.apply([PutLatest(latest), PutCandle(closed, 0), PutBook(a_snapshot(42)), PutTrades("BTCUSDT", [a_trade(9)])])
    shelf.apply([Published("trades", "BTCUSDT", push)])
    shelf.mark_filled()
    held = shelf.load("BTCUSDT")
    assert (held.latest, held.book_id, held.trade_id, list(held.closed)) == (latest, 42, 9, [closed])
    assert dict(held.sequences) == {"trades": 7}
    assert shelf.filled


def test_minutes_before_the_bound_go(shelf: Shelf) -> None:
    shelf.apply([PutCandle(a_candle(0), 0), PutCandle(a_candle(1), NOON_MS + 60_000)])
    assert [candle.open_ms for candle in shelf.load("BTCUSDT").closed] == [NOON_MS + 60_000]


def test_a_redelivered_trade_is_held_once(shelf: Shelf) -> None:
    for _ in range(2):
        shelf.apply([PutTrades("BTCUSDT", [a_trade(1), a_trade(2)])])
    assert shelf.load("BTCUSDT").trade_id == 2


def test_rows_are_held_with_the_ids_they_cover_and_those_replaced_are_gone(shelf: Shelf) -> None:
    rows = [row_of(a_trade(1)), row_of(a_trade(3)), row_of(a_trade(5, last_id=8, aggregate_id=2))]
    shelf.apply([PutTradeRows("BTCUSDT", rows)])
    whole = row_of(a_trade(2, last_id=4, aggregate_id=1))
    shelf.apply([PutTradeRows("BTCUSDT", [whole], [3])])
    assert list(shelf.load("BTCUSDT").trades) == [rows[0], whole, rows[2]]


def test_a_book_already_written_is_the_book_put(shelf: Shelf) -> None:
    book = a_snapshot(42)
    shelf.apply([PutBookText("BTCUSDT", book_text(ShownBook.of_snapshot(book), book.state))])
    assert shelf.load("BTCUSDT").book == book


def test_redis_bounds_the_trades_it_keeps(namespace: Settings) -> None:
    with redis_of(namespace) as client:
        shelf = RedisShelf(client, database=namespace.redis_db)
        for trade_id in range(1, names.REALTIME_TRADES + 300):
            shelf.apply([PutTrades("BTCUSDT", [a_trade(trade_id)])])
        key = names.trades_key("BTCUSDT")
        assert names.REALTIME_TRADES <= client.zcard(key) <= names.REALTIME_TRADES + TRIM_EVERY
        assert client.ttl(key) > 0


def test_redis_says_what_it_refuses(namespace: Settings) -> None:
    with redis_of(namespace) as client:
        client.set(names.trades_key("BTCUSDT"), "no list")
        shelf = RedisShelf(client, database=namespace.redis_db)
        with pytest.raises(TransientError, match="WRONGTYPE"):
            shelf.apply([PutTrades("BTCUSDT", [a_trade(1)])])
        shelf.apply([PutBook(a_snapshot(42))])
        assert shelf.load("ETHUSDT").book is None


def test_redis_holds_the_contracts_keys_with_the_exchanges_digits(namespace: Settings) -> None:
    with redis_of(namespace) as client:
        shelf = RedisShelf(client, database=namespace.redis_db)
        shelf.apply([PutCandle(a_candle(0, open="61837.63000000", high="61900"), 0), PutBook(a_snapshot())])
        shelf.apply([PutTrades("BTCUSDT", [a_trade(1, price=Decimal("61837.63000000"))])] * 2)
        text = _bytes(client.get(f"crypto:BTCUSDT:1m:{NOON_MS}"))
        assert b'"open":61837.63000000' in text
        assert jsontext.loads(text)["openTime"] == NOON_MS
        assert client.zrange("trades:BTCUSDT:list", 0, -1, withscores=True) == [
            (
                b'{"symbol":"BTCUSDT","price":61837.63000000,"quantity":1.00000000,"time":%d,"isBuyerMaker":false,"tradeId":1}'
                % (NOON_MS + 1),
                1.0,
            )
        ]
        assert jsontext.loads(_bytes(client.get("orderbook:BTCUSDT:latest")))["bids"][0] == [99, 1]
        unbounded = [key for key in client.scan_iter("crypto:*") if client.ttl(key) < 0]
        assert unbounded == []


def test_whoever_listens_hears_the_push(namespace: Settings) -> None:
    with redis_of(namespace) as client, client.pubsub() as listener:
        listener.subscribe(names.channel(namespace.redis_db, "trades", "BTCUSDT"))
        assert listener.get_message(timeout=5) is not None
        push = Push("realtime", 7, 7, b'{"type":"realtime"}')
        RedisShelf(client, database=namespace.redis_db).apply([Published("trades", "BTCUSDT", push)])
        message = listener.get_message(timeout=5)
        assert message is not None
        assert decode_push(message["data"]) == push


def _bytes(value: Any) -> bytes:
    assert isinstance(value, bytes)
    return value

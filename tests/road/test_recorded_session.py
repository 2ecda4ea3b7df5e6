"""A recorded session through the real road: what the exchange published is what is stored and served."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.recorded import OFFICIAL_5M, TRADES, best_prices, compare, recorded
from pipeline.adapters.kafka import KafkaReader
from pipeline.adapters.mongo_writer import CandleStore, connect
from pipeline.domain import jsontext, names
from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_buckets, fold_trades
from pipeline.domain.interval import Interval
from pipeline.domain.pushes import decode_push
from pipeline.domain.records import decode_trade
from pipeline.domain.trade import Trade
from pipeline.local.http import get
from pipeline.settings import Settings
from tests.road.recordings import EXCERPT, whole_session
from tests.road.running import Road, running_road
from tests.servers.waiting import wait_for

STAGES = ("exchange", "ingest", "cache", "archive", "web")
Tops = dict[int, tuple[Decimal, Decimal]]


@contextmanager
def watched_books(road: Road) -> Iterator[Tops]:
    """(best bid, best ask) of every pushed book by its update id, as long as the context lasts."""
    tops: Tops = {}
    ended = threading.Event()
    client = road.redis()
    listener = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    listener.subscribe(names.channel(road.settings.redis_db, "orderbook", "BTCUSDT"))

    def watch() -> None:
        while not ended.is_set():
            message = listener.get_message(timeout=0.2)
            if message is not None:
                book: dict[str, Any] = jsontext.loads_exact(decode_push(message["data"]).body)
                tops[book["lastUpdateId"]] = (book["bids"][0]["price"], book["asks"][0]["price"])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield tops
    finally:
        ended.set()
        thread.join(timeout=5)
        listener.close()
        client.close()


def trades_in_the_log(settings: Settings, count: int) -> list[Trade]:
    """Every distinct trade of the trades topic, by id, once ``count`` are there."""
    reader = KafkaReader(
        settings.kafka_bootstrap, group=f"{settings.consumer_group_prefix}check", topics=[settings.topics.trades]
    )
    found: dict[int, Trade] = {}

    def enough() -> bool:
        batch = reader.batch(limit=5_000, wait_s=0.2)
        found.update({trade.trade_id: trade for trade in (decode_trade(record.value) for record in batch)})
        return len(found) >= count and not batch

    try:
        wait_for(enough, within_s=60, what=f"{count} trades in the log")
    finally:
        reader.close()
    return [found[trade_id] for trade_id in sorted(found)]


def stored_minutes(settings: Settings, count: int) -> list[Candle]:
    """The stored one-minute candles, once ``count`` are there."""
    with connect(settings.mongo_uri) as client:
        store = CandleStore(client, settings.mongo_db)
        wait_for(lambda: len(store.newest("BTCUSDT", count=100)) >= count, within_s=30, what=f"{count} minutes")
        return store.newest("BTCUSDT", count=100)


@pytest.mark.timeout(240)
def test_the_whole_session_is_stored_and_served_digit_for_digit(namespace: Settings, tmp_path: Path) -> None:
    paths = whole_session()
    source = "replay:" + ",".join(map(str, paths))
    with running_road(
        namespace, tmp_path, processes=STAGES, source=source, REPLAY_SPEED="10", HISTORY_DAYS="0"
    ) as road:
        with watched_books(road) as tops:
            wait_for(lambda: road.replay_status()["done"], within_s=150, what="the end of the recording")
            trades = trades_in_the_log(road.settings, TRADES)
            minutes = stored_minutes(road.settings, 10)
            wait_for(lambda: road.json("/ohlc?symbol=BTCUSDT&interval=1m")[1]["count"] == 10, what="10 served minutes")
        served = {interval: ohlc(road, interval) for interval in (Interval.M1, Interval.M5)}

    assert len(trades) == TRADES
    assert [t.trade_id for t in trades] == list(range(trades[0].trade_id, trades[-1].trade_id + 1))
    assert [(t.trade_id, str(t.price), str(t.quantity)) for t in trades] == [
        (t["t"], t["p"], t["q"]) for t in recorded(paths, "trade")
    ]

    folded = {c.open_ms: c for c in (fold_trades(b) for b in by_minute(trades)) if c.open_ms in served[Interval.M1]}
    assert [candle.open_ms for candle in minutes] == sorted(folded)
    for candle in minutes:
        assert candle.values == folded[candle.open_ms].values
        assert served[Interval.M1][candle.open_ms] == (*prices(candle), candle.volume)

    five = {c.open_ms: c for c in fold_buckets(minutes, interval=Interval.M5)}
    for open_ms, official in OFFICIAL_5M.items():
        assert (*prices(five[open_ms]), five[open_ms].volume) == tuple(map(Decimal, official))
        assert served[Interval.M5][open_ms] == tuple(map(Decimal, official))

    differing, behind, compared = compare(tops, best_prices(paths))
    assert compared > 50
    assert differing == []
    assert len(behind) <= len(tops) * 0.001


@pytest.mark.timeout(120)
def test_an_excerpt_reaches_the_log_the_book_and_no_unfinished_minute_is_closed(
    namespace: Settings, tmp_path: Path
) -> None:
    stages = ("exchange", "ingest", "cache", "archive")
    source = f"replay:{EXCERPT}"
    with running_road(namespace, tmp_path, processes=stages, source=source, REPLAY_SPEED="5", HISTORY_DAYS="0") as road:
        with watched_books(road) as tops:
            wait_for(lambda: road.replay_status()["done"], within_s=90, what="the end of the recording")
            own = list(recorded((EXCERPT,), "trade"))
            trades = trades_in_the_log(road.settings, len(own))
        assert [t.trade_id for t in trades] == [t["t"] for t in own]
        complete = {t["T"] // 60_000 for t in own} - {own[0]["T"] // 60_000, own[-1]["T"] // 60_000}
        assert {c.open_ms // 60_000 for c in stored_minutes(road.settings, len(complete))} == complete
    differing, _, compared = compare(tops, best_prices((EXCERPT,)))
    assert compared > 10
    assert differing == []


def ohlc(road: Road, interval: Interval) -> dict[int, tuple[Decimal, ...]]:
    """(open, high, low, close, volume) of every served closed candle by its open time, with exact digits."""
    status, text = get(f"{road.web}/ohlc?symbol=BTCUSDT&interval={interval.value}&limit=100", timeout_s=10)
    assert status == 200, text
    candles = jsontext.loads_exact(text)["candles"]
    return {c["openTime"]: (*map(Decimal, c["y"]), Decimal(c["volume"])) for c in candles}


def prices(candle: Candle) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return candle.open, candle.high, candle.low, candle.close


def by_minute(trades: list[Trade]) -> list[list[Trade]]:
    minutes: dict[int, list[Trade]] = {}
    for trade in trades:
        minutes.setdefault(Interval.M1.open_ms(trade.time_ms), []).append(trade)
    return list(minutes.values())

"""The accounts after it all: what the stores and the log hold, against what the exchange says was."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient

from bench.chaos.events import Exchange
from pipeline.domain.jsontext import loads_exact
from pipeline.settings import Settings

MINUTE_MS = 60_000
HEALED_WITHIN_S = 60.0
BOOK_LEVELS = 100
_COLUMNS = (
    "open", "high", "low", "close", "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
)  # fmt: skip
_ROW = (1, 2, 3, 4, 5, 7, 8, 9, 10)
"""Where a REST row has them."""


@dataclass(slots=True)
class Accounts:
    """What did not come out even; all of it is to be nothing."""

    candles: int = 0
    candles_lost: list[str] = field(default_factory=list)
    candles_doubled: list[str] = field(default_factory=list)
    candles_wrong: list[str] = field(default_factory=list)
    trades: int = 0
    trades_missing: dict[str, int] = field(default_factory=dict)
    trades_wrong: list[str] = field(default_factory=list)
    trades_redelivered: int = 0
    shelf_wrong: list[str] = field(default_factory=list)
    books: int = 0
    books_wrong: list[str] = field(default_factory=list)
    malformed: int = 0
    malformed_lost: int = 0
    violations: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything is as it should be."""
        wrong = (
            self.candles_lost, self.candles_doubled, self.candles_wrong, self.trades_missing, self.trades_wrong,
            self.shelf_wrong, self.books_wrong, self.malformed_lost, self.violations,
        )  # fmt: skip
        return not any(wrong)

    def lines(self) -> list[str]:
        """As text."""
        return [
            f"closed candles: {self.candles}, lost {len(self.candles_lost)}, doubled {len(self.candles_doubled)}, "
            f"wrong {len(self.candles_wrong)} {[*self.candles_lost, *self.candles_wrong][:3] or ''}",
            f"trade ids: {self.trades} covered, {sum(self.trades_missing.values())} missing, "
            f"{len(self.trades_wrong)} wrong, {self.trades_redelivered} delivered again (readers drop them) "
            f"{self.trades_missing or ''}",
            f"newest trades in Redis: {len(self.shelf_wrong)} wrong {self.shelf_wrong[:2] or ''}",
            f"final books: {self.books}, {len(self.books_wrong)} differ {self.books_wrong[:2] or ''}",
            f"malformed frames: {self.malformed}, {self.malformed_lost} not in the dead letters",
            f"rules of the exchange broken: {self.violations or 0}",
        ]


def settle(environment: Mapping[str, str], exchange: Exchange, symbols: Sequence[str], *, since_ms: int) -> Accounts:
    """Compare everything, giving the last repairs a minute."""
    exchange.clear()
    exchange.remember()
    first_ms = (since_ms // MINUTE_MS + 1) * MINUTE_MS
    accounts = Accounts()
    deadline = time.monotonic() + HEALED_WITHIN_S
    while True:
        accounts = _compared(environment, exchange, symbols, first_ms)
        if accounts.clean or time.monotonic() > deadline:
            return accounts
        time.sleep(2)


def _compared(environment: Mapping[str, str], exchange: Exchange, symbols: Sequence[str], first_ms: int) -> Accounts:
    accounts = Accounts()
    settings = Settings.from_environment(environment)
    with MongoClient[dict[str, Any]](settings.mongo_uri) as client:
        for symbol in symbols:
            _candles(accounts, client[settings.mongo_db]["1m_kline"], exchange, symbol, first_ms)
    store = redis.Redis(settings.redis_host, settings.redis_port, password=settings.redis_password)
    entries = list(_log(settings.kafka_bootstrap, settings.topics.trades))
    for symbol in symbols:
        _trades(accounts, [entry for key, entry in entries if key == symbol], exchange, symbol)
        _shelf(accounts, store, exchange, symbol)
        _book(accounts, store, exchange, symbol)
    letters = {
        hashlib.sha256(entry).hexdigest() for _, entry in _log(settings.kafka_bootstrap, settings.topics.dead_letter)
    }
    accounts.malformed = len(exchange.malformed)
    accounts.malformed_lost = sum(frame["sha256"] not in letters for frame in exchange.malformed)
    accounts.violations = {rule: count for rule, count in exchange.violations.items() if count}
    return accounts


def _candles(accounts: Accounts, collection: Any, exchange: Exchange, symbol: str, first_ms: int) -> None:
    last_ms = exchange.now_ms() // MINUTE_MS * MINUTE_MS - 1
    query = f"symbol={symbol}&interval=1m&startTime={first_ms}&endTime={last_ms}&limit=1000"
    rows = {row[0]: row for row in exchange.get(f"/api/v3/klines?{query}") if row[6] < exchange.now_ms() - 5_000}
    held = list(collection.find({"symbol": symbol, "openTime": {"$gte": first_ms, "$lte": last_ms}}))
    times = Counter(document["openTime"] for document in held)
    accounts.candles += len(times)
    accounts.candles_lost += [f"{symbol} {open_ms}" for open_ms in rows if open_ms not in times]
    accounts.candles_doubled += [f"{symbol} {open_ms}" for open_ms, count in times.items() if count > 1]
    for document in held:
        row = rows.get(document["openTime"])
        told = [str(row[place]) for place in _ROW] if row else []
        if row and [_plain(document[name]) for name in _COLUMNS] != told:
            accounts.candles_wrong.append(f"{symbol} {document['openTime']}: {told}")


def _plain(value: Any) -> str:
    return format(value.to_decimal(), "f") if hasattr(value, "to_decimal") else str(value)


def _trades(accounts: Accounts, entries: Sequence[bytes], exchange: Exchange, symbol: str) -> None:
    covered: dict[int, tuple[int, dict[str, Any]]] = {}
    delivered = 0
    for entry in entries:
        record = orjson.loads(entry)
        first, last = record.get("t", record.get("f")), record.get("t", record.get("l"))
        delivered += last - first + 1
        covered |= dict.fromkeys(range(first, last + 1), (last - first, record))
    if not covered:
        accounts.trades_missing[symbol] = -1
        return
    first, last = min(covered), max(covered)
    accounts.trades += len(covered)
    accounts.trades_redelivered += delivered - len(covered)
    if missing := last - first + 1 - len(covered):
        accounts.trades_missing[symbol] = missing
    accounts.trades_wrong += [
        f"{symbol} {row['id']}"
        for row in _true_trades(exchange, symbol, first, last)
        if not _is(covered.get(row["id"]), row)
    ]


def _true_trades(exchange: Exchange, symbol: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    while first <= last:
        rows = exchange.get(f"/truth/trades?symbol={symbol}&fromId={first}&toId={last}")
        yield from rows
        if not rows:
            return
        first = rows[-1]["id"] + 1


def _is(held: tuple[int, dict[str, Any]] | None, row: Mapping[str, Any]) -> bool:
    """Whether a held trade is the true one; of an aggregate only the price is known of each trade in it."""
    if held is None:
        return True  # it is counted among the missing
    beside, record = held
    return bool(record["p"] == row["price"] and (beside or record["q"] == row["qty"]))


def _shelf(accounts: Accounts, store: "redis.Redis", exchange: Exchange, symbol: str) -> None:
    held: Any = store.zrange(f"trades:{symbol}:list", 0, -1, withscores=True)
    ids = [int(score) for _, score in held]
    ends = [int(orjson.loads(text).get("lastTradeId", score)) for text, score in held]
    if len(ids) != len(set(ids)):
        accounts.shelf_wrong.append(f"{symbol}: a trade twice")
    breaks = [(end, begin) for end, begin in zip(ends, ids[1:], strict=False) if begin != end + 1]
    if breaks:
        accounts.shelf_wrong.append(f"{symbol}: after trade {breaks[0][0]} comes {breaks[0][1]}")


def _book(accounts: Accounts, store: "redis.Redis", exchange: Exchange, symbol: str) -> None:
    accounts.books += 1
    value = store.get(f"orderbook:{symbol}:latest")
    if value is None:
        accounts.books_wrong.append(f"{symbol}: no book")
        return
    held = loads_exact(value)
    true = exchange.get(f"/truth/book?symbol={symbol}&lastUpdateId={held['lastUpdateId']}")
    for side in ("bids", "asks"):
        ours = [(str(price), str(quantity)) for price, quantity in held[side][:BOOK_LEVELS]]
        theirs = [(price, quantity) for price, quantity in true[side][: len(ours)]]
        if ours != theirs or len(ours) < BOOK_LEVELS:
            accounts.books_wrong.append(f"{symbol}: {side} at {held['lastUpdateId']}")


def _log(bootstrap: str, topic: str) -> Iterator[tuple[str, bytes]]:
    """Every record of a topic that is there now, as (key, value)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "accounts", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {}
        for number in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            if high > low:
                ends[number] = high
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        while ends:
            for message in consumer.consume(10_000, timeout=0.2):
                if message.error() is None:
                    yield bytes(message.key() or b"").decode(), bytes(message.value() or b"")
            for place in consumer.position([TopicPartition(topic, number) for number in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
    finally:
        consumer.close()

"""The final state of a road: what MongoDB, Redis and Kafka hold, in the exchange's own fields only, and its hashes.

What is ours, such as times of receipt, revisions or the way a candle came, differs between runs and is left out.
Numbers are compared as numbers, and the book together with the update id it stands at.
"""

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import orjson
import redis
from pymongo import MongoClient

from pipeline.adapters.kafka_tail import Tail
from pipeline.domain import names
from pipeline.domain.jsontext import loads_exact
from pipeline.settings import Settings

PARTS = ("minutes", "latest", "closed", "book", "trades", "log")
"""MongoDB's minutes; Redis' newest minute, closed minutes, book and newest trades; the trades covered in Kafka."""
BOOK_LEVELS = 100
FIGURES = (
    "open", "high", "low", "close", "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
)  # fmt: skip
ALL = 1 << 40
Values = dict[str, Any]
State = dict[str, dict[str, Any]]
"""By part, then by symbol."""


def plain(value: Any) -> str:
    """A number's one spelling."""
    number = value.to_decimal() if hasattr(value, "to_decimal") else Decimal(str(value))
    return format(number.normalize(), "f")


def hashes(state: State) -> dict[str, str]:
    """Twelve digits for each part."""
    return {part: hashlib.sha256(_text(state[part])).hexdigest()[:12] for part in PARTS}


def final_state(settings: Settings, symbols: tuple[str, ...]) -> State:
    """What the stores hold now. Raises what their clients raise."""
    state: State = {"minutes": _minutes(settings, symbols), "log": _log(settings, symbols)}
    with redis.Redis(
        settings.redis_host, settings.redis_port, db=settings.redis_db, password=settings.redis_password
    ) as store:
        state["latest"] = {symbol: _latest(store, symbol) for symbol in symbols}
        state["closed"] = {symbol: _closed(store, symbol) for symbol in symbols}
        state["book"] = {symbol: _book(store, symbol) for symbol in symbols}
        state["trades"] = {symbol: _trades(store, symbol) for symbol in symbols}
    return state


def differences(state: State, expected: State) -> list[str]:
    """What differs, for people: part, symbol, and the first thing held that is not the expected one."""
    return [
        f"{part} of {symbol}: {_first_difference(state[part].get(symbol), wanted)}"
        for part in PARTS
        for symbol, wanted in expected[part].items()
        if state[part].get(symbol) != wanted
    ]


def _first_difference(held: Any, wanted: Any) -> str:
    pairs: Iterable[tuple[Any, Any]] = [(held, wanted)]
    if isinstance(held, dict) and isinstance(wanted, dict):
        pairs = ((held.get(name), value) for name, value in wanted.items())
    elif isinstance(held, list) and isinstance(wanted, list):
        pairs = zip_longest(held, wanted)
    one, other = next((pair for pair in pairs if pair[0] != pair[1]), (held, wanted))
    deeper = isinstance(one, list) and isinstance(other, list) and one and isinstance(one[0], list)
    return _first_difference(one, other) if deeper else f"{one} instead of {other}"[:300]


def _text(values: Any) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


def _minutes(settings: Settings, symbols: tuple[str, ...]) -> Values:
    with MongoClient[Values](settings.mongo_uri) as client:
        collection = client[settings.mongo_db]["1m_kline"]
        return {
            symbol: [_stored(document) for document in collection.find({"symbol": symbol}).sort("openTime", 1)]
            for symbol in symbols
        }


def _stored(candle: Values) -> Values:
    return {"openTime": candle["openTime"]} | {name: plain(candle[name]) for name in FIGURES}


def _latest(store: "redis.Redis", symbol: str) -> Values | None:
    text: Any = store.get(names.latest_key(symbol))
    if text is None:
        return None
    candle = loads_exact(text)
    return _stored(candle) | {"x": candle["x"]}


def _closed(store: "redis.Redis", symbol: str) -> list[Values]:
    opens: Any = store.zrange(names.candle_index_key(symbol), 0, -1)
    texts: Any = store.mget([names.candle_key(symbol, int(open_ms)) for open_ms in opens]) if opens else []
    return [_stored(loads_exact(text)) for text in texts if text is not None]


def _book(store: "redis.Redis", symbol: str) -> Values | None:
    text: Any = store.get(names.orderbook_key(symbol))
    if text is None:
        return None
    book = loads_exact(text)
    sides = {
        side: [[plain(price), plain(quantity)] for price, quantity in book[side][:BOOK_LEVELS]]
        for side in ("bids", "asks")
    }
    return {"lastUpdateId": book["lastUpdateId"], "state": book["state"]} | sides


def _trades(store: "redis.Redis", symbol: str) -> list[list[Any]]:
    rows: Any = store.zrange(names.trades_key(symbol), -names.REALTIME_TRADES, -1)
    return [_trade(loads_exact(text)) for text in rows]


def _trade(row: Values) -> list[Any]:
    first = row["tradeId"]
    figures = (plain(row["price"]), plain(row["quantity"]))
    return [first, row.get("lastTradeId", first), *figures, row["time"], row["isBuyerMaker"]]


def _log(settings: Settings, symbols: tuple[str, ...]) -> Values:
    """Every trade of the log by its ids, each once; an id with two prices or quantities would be there twice."""
    held: dict[str, set[tuple[int, int, str, str]]] = {symbol: set() for symbol in symbols}
    for symbol, value in Tail(settings.kafka_bootstrap, settings.topics.trades, since_ms=0, least=ALL, most=ALL):
        record = orjson.loads(value)
        first, last = record.get("t", record.get("f")), record.get("t", record.get("l"))
        held.setdefault(symbol, set()).add((first, last, plain(record["p"]), plain(record["q"])))
    return {symbol: [list(row) for row in sorted(rows)] for symbol, rows in held.items()}

"""Every name that crosses a process: topics, keys, channels, collections. One writer each."""

from dataclasses import dataclass

from pipeline.domain.interval import Interval

REALTIME_MINUTES = 1_500
"""How many closed one-minute candles a symbol keeps in Redis."""
REALTIME_TRADES = 1_000
"""How many trades a symbol keeps in Redis."""
BOOK_LEVELS = 1_000
"""Levels a side in a full book."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The Kafka topics; record key = symbol, so one symbol keeps its order."""

    kline: str = "crypto_kline_1m"
    orderbook: str = "crypto_orderbook"
    trades: str = "crypto_trades"
    dead_letter: str = "crypto_dead_letter"

    @classmethod
    def named(cls, *, prefix: str = "", kline: str = "crypto_kline_1m") -> "Topics":
        """The topics under a namespace, the kline topic renamed."""
        return cls(prefix + kline, prefix + cls().orderbook, prefix + cls().trades, prefix + cls().dead_letter)

    @property
    def all(self) -> tuple[str, ...]:
        """Every topic."""
        return (self.kline, self.orderbook, self.trades, self.dead_letter)


def latest_key(symbol: str) -> str:
    """The newest one-minute candle, forming or closed."""
    return f"crypto:{symbol}:1m:latest"


def candle_key(symbol: str, open_ms: int) -> str:
    """One closed one-minute candle."""
    return f"crypto:{symbol}:1m:{open_ms}"


def candle_index_key(symbol: str) -> str:
    """Sorted set of the open times that have a candle key."""
    return f"crypto:{symbol}:1m:index"


def orderbook_key(symbol: str) -> str:
    """The book as last published."""
    return f"orderbook:{symbol}:latest"


def trades_key(symbol: str) -> str:
    """Sorted set of the last trades, score = trade id."""
    return f"trades:{symbol}:list"


def prediction_key(symbol: str) -> str:
    """The newest forecast."""
    return f"crypto:prediction:{symbol}"


def sequence_key(stream: str, symbol: str) -> str:
    """The last sequence number published on a stream."""
    return f"push:{stream}:{symbol}:seq"


def heartbeat_key(process: str) -> str:
    """What a process last said of itself."""
    return f"process:{process}:heartbeat"


def weight_key(address: str) -> str:
    """The request weight spent at an exchange, by every process that asks it from here."""
    return f"exchange:{address}:weight"


def lease_key(group: str, name: str) -> str:
    """Who holds one name of a group, and by which token."""
    return f"lease:{group}:held:{name}"


def replicas_key(group: str) -> str:
    """Sorted set of a group's replicas, score = when each counts as gone."""
    return f"lease:{group}:replicas"


def register_key(group: str) -> str:
    """Of a group's register: since when it is there, and the last token given."""
    return f"lease:{group}:register"


SYMBOLS_KEY = "crypto:symbols"
"""The symbols this stack follows, with what the exchange says of each; written by ingest."""

CACHE_EPOCH_KEY = "cache:epoch"
"""Present as long as Redis was not wiped since the cache last filled it."""

STREAMS = ("kline", "orderbook", "trades")
"""What is pushed, one channel per stream and symbol."""


def channel(database: int, stream: str, symbol: str) -> str:
    """The pub/sub channel of a stream; channels know no Redis database, so its number is in the name."""
    return f"push:{database}:{stream}:{symbol}"


def collection(interval: Interval) -> str:
    """The MongoDB collection of an interval's candles."""
    return f"{interval.value}_kline"


GAPS_COLLECTION = "gaps"
"""Where something is or was missing, and whose fault it is; written by ingest, backfill and reconcile."""

API_KEYS_COLLECTION = "api_keys"
"""The keys that callers of the routes are given, without their secrets; written by ``./run keys``."""

META_COLLECTION = "meta"
"""What a store says of itself: the one source it belongs to."""

SOURCE_KEY = "crypto:source"
"""The same, of a Redis database."""

"""Settings: one frozen value read from the environment once, by entry points only."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.names import Topics

DEFAULT_SYMBOLS = tuple(
    f"{base}USDT" for base in "BTC ETH BNB SOL XRP DOGE ADA TRX AVAX LINK DOT LTC BCH UNI NEAR ATOM".split()
)
BINANCE_WS_URL = "wss://data-stream.binance.vision"
BINANCE_REST_URL = "https://data-api.binance.vision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that may differ between two machines; see ``.env.example`` for each variable.

    ``source`` is what the user asked for; ``source_kind`` what answers: binance, simulator or replay.
    """

    source: str = "auto"
    symbols: tuple[str, ...] = DEFAULT_SYMBOLS
    history_days: int = 7
    binance_ws_url: str = BINANCE_WS_URL
    binance_rest_url: str = BINANCE_REST_URL
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_partitions: int = 6
    topics: Topics = field(default_factory=Topics)
    consumer_group_prefix: str = ""
    consumer_instance: str | None = None
    mongo_uri: str = "mongodb://127.0.0.1:27017"
    mongo_db: str = "CRYPTO"
    redis_host: str = "127.0.0.1"
    redis_port: int = 6379
    redis_db: int = 0
    redis_password: str | None = field(default=None, repr=False)
    data_dir: Path = Path(".data")
    http_host: str = "127.0.0.1"
    http_port: int = 8050
    push_port: int = 8051
    allow_anonymous: bool = False
    simulator_seed: int = 1
    simulator_rate: float = 1.0
    simulator_script: Path | None = None
    replay_speed: float = 1.0
    replay_shift: bool = False
    replay_hold: float = 1.0

    @property
    def source_kind(self) -> str:
        """``binance``, ``simulator`` or ``replay``, as pages and the ``X-Data-Source`` header say it."""
        return self.source.partition(":")[0]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read every variable once. Raises MisconfiguredError naming the variable that is off."""
        env = os.environ if environment is None else environment
        return cls(
            source=_source(env.get("SOURCE") or "binance"),
            symbols=_symbols(env.get("SYMBOLS")),
            history_days=_whole(env, "HISTORY_DAYS", 7),
            binance_ws_url=(env.get("BINANCE_WS_URL") or BINANCE_WS_URL).rstrip("/"),
            binance_rest_url=(env.get("BINANCE_REST_URL") or BINANCE_REST_URL).rstrip("/"),
            kafka_bootstrap=env.get("KAFKA_BOOTSTRAP") or env.get("KAFKA_BROKER") or "127.0.0.1:9092",
            kafka_partitions=_whole(env, "KAFKA_PARTITIONS", 6, least=1),
            topics=Topics.named(prefix=env.get("TOPIC_PREFIX", ""), kline=env.get("KAFKA_TOPIC") or Topics().kline),
            consumer_group_prefix=env.get("TOPIC_PREFIX", ""),
            consumer_instance=env.get("CONSUMER_INSTANCE") or None,
            mongo_uri=env.get("MONGO_URI") or "mongodb://127.0.0.1:27017",
            mongo_db=env.get("MONGO_DB") or "CRYPTO",
            redis_host=env.get("REDIS_HOST") or "127.0.0.1",
            redis_port=_port(env, "REDIS_PORT", 6379),
            redis_db=_whole(env, "REDIS_DB", 0),
            redis_password=env.get("REDIS_PASSWORD") or None,
            data_dir=Path(env.get("DATA_DIR") or ".data"),
            http_host=env.get("HTTP_HOST") or "127.0.0.1",
            http_port=_port(env, "HTTP_PORT", 8050),
            push_port=_port(env, "PUSH_PORT", 8051),
            allow_anonymous=_yes(env.get("ALLOW_ANONYMOUS")),
            simulator_seed=_whole(env, "SIMULATOR_SEED", 1),
            simulator_rate=_positive(env, "SIMULATOR_RATE", 1.0),
            simulator_script=Path(script) if (script := env.get("SIMULATOR_SCRIPT")) else None,
            replay_speed=_positive(env, "REPLAY_SPEED", 1.0),
            replay_shift=_yes(env.get("REPLAY_SHIFT")),
            replay_hold=_positive(env, "REPLAY_HOLD", 1.0),
        )


def _source(text: str) -> str:
    kind, _, path = text.partition(":")
    if text in ("auto", "binance", "simulator") or (kind == "replay" and path):
        return text
    raise MisconfiguredError(f"SOURCE is {text!r}; expected auto, binance, simulator or replay:PATH")


def _symbols(text: str | None) -> tuple[str, ...]:
    names = dict.fromkeys(name.strip().upper() for name in (text or "").split(",") if name.strip())
    return tuple(names) or DEFAULT_SYMBOLS


def _whole(env: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise MisconfiguredError(f"{name} is {text!r}; expected a whole number from {least}")
    return int(text)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    port = _whole(env, name, default)
    if not 0 < port < 65_536:
        raise MisconfiguredError(f"{name} is {port}; expected a port from 1 to 65535")
    return port


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise MisconfiguredError(f"{name} is {text!r}; expected a number above 0")
    return value


def _yes(text: str | None) -> bool:
    return (text or "").strip().lower() in ("1", "true", "yes", "on")

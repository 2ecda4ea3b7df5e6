"""A store belongs to one source: read what it says of itself, refuse a foreign one, write it down in a new one."""

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import redis
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.interval import Interval
from pipeline.domain.names import META_COLLECTION, SOURCE_KEY, collection
from pipeline.local import kafka, mongod
from pipeline.local.processes import SERVERS
from pipeline.settings import Settings

_WAIT_MS = 5_000
_OWNER_TOPIC = "crypto_source_"
"""A broker says whose it is by the name of an empty topic: this, then the mark."""
_LASTING = {"mongod": mongod.WAY_OUT, "kafka": kafka.WAY_OUT}
"""Our servers whose data outlives them, and what to do where it is damaged."""


class _Opened(NamedTuple):
    """A store that was found free or ours: whether it says whose it is, and what makes it say so."""

    is_claimed: bool
    claim: Callable[[], object]


class Kept(Protocol):
    """A server of ours and the folder its data is in."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def folder(self) -> Path: ...  # noqa: D102


def claim_stores(
    settings: Settings, *, mark: str, stores: Collection[str] = SERVERS, ours: Iterable[Kept] = ()
) -> None:
    """Make ``stores`` (names of SERVERS) belong to ``mark``; ``ours`` are the servers this stack runs itself.

    Raises MisconfiguredError, with nothing written, if one belongs to another source, does not answer, or is one of
    ours that has lost what it held: some damage makes a server begin anew without a word.
    """
    kept = [server for server in ours if server.name in _LASTING and server.name in stores]
    openers = {"mongod": _open_mongo, "valkey": _open_redis, "kafka": _open_kafka}
    try:
        with ExitStack() as connections:
            opened = {name: openers[name](settings, mark, connections) for name in SERVERS if name in stores}
            for server in kept:
                _require_memory_of(server, settings, is_claimed=opened[server.name].is_claimed)
            for store in opened.values():
                store.claim()
            for server in kept:
                _write_note(server, settings)
    except (PyMongoError, redis.RedisError, KafkaException) as error:
        raise MisconfiguredError(_no_entry(settings, error)) from error


def _open_mongo(settings: Settings, mark: str, connections: ExitStack) -> _Opened:
    client = MongoClient[dict[str, Any]](settings.mongo_uri, serverSelectionTimeoutMS=_WAIT_MS)
    database = connections.enter_context(client)[settings.mongo_db]
    held = _mark_of(database)
    _require(held, mark, f"MongoDB database {settings.mongo_db}", "MONGO_DB")
    words = {"source": mark.partition(":")[0], "mark": mark}
    claim = partial(database[META_COLLECTION].update_one, {"_id": "source"}, {"$set": words}, upsert=True)
    return _Opened(held is not None, claim)


def _open_redis(settings: Settings, mark: str, connections: ExitStack) -> _Opened:
    cache = connections.enter_context(_redis(settings))
    held = _cache_mark(cache)
    _require(held, mark, f"Redis database {settings.redis_db}", "REDIS_DB")
    return _Opened(held is not None, partial(cache.set, SOURCE_KEY, mark))


def _open_kafka(settings: Settings, mark: str, _: ExitStack) -> _Opened:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap, "log_level": 0})
    beginning = settings.consumer_group_prefix + _OWNER_TOPIC
    ours = beginning + re.sub(r"[^A-Za-z0-9_-]+", "-", mark)
    owners = {name for name in admin.list_topics(timeout=_WAIT_MS / 1000).topics if name.startswith(beginning)}
    for other in sorted(owners - {ours}):
        held = other.removeprefix(beginning)
        _require(held, mark, f"Kafka at {settings.kafka_bootstrap}", "KAFKA_BOOTSTRAP or TOPIC_PREFIX")
    return _Opened(ours in owners, partial(_create, admin, ours))


def _create(admin: AdminClient, topic: str) -> None:
    wanted = NewTopic(topic, num_partitions=1, replication_factor=-1)  # -1: as many copies as the broker's default
    try:
        admin.create_topics([wanted], operation_timeout=15, request_timeout=15)[topic].result(timeout=20)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _note(server: Kept) -> Path:
    """What says, beside a server's data, which names in it were claimed once, a line each."""
    return server.folder / "claimed"


def _names_noted(server: Kept) -> set[str]:
    return set(_note(server).read_text(errors="replace").splitlines()) if _note(server).exists() else set()


def _name_in(server: Kept, settings: Settings) -> str:
    """What of the server's data is ours: a database, or the topics with a prefix."""
    return settings.mongo_db if server.name == "mongod" else f"topics {settings.consumer_group_prefix}*"


def _require_memory_of(server: Kept, settings: Settings, *, is_claimed: bool) -> None:
    if not is_claimed and _name_in(server, settings) in _names_noted(server):
        raise MisconfiguredError(
            f"{server.name} does not start: its data in {server.folder} is damaged, what it held is gone; "
            f"{_LASTING[server.name]}"
        )


def _write_note(server: Kept, settings: Settings) -> None:
    names = _names_noted(server) | {_name_in(server, settings)}
    _note(server).write_text("".join(f"{name}\n" for name in sorted(names)))


def _redis(settings: Settings) -> redis.Redis:
    return redis.Redis(
        host=settings.redis_host,
        port=settings.redis_port,
        db=settings.redis_db,
        password=settings.redis_password,
        socket_connect_timeout=_WAIT_MS / 1000,
        socket_timeout=_WAIT_MS / 1000,
    )


def _mark_of(database: Database[dict[str, Any]]) -> str | None:
    """Whose it is; candles that nobody claimed are taken for real ones."""
    found = database[META_COLLECTION].find_one({"_id": "source"})
    if found:
        return str(found.get("mark", found["source"]))
    return "binance" if database[collection(Interval.M1)].find_one({}, {"_id": 1}) else None


def _cache_mark(cache: redis.Redis) -> str | None:
    found = cache.get(SOURCE_KEY)
    return found.decode() if isinstance(found, bytes) else None


def _require(held: str | None, mark: str, store: str, variable: str) -> None:
    if held not in (None, mark, mark.partition(":")[0]):
        raise MisconfiguredError(
            f"{store} holds data of {held}, and this start reads {mark}; nothing was touched: "
            f"set {variable} or DATA_DIR to another one, or SOURCE (and SIMULATOR_SEED) to what it holds"
        )


def _no_entry(settings: Settings, error: Exception) -> str:
    match error:
        case PyMongoError():
            return f"MongoDB does not let us in: {_first_line(error)}; check MONGO_URI"
        case KafkaException():
            said = error.args[0].str()
            return f"Kafka at {settings.kafka_bootstrap} does not let us in: {said}; check KAFKA_BOOTSTRAP"
        case _:
            where = f"{settings.redis_host}:{settings.redis_port}"
            check = "check REDIS_HOST, REDIS_PORT and REDIS_PASSWORD"
            return f"Redis at {where} does not let us in: {_first_line(error)}; {check}"


def _first_line(error: Exception) -> str:
    return str(error).partition(",")[0].splitlines()[0]

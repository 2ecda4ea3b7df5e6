"""A namespace on the session's servers: a topic prefix, a database and a Redis database that one test has to itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from uuid import uuid4

import redis
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient

from pipeline.domain.names import Topics
from pipeline.settings import Settings

REDIS_DATABASES = 16
_turns = count()


@contextmanager
def fresh_namespace(servers: Settings) -> Iterator[Settings]:
    """Settings under names nobody used before; what was written under them is gone afterwards."""
    name = f"t{uuid4().hex[:10]}"
    settings = replace(
        servers,
        topics=Topics.named(prefix=f"{name}_"),
        consumer_group_prefix=f"{name}_",
        mongo_db=name,
        redis_db=next(_turns) % REDIS_DATABASES,
    )
    _flush(settings)
    try:
        yield settings
    finally:
        _flush(settings)
        with MongoClient[dict[str, object]](settings.mongo_uri) as mongo:
            mongo.drop_database(name)
        _delete_topics(settings, f"{name}_")


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that make ``Settings.from_environment`` give these settings, for a process of its own."""
    return {
        "SOURCE": settings.source,
        "SYMBOLS": ",".join(settings.symbols),
        "DATA_DIR": str(settings.data_dir),
        "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "TOPIC_PREFIX": settings.consumer_group_prefix,
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DB": settings.mongo_db,
        "REDIS_HOST": settings.redis_host,
        "REDIS_PORT": str(settings.redis_port),
        "REDIS_DB": str(settings.redis_db),
        "BINANCE_WS_URL": settings.binance_ws_url,
        "BINANCE_REST_URL": settings.binance_rest_url,
        "HTTP_PORT": str(settings.http_port),
        "PUSH_PORT": str(settings.push_port),
        "HISTORY_DAYS": str(settings.history_days),
    }


def _flush(settings: Settings) -> None:
    with redis.Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db) as cache:
        cache.flushdb()


def _delete_topics(settings: Settings, prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})
    topics = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
    if topics:
        for deletion in admin.delete_topics(topics).values():
            deletion.result()

"""The cache behind the page's reads: flask-caching on Redis, which counts for nothing while Redis is away."""

import logging
from datetime import timedelta
from typing import Any

import redis
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.rediscache import RedisCache

from pipeline.adapters.redis_reader import connect
from pipeline.settings import Settings

log = logging.getLogger(__name__)

KEY_PREFIX = "web:cache:"
DEFAULT_S = 5


class PatientRedisCache(RedisCache):
    """A Redis cache that is empty while Redis is away: a reader then asks the store and hears of it there."""

    @classmethod
    def factory(cls, _app: Flask, config: dict[str, Any], _args: list[Any], _kwargs: dict[str, Any]) -> "RedisCache":
        """The backend flask-caching asks for; ``CACHE_CLIENT`` is a Redis client with deadlines."""
        return cls(config["CACHE_CLIENT"], default_timeout=DEFAULT_S, key_prefix=KEY_PREFIX)

    def get(self, key: str) -> Any:
        """The value, or None."""
        try:
            return super().get(key)
        except redis.RedisError as error:
            log.warning("cache not read: %s", error)
            return None

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool | None:
        """Keep a value for ``timeout`` seconds."""
        try:
            return bool(super().set(key, value, timeout))
        except redis.RedisError as error:
            log.warning("cache not written: %s", error)
            return False

    def get_many(self, *keys: str) -> list[Any]:
        """The values, None for each that is missing."""
        try:
            return list(super().get_many(*keys))
        except redis.RedisError as error:
            log.warning("cache not read: %s", error)
            return [None] * len(keys)

    def set_many(self, mapping: dict[str, Any], timeout: int | timedelta | None = None) -> list[Any]:
        """Keep several values; the keys that were written."""
        try:
            return list(super().set_many(mapping, timeout))
        except redis.RedisError as error:
            log.warning("cache not written: %s", error)
            return []


def redis_cache(app: Flask, settings: Settings) -> Cache:
    """The cache of ``app``; every key has the prefix and a life, every call a deadline of a second."""
    client = connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
    backend = f"{PatientRedisCache.__module__}.{PatientRedisCache.__qualname__}"
    return Cache(app, config={"CACHE_TYPE": backend, "CACHE_CLIENT": client, "CACHE_DEFAULT_TIMEOUT": DEFAULT_S})

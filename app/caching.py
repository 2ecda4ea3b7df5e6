"""The cache behind the page's reads: flask-caching on Redis, which counts for nothing while Redis is away."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import redis
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.rediscache import RedisCache

from pipeline.adapters.redis_reader import connect
from pipeline.settings import Settings

log = logging.getLogger(__name__)

KEY_PREFIX = "web:cache:"
DEFAULT_S = 5
SKIPPED_S = 3.0
"""How long Redis is not asked after it failed: one deadline then, and not one for each of a page's reads."""

T = TypeVar("T")


class PatientRedisCache(RedisCache):
    """A Redis cache that is empty while Redis is away: a reader then asks the store and hears of it there.

    After a failure it stays empty for ``SKIPPED_S`` without asking.
    """

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(client, default_timeout=DEFAULT_S, key_prefix=KEY_PREFIX)
        self._clock = clock
        self._asked_again_s = float("-inf")

    @classmethod
    def factory(cls, _app: Flask, config: dict[str, Any], _args: list[Any], _kwargs: dict[str, Any]) -> "RedisCache":
        """The backend flask-caching asks for; ``CACHE_CLIENT`` is a Redis client with deadlines."""
        return cls(config["CACHE_CLIENT"])

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self._patiently(lambda: super(PatientRedisCache, self).get(key), None)

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool | None:
        """Keep a value for ``timeout`` seconds."""
        return self._patiently(lambda: bool(super(PatientRedisCache, self).set(key, value, timeout)), False)

    def get_many(self, *keys: str) -> list[Any]:
        """The values, None for each that is missing."""
        return self._patiently(lambda: list(super(PatientRedisCache, self).get_many(*keys)), [None] * len(keys))

    def set_many(self, mapping: dict[str, Any], timeout: int | timedelta | None = None) -> list[Any]:
        """Keep several values; the keys that were written."""
        return self._patiently(lambda: list(super(PatientRedisCache, self).set_many(mapping, timeout)), [])

    def _patiently(self, call: Callable[[], T], nothing: T) -> T:
        if self._clock() < self._asked_again_s:
            return nothing
        try:
            return call()
        except redis.RedisError as error:
            self._asked_again_s = self._clock() + SKIPPED_S
            log.warning("no cache for %s s: %s", SKIPPED_S, error)
            return nothing


def redis_cache(app: Flask, settings: Settings) -> Cache:
    """The cache of ``app``; every key has the prefix and a life, every call a deadline of a second."""
    client = connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
    backend = f"{PatientRedisCache.__module__}.{PatientRedisCache.__qualname__}"
    return Cache(app, config={"CACHE_TYPE": backend, "CACHE_CLIENT": client, "CACHE_DEFAULT_TIMEOUT": DEFAULT_S})

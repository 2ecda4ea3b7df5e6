"""The page's cache is a convenience: it may be wiped, and it may be away."""

from dataclasses import replace
from typing import Any

import redis
from flask import Flask

from app.caching import KEY_PREFIX, SKIPPED_S, PatientRedisCache, redis_cache
from pipeline.settings import Settings


def counted(settings: Settings) -> tuple[Flask, list[int]]:
    app, calls = Flask(__name__), [0, 0]
    cache = redis_cache(app, settings)

    @cache.memoize(timeout=30)
    def read() -> int:
        calls[0] += 1
        return calls[0]

    with app.app_context():
        calls[1:] = [read(), read()]
    return app, calls


def test_a_second_read_is_answered_by_redis_under_the_prefix(namespace: Settings) -> None:
    _, calls = counted(namespace)
    assert calls == [1, 1, 1]


def test_without_redis_every_read_asks_the_store(namespace: Settings) -> None:
    _, calls = counted(replace(namespace, redis_port=9))
    assert calls == [2, 1, 2]


def test_every_key_has_the_prefix_and_a_life(namespace: Settings) -> None:

    counted(namespace)
    with redis.Redis(host=namespace.redis_host, port=namespace.redis_port, db=namespace.redis_db) as client:
        keys = client.keys("*")
        assert keys
        assert all(key.startswith(KEY_PREFIX.encode()) and client.ttl(key) > 0 for key in keys)


class AskedRedis(redis.Redis):
    """A client of nothing that counts its commands."""

    asked = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        raise redis.TimeoutError("hangs")


def test_a_redis_that_hangs_costs_one_deadline_and_not_one_for_each_call() -> None:
    client, now_s = AskedRedis(), [100.0]
    cache = PatientRedisCache(client, clock=lambda: now_s[0])
    assert (cache.get("a"), cache.set("a", 1), cache.get_many("a", "b")) == (None, False, [None, None])
    assert (client.asked, cache.set_many({"a": 1})) == (1, [])
    now_s[0] += SKIPPED_S
    assert cache.get("a") is None
    assert client.asked == 2

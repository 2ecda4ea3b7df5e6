"""The push room assembled from settings."""

import redis

from app.push.hub import Hub
from app.push.snapshots import History, RedisSnapshots
from app.push.subscriber import RedisFeed
from pipeline.settings import Settings


def connect(settings: Settings) -> "redis.Redis":
    """A Redis client whose every call has a deadline."""
    return redis.Redis(
        host=settings.redis_host, port=settings.redis_port, db=settings.redis_db, password=settings.redis_password,
        socket_timeout=5, socket_connect_timeout=3, socket_keepalive=True,
    )  # fmt: skip


def build_push(
    settings: Settings, *, history: History | None = None, max_clients: int = 5_000
) -> tuple[Hub, RedisSnapshots]:
    """(hub, snapshots) for ``register_push``; nothing is started or connected yet."""
    feed = RedisFeed(lambda: connect(settings), database=settings.redis_db)
    return Hub(feed, max_clients=max_clients), RedisSnapshots(connect(settings), history=history)

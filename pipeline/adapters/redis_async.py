"""A Redis client for an event loop, for what can go on without an answer."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

DEADLINE_S = 1.0


def connect(host: str, port: int, *, database: int, password: str | None) -> "redis.asyncio.Redis":
    """A client whose every call is made once and has a second: whoever asks has something else to do."""
    return redis.asyncio.Redis(
        host=host, port=port, db=database, password=password,
        socket_timeout=DEADLINE_S, socket_connect_timeout=DEADLINE_S, retry=Retry(NoBackoff(), 0),
    )  # fmt: skip

"""A store belongs to one source: read what it says of itself, refuse a foreign one, write it down in a new one."""

from typing import Any

import redis
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.interval import Interval
from pipeline.domain.names import META_COLLECTION, SOURCE_KEY, collection
from pipeline.settings import Settings

_WAIT_MS = 5_000


def claim_stores(settings: Settings, *, mark: str) -> None:
    """Make MongoDB and Redis belong to ``mark``. Raises MisconfiguredError, with nothing written, if one does not."""
    try:
        with (
            MongoClient[dict[str, Any]](settings.mongo_uri, serverSelectionTimeoutMS=_WAIT_MS) as mongo,
            _redis(settings) as cache,
        ):
            database = mongo[settings.mongo_db]
            _require(_mark_of(database), mark, f"MongoDB database {settings.mongo_db}", "MONGO_DB")
            _require(_cache_mark(cache), mark, f"Redis database {settings.redis_db}", "REDIS_DB")
            words = {"source": mark.partition(":")[0], "mark": mark}
            database[META_COLLECTION].update_one({"_id": "source"}, {"$set": words}, upsert=True)
            cache.set(SOURCE_KEY, mark)
    except PyMongoError as error:
        raise MisconfiguredError(f"MongoDB does not let us in: {_first_line(error)}; check MONGO_URI") from error
    except redis.RedisError as error:
        raise MisconfiguredError(
            f"Redis at {settings.redis_host}:{settings.redis_port} does not let us in: {_first_line(error)}; "
            "check REDIS_HOST, REDIS_PORT and REDIS_PASSWORD"
        ) from error


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
            f"set {variable} to another one, or SOURCE to what it holds"
        )


def _first_line(error: Exception) -> str:
    return str(error).partition(",")[0].splitlines()[0]

"""A 503 names the store that is waited for, in words of ours and not of a driver."""

import threading
from collections.abc import Sequence

import pytest
import redis
from flask import Flask
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from app import problems
from app.reads.windows import WindowReads
from pipeline.adapters.mongo_reader import MongoReader
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain import jsontext
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError


class SlowRedis(RedisReader):
    """A reader whose first question is under way until ``answer`` is set, and then fails."""

    def __init__(self) -> None:
        super().__init__(redis.Redis())
        self.asked, self.answer = threading.Event(), threading.Event()

    def latest_of(self, symbols: Sequence[str]) -> dict[str, Candle]:
        self.asked.set()
        self.answer.wait(timeout=10)
        raise TransientError("Redis: away")


def told(error: TransientError) -> str:
    app = Flask("told")
    problems.register(app)

    @app.get("/")
    def page() -> str:
        raise error

    response = app.test_client().get("/")
    assert response.status_code == 503
    return str(jsontext.loads(response.get_data())["detail"])


def test_a_reader_that_would_queue_behind_another_is_told_what_the_other_waits_for() -> None:
    slow = SlowRedis()
    reads = WindowReads(slow, MongoReader(MongoClient(connect=False), "unasked"), patience_s=0.01)

    def first() -> None:
        with pytest.raises(TransientError):
            reads.movements((), "24h")

    thread = threading.Thread(target=first)
    thread.start()
    assert slow.asked.wait(timeout=10)
    with pytest.raises(TransientError) as refused:
        reads.movements((), "24h")
    slow.answer.set()
    thread.join(timeout=10)
    assert told(refused.value) == "MongoDB: another reader still waits for it"


def test_a_drivers_words_stay_in_the_log() -> None:
    error = TransientError("MongoDB: 10.1.2.3:27017 refused")
    error.__cause__ = AutoReconnect("10.1.2.3:27017 refused")
    assert told(error) == "MongoDB does not answer in time"

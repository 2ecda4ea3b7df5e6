"""A process says of itself every two seconds that it lives, and what it counted."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from pipeline.domain import jsontext, names

log = logging.getLogger(__name__)

EVERY_S = 2.0
LIFE_S = 15
KEPT_S = 7 * 86_400


class Heartbeat:
    """Writes ``process:{name}:heartbeat`` from a thread of its own until closed; a Redis that is away is waited out."""

    def __init__(self, client: "redis.Redis", name: str, detail: Callable[[], Mapping[str, Any]]) -> None:
        self._redis = client
        self._name = name
        self._detail = detail
        self._stopped = threading.Event()
        self._extra: dict[str, bytes] = {}
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> "Heartbeat":
        """Begin to beat."""
        self._thread.start()
        return self

    def keep(self, key: str, value: bytes) -> None:
        """Write ``key`` with every beat too, so that a wiped Redis has it again in seconds."""
        self._extra[key] = value

    def close(self) -> None:
        """Say no more."""
        self._stopped.set()
        self._thread.join(timeout=EVERY_S)

    def _run(self) -> None:
        while True:
            self._beat()
            if self._stopped.wait(EVERY_S):
                return

    def _beat(self) -> None:
        text = jsontext.dumps(
            {
                "process": self._name,
                "pid": os.getpid(),
                "at": time.time_ns() // 1_000_000,
                "state": "running",
                "detail": dict(self._detail()),
            }
        )
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(names.heartbeat_key(self._name), text, ex=LIFE_S)
            for key, value in list(self._extra.items()):
                pipe.set(key, value, ex=KEPT_S)
            pipe.execute()
        except redis.RedisError as error:
            log.warning("heartbeat not written: %s", error)

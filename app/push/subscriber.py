"""The thread that listens to Redis for the whole process and hands every push to the hub."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import redis

from app.push.hub import Hub
from pipeline.domain.names import channel
from pipeline.domain.pushes import decode_push

log = logging.getLogger(__name__)

ASK_AFTER_S = 5.0
SILENCE_S = 12.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


class RedisFeed:
    """Pushes of all streams and symbols of one Redis database; reconnects for ever, with jitter.

    ``connect`` gives a client with socket timeouts; it is called in the feed's own thread.
    """

    def __init__(self, connect: "Callable[[], redis.Redis]", *, database: int) -> None:
        self._connect = connect
        self._pattern = channel(database, "*", "*")
        self._stopped = threading.Event()

    def start(self, hub: Hub) -> None:
        """Begin to listen, in a thread of its own."""
        threading.Thread(target=self._run, args=(hub,), name="push-feed", daemon=True).start()

    def stop(self) -> None:
        """End within a second."""
        self._stopped.set()

    def _run(self, hub: Hub) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopped.is_set():
            try:
                self._listen(hub)
            except (redis.RedisError, OSError) as error:
                wait_s = FIRST_WAIT_S if hub.live.is_set() else min(wait_s * 2, LONGEST_WAIT_S)
                hub.live.clear()
                hub.counters.reconnects += 1
                log.warning("push lost Redis: %s", error)
                self._stopped.wait(random.uniform(0, wait_s))  # noqa: S311 - jitter needs no secret

    def _listen(self, hub: Hub) -> None:
        with self._connect() as client, client.pubsub() as pubsub:
            pubsub.psubscribe(self._pattern)
            heard_s = time.monotonic()
            while not self._stopped.is_set():
                message = pubsub.get_message(timeout=1.0)
                now_s = time.monotonic()
                if message is not None:
                    heard_s = now_s
                    _hand_over(message, hub)
                elif now_s - heard_s > SILENCE_S:
                    raise redis.TimeoutError(f"no answer for {SILENCE_S:.0f} s")
                elif now_s - heard_s > ASK_AFTER_S:
                    pubsub.ping()


def _hand_over(message: dict[str, Any], hub: Hub) -> None:
    if message["type"] == "psubscribe":
        hub.live.set()
    if message["type"] != "pmessage":
        return
    try:
        _, _, stream, symbol = message["channel"].decode().split(":")
        push = decode_push(message["data"])
    except ValueError:
        hub.counters.malformed += 1
        return
    hub.publish(stream, symbol, push)

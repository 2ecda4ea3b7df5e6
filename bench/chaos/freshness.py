"""How fresh the data is for whoever reads it, looked at five times a second while everything goes wrong."""

import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import redis

EVERY_S = 0.2
LATEST_S, BOOK_S, TRADES_S = 3.5, 2.0, 10.0
"""Older than this a symbol's newest candle, book or trades are stale: candles come every two seconds, books ten a
second, trades of the quietest symbol less than one a second."""
ANSWERS_WITHIN_S = 2.0


class Sample(NamedTuple):
    """One look: when (our clock, seconds), the oldest datum's age in seconds, and what was stale or did not answer."""

    at: float
    age_s: float
    stale: str


@dataclass(slots=True)
class Watch:
    """Looks until told to stop, from a thread of its own."""

    store: "redis.Redis"
    pages: tuple[str, ...]
    symbols: tuple[str, ...]
    excused: frozenset[str] = frozenset()
    """Of these nothing is expected for now."""
    samples: list[Sample] = field(default_factory=list)
    _moved: dict[str, tuple[int, float]] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def of(cls, environment: Mapping[str, str], symbols: Sequence[str]) -> Iterator["Watch"]:
        """A watch over a running stack."""
        store = redis.Redis(
            environment["REDIS_HOST"], int(environment["REDIS_PORT"]), password=environment.get("REDIS_PASSWORD"),
            socket_timeout=ANSWERS_WITHIN_S, socket_connect_timeout=ANSWERS_WITHIN_S,
        )  # fmt: skip
        pages = (
            f"http://127.0.0.1:{environment['HTTP_PORT']}/latest?symbol={symbols[0]}",
            f"http://127.0.0.1:{environment['PUSH_PORT']}/livez",
        )
        watch = cls(store, pages, tuple(symbols))
        thread = threading.Thread(target=watch._look_on, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            watch._stopped.set()
            thread.join()

    @property
    def why(self) -> str:
        """What is stale now."""
        return self.samples[-1].stale if self.samples else "nothing was seen"

    def wait_s(self, seconds: float) -> None:
        """Let time pass."""
        self._stopped.wait(seconds)

    def fresh_for(self, seconds: float, *, within_s: float) -> bool:
        """Whether, within ``within_s``, everything was fresh for ``seconds`` on end."""
        deadline, since = time.time() + within_s, time.time()
        while time.time() < deadline:
            self._stopped.wait(EVERY_S)
            now, stale_at = time.time(), stale_until(self.samples, since)
            if now - max(stale_at, since) >= seconds and self.samples and now - self.samples[-1].at < ANSWERS_WITHIN_S:
                return True
        return False

    def _look_on(self) -> None:
        while not self._stopped.wait(EVERY_S):
            began = time.time()
            stale, ages = self._stale(began)
            self.samples.append(Sample(began, max(ages, default=0.0), stale))

    def _stale(self, now: float) -> tuple[str, list[float]]:
        try:
            ages = self._ages(now)
        except redis.RedisError as error:
            return f"Redis: {error}", []
        ages = {key: age for key, age in ages.items() if key[0] not in self.excused}
        late = [f"{name} of {symbol}" for (symbol, name), age in ages.items() if age > _LIMITS[name]]
        paced = [age for (_, name), age in ages.items() if name != "trades"]  # a quiet market is not stale data
        return (late[0] if late else self._unanswered()), paced

    def _ages(self, now: float) -> dict[tuple[str, str], float]:
        pipeline = self.store.pipeline(transaction=False)
        for symbol in self.symbols:
            pipeline.get(f"crypto:{symbol}:1m:latest")
            pipeline.get(f"orderbook:{symbol}:latest")
            pipeline.zrange(f"trades:{symbol}:list", -1, -1, withscores=True)
        answers, ages = iter(pipeline.execute()), {}
        for symbol, latest, book, trades in zip(self.symbols, answers, answers, answers, strict=False):
            ages[symbol, "latest"] = _age_s(latest, now)
            ages[symbol, "book"] = _age_s(book, now)
            ages[symbol, "trades"] = self._still_s(symbol, int(trades[0][1]) if trades else -1, now)
        return ages

    def _still_s(self, symbol: str, newest: int, now: float) -> float:
        """How long the newest trade has been the newest."""
        held, since = self._moved.get(symbol, (-1, now))
        if newest != held:
            self._moved[symbol] = (newest, now)
            return 0.0
        return now - since

    def _unanswered(self) -> str:
        for page in self.pages:
            try:
                urllib.request.urlopen(page, timeout=ANSWERS_WITHIN_S).close()
            except OSError as error:
                return f"{page}: {error}"
        return ""


def stale_until(samples: Sequence[Sample], since: float) -> float:
    """When the data was last stale after ``since``; ``since`` itself if never."""
    return next((sample.at for sample in reversed(samples) if sample.stale and sample.at >= since), since)


def _age_s(value: bytes | None, now: float) -> float:
    if value is None:
        return float(_NEVER_S)
    record = orjson.loads(value)
    if record.get("state", "synced") != "synced":
        return float(_NEVER_S)
    return now - float(record["receivedTime"]) / 1_000


_NEVER_S = 999
_LIMITS = {"latest": LATEST_S, "book": BOOK_S, "trades": TRADES_S}

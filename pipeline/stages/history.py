"""Fills the one-minute history from the exchange's own candles, newest first, only what the store lacks."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import Any, NoReturn

from pipeline.domain import records
from pipeline.domain.candle import Candle
from pipeline.domain.faults import BadMessageError, TransientError
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.stages.backoff import Backoff, patiently
from pipeline.stages.ports import Candles, Clock, Past, Publisher

log = logging.getLogger(__name__)

PAGE_MINUTES = 1_000
GIVE_UP_AFTER = 8
PRESSED_WAIT_S = 0.05
SWEEP_EVERY_S = 30
SWEEP_MS = 2 * 3_600_000
SETTLED_MS = 10_000
"""A minute over for this long should have gone from the stream through the log into the store."""


@dataclass(frozen=True, slots=True)
class Page:
    """One request's worth of minutes: ``missing`` of them are wanted, all within the half-open range."""

    symbol: str
    start_ms: int
    end_ms: int
    missing: int


@dataclass(slots=True)
class Report:
    """What a fill came to, in minutes. ``unavailable``: the exchange has no candle either."""

    total: int = 0
    fetched: int = 0
    unavailable: int = 0
    failed: int = 0
    state: str = "planned"

    @property
    def done(self) -> int:
        """Minutes settled one way or the other."""
        return self.fetched + self.unavailable + self.failed

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        return {
            "state": self.state, "done": self.done, "total": self.total,
            "fetched": self.fetched, "unavailable": self.unavailable, "failed": self.failed,
        }  # fmt: skip


def pages(symbol: str, missing: Sequence[int]) -> list[Page]:
    """The requests that cover ``missing`` open times (oldest first), newest first."""
    found: list[Page] = []
    end = len(missing)
    while end:
        last_ms = missing[end - 1]
        start = next(i for i in range(end) if missing[i] > last_ms - PAGE_MINUTES * MINUTE_MS)
        found.append(Page(symbol, missing[start], last_ms + MINUTE_MS, end - start))
        end = start
    return found


def newest_first(by_symbol: Sequence[Sequence[Page]]) -> Iterator[Page]:
    """Every symbol's newest page, then every symbol's next: no market waits for another's last year."""
    for rank in zip_longest(*by_symbol):
        yield from (page for page in rank if page is not None)


def _minute(time_ms: int) -> int:
    return time_ms - time_ms % MINUTE_MS


@dataclass(slots=True)
class History:
    """Fills a range of history; safe to run again at any time."""

    venue: Past
    stored: Candles
    publisher: Publisher
    topics: Topics
    clock: Clock
    report: Report = field(default_factory=Report)
    repaired: int = 0

    async def keep(self, symbols: Sequence[str], *, days: int) -> NoReturn:
        """Fill ``days`` of history once, then close by REST whatever minute the stream left out."""
        began_ms = await patiently(self.venue.server_ms)
        oldest_ms = _minute(began_ms - days * DAY_MS)
        await patiently(partial(self.fill, symbols, start_ms=oldest_ms, end_ms=_minute(began_ms)))
        log.info("history: %s", self.report.detail())
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            await patiently(partial(self.sweep, symbols, oldest_ms=oldest_ms))

    async def sweep(self, symbols: Sequence[str], *, oldest_ms: int) -> int:
        """Fetch the minutes of the last two hours that should have been stored by now; how many came."""
        end_ms = _minute(await self.venue.server_ms() - SETTLED_MS)
        look = replace(self, report=Report())
        await look.fill(symbols, start_ms=max(oldest_ms, end_ms - SWEEP_MS), end_ms=end_ms)
        if look.report.fetched:
            log.warning("%d minutes the stream did not close came over REST", look.report.fetched)
        self.repaired += look.report.fetched
        return look.report.fetched

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        return {"history": self.report.detail(), "repairedMinutes": self.repaired}

    async def fill(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> Report:
        """Fetch every minute of the half-open range that the store lacks. Raises UndeliveredError."""
        plan = [pages(symbol, await asyncio.to_thread(self._missing, symbol, start_ms, end_ms)) for symbol in symbols]
        self.report.total = self.report.done + sum(page.missing for book in plan for page in book)
        self.report.state = "running"
        for page in newest_first(plan):
            await self._page(page)
        self.report.state = "done"
        return self.report

    async def _page(self, page: Page) -> None:
        candles = await self._fetch(page)
        if candles is None:
            self.report.failed += page.missing
            return
        for candle in candles:
            self.publisher.append(self.topics.kline, key=candle.symbol, value=records.encode_candle(candle))
        self.report.fetched += min(len(candles), page.missing)
        self.report.unavailable += max(0, page.missing - len(candles))
        while self.publisher.pressed:
            await asyncio.sleep(PRESSED_WAIT_S)

    async def _fetch(self, page: Page) -> list[Candle] | None:
        backoff = Backoff()
        for _attempt in range(GIVE_UP_AFTER):
            try:
                return await self.venue.klines(
                    page.symbol,
                    Interval.M1,
                    start_ms=page.start_ms,
                    end_ms=page.end_ms,
                    received_ms=self.clock(),
                )
            except (TransientError, BadMessageError) as error:
                wait_s = backoff.next_s()
                log.warning("history of %s: %s; again in %.1f s", page.symbol, error, wait_s)
                await asyncio.sleep(wait_s)
        return None

    def _missing(self, symbol: str, start_ms: int, end_ms: int) -> list[int]:
        return self.stored.missing_minutes(symbol, start_ms=start_ms, end_ms=end_ms)

"""Fills the one-minute history from the exchange's own candles, newest first, only what the store lacks."""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import Any, NoReturn

from pipeline.domain import records
from pipeline.domain.gap import Cause, Gap, Gaps, minute_gaps
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.stages.asking import PAGE, SURE_MS, Asking
from pipeline.stages.backoff import Patience
from pipeline.stages.long_history import LongHistory
from pipeline.stages.ports import Candles, Clock, Past, Publisher

log = logging.getLogger(__name__)

PRESSED_WAIT_S = 0.05
SWEEP_EVERY_S = 30
SWEEP_MS = 2 * 3_600_000
CATCH_UP_DAYS = 7
"""Where no history is wanted, how far back what was missed is still looked for."""
SETTLED_MS = 10_000
"""A minute over for this long should have gone from the stream through the log into the store."""

EXCHANGE_LACKS = "the exchange has no candle of it"
WE_MISSED = "the stream brought no closed candle; REST did"


@dataclass(frozen=True, slots=True)
class Page:
    """One request's worth of minutes: those opened at ``missing`` (oldest first, at least one) are wanted."""

    symbol: str
    missing: tuple[int, ...]

    @property
    def start_ms(self) -> int:
        """Where the request begins."""
        return self.missing[0]

    @property
    def end_ms(self) -> int:
        """Where it ends, exclusive."""
        return self.missing[-1] + MINUTE_MS


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
        start = bisect_right(missing, missing[end - 1] - PAGE * MINUTE_MS, hi=end)
        found.append(Page(symbol, tuple(missing[start:end])))
        end = start
    return found


def newest_first(by_symbol: Sequence[Sequence[Page]]) -> Iterator[Page]:
    """Every symbol's newest page, then every symbol's next: no market waits for another's last year."""
    for rank in zip_longest(*by_symbol):
        yield from (page for page in rank if page is not None)


@dataclass(slots=True)
class AskedInVain:
    """Minutes the exchange did not have when asked, and when to ask again: ever more rarely, at least once a day."""

    _next: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def due(self, symbol: str, missing: Iterable[int], *, now_ms: int) -> list[int]:
        """Of ``missing`` what may be asked for now."""
        return [open_ms for open_ms in missing if self._next.get((symbol, open_ms), (0, 0))[0] <= now_ms]

    def note(self, symbol: str, absent: Iterable[int], *, now_ms: int) -> None:
        """It was asked for these and has none of them."""
        for open_ms in absent:
            wait_ms = min(2 * self._next.get((symbol, open_ms), (0, MINUTE_MS // 2))[1], DAY_MS)
            self._next[(symbol, open_ms)] = (now_ms + wait_ms, wait_ms)

    def forget(self, *, before_ms: int) -> None:
        """Minutes opened before ``before_ms`` are not looked for any more."""
        self._next = {key: when for key, when in self._next.items() if key[1] >= before_ms}


@dataclass(slots=True)
class History:
    """Fills a range of history; safe to run again at any time."""

    venue: Past
    stored: Candles
    gaps: Gaps
    publisher: Publisher
    topics: Topics
    clock: Clock
    report: Report = field(default_factory=Report)
    repaired: int = 0
    began_ms: int = 0
    only_missed: bool = False
    in_vain: AskedInVain = field(default_factory=AskedInVain)
    patience: Patience = field(default_factory=Patience)
    longer: LongHistory = field(init=False)
    _asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        self._asking = Asking(self.venue, self.clock)
        self.longer = LongHistory(self._asking, self.stored)

    async def keep(self, followed: Callable[[], Sequence[str]], *, days: int) -> NoReturn:
        """Fill ``days`` of history once, then close by REST whatever minute the stream left out.

        0 days: no history, but what was missed since the first stored minute is, of the last CATCH_UP_DAYS.
        ``followed`` names the symbols of the moment: one that joins later gets its history then.
        """
        self.began_ms = await self.patience.outcome(self.venue.server_ms)
        self.only_missed = not days
        oldest_ms = Interval.M1.open_ms(self.began_ms - (days or CATCH_UP_DAYS) * DAY_MS)
        await self.patience.outcome(self.gaps_ready)
        filled: set[str] = set()
        while True:
            symbols = list(followed())
            joined = [symbol for symbol in symbols if symbol not in filled]
            if joined:
                await self.patience.outcome(
                    partial(self.begin, joined, start_ms=oldest_ms, end_ms=Interval.M1.open_ms(self.began_ms))
                )
                log.info("history: %s", self.report.detail())
            filled |= set(joined)
            await asyncio.sleep(SWEEP_EVERY_S)
            await self.patience.outcome(partial(self.sweep, symbols, oldest_ms=oldest_ms))
            if self.report.failed:
                await self.patience.outcome(
                    partial(self.fill_again, symbols, start_ms=oldest_ms, end_ms=Interval.M1.open_ms(self.began_ms))
                )

    async def gaps_ready(self) -> None:
        """See that the ledger can be written."""
        await asyncio.to_thread(self.gaps.ensure_indexes)

    async def begin(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> None:
        """All minutes, newest first, then the longer candles of before, if any history is wanted."""
        await self.fill(symbols, start_ms=start_ms, end_ms=end_ms)
        if not self.only_missed:
            await self.longer.fill(symbols, before_ms=start_ms)

    async def fill_again(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> None:
        """Ask once more for what never came; the report forgets it as failed."""
        self.report.failed = 0
        await self.fill(symbols, start_ms=start_ms, end_ms=end_ms)

    async def sweep(self, symbols: Sequence[str], *, oldest_ms: int) -> int:
        """Fetch the minutes of the last two hours that should have been stored by now; how many came."""
        end_ms = Interval.M1.open_ms(await self.venue.server_ms() - SETTLED_MS)
        start_ms = max(oldest_ms, end_ms - SWEEP_MS)
        self.in_vain.forget(before_ms=start_ms)
        look = replace(self, report=Report())
        await look.fill(symbols, start_ms=start_ms, end_ms=end_ms)
        if look.report.fetched:
            log.warning("%d minutes the stream did not close came over REST", look.report.fetched)
        self.repaired += look.report.fetched
        return look.report.fetched

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        told = {"history": self.report.detail(), "repairedMinutes": self.repaired}
        return told | {"olderCandles": dict(self.longer.counts), "historyWaits": self.patience.why}

    async def fill(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> Report:
        """Fetch every minute of the half-open range that the store lacks. Raises UndeliveredError."""
        now_ms = await self.venue.server_ms()
        expected = {symbol: await asyncio.to_thread(self._expected, symbol) for symbol in symbols}
        due = [await asyncio.to_thread(self._due, symbol, start_ms, end_ms, now_ms) for symbol in symbols]
        plan = [pages(symbol, missing) for symbol, missing in zip(symbols, due, strict=True)]
        self.report.total = self.report.done + sum(len(missing) for missing in due)
        self.report.state = "running"
        for page in newest_first(plan):
            await self._page(page, now_ms=now_ms, expected=expected[page.symbol])
        self.report.state = "done"
        return self.report

    async def _page(self, page: Page, *, now_ms: int, expected: range) -> None:
        candles = await self._asking.page(page.symbol, Interval.M1, start_ms=page.start_ms, end_ms=page.end_ms)
        if candles is None:
            self.report.failed += len(page.missing)
            return
        for candle in candles:
            self.publisher.append(self.topics.kline, key=candle.symbol, value=records.encode_candle(candle))
        given = {candle.open_ms for candle in candles}
        found = [open_ms for open_ms in page.missing if open_ms in given]
        absent = [open_ms for open_ms in page.missing if open_ms not in given and open_ms < now_ms - SURE_MS]
        self.in_vain.note(page.symbol, absent, now_ms=now_ms)
        self.report.fetched += len(found)
        self.report.unavailable += len(page.missing) - len(found)
        ours = [open_ms for open_ms in found if open_ms in expected]
        await asyncio.to_thread(self.gaps.note, missed(page.symbol, absent=absent, ours=ours, now_ms=self.clock()))
        while self.publisher.pressed:
            await asyncio.sleep(PRESSED_WAIT_S)

    def _due(self, symbol: str, start_ms: int, end_ms: int, now_ms: int) -> list[int]:
        if self.only_missed:
            start_ms = max(start_ms, self.stored.oldest_ms(symbol) or end_ms)
        missing = self.stored.missing_minutes(symbol, start_ms=start_ms, end_ms=end_ms)
        return self.in_vain.due(symbol, missing, now_ms=now_ms)

    def _expected(self, symbol: str) -> range:
        """When a minute opened that should be stored if nothing was missed.

        The log keeps a symbol's order, so once a later minute is stored a missing one is not merely on its way; what
        is older than the first stored one was never collected.
        """
        newest = self.stored.newest(symbol, count=1)
        if not newest:
            return range(0)
        return range(self.stored.oldest_ms(symbol) or 0, max(newest[0].open_ms, self.began_ms))


def missed(symbol: str, *, absent: Sequence[int], ours: Sequence[int], now_ms: int) -> list[Gap]:
    """The gaps of minutes that the exchange does not have either, and of those it gave because we had missed them."""
    return [
        *minute_gaps(symbol, absent, cause=Cause.EXCHANGE, reason=EXCHANGE_LACKS, now_ms=now_ms),
        *minute_gaps(symbol, ours, cause=Cause.OURS, reason=WE_MISSED, now_ms=now_ms),
    ]

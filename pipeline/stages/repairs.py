"""What the streams left out is fetched from the exchange's own records, within seconds, and goes into the same log."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pipeline.domain.candle import Candle
from pipeline.domain.coverage import Hole
from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.domain.frames import TradeFrame
from pipeline.domain.gap import Cause, Gap, Stream, minute_gaps
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.stages.asking import PAGE, SURE_MS
from pipeline.stages.followed import Followed
from pipeline.stages.gap_notes import GapNotes
from pipeline.stages.ports import Clock, Venue

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
GRACE_MS = 300
"""Trades may come out of order by so much before they count as missing."""
AT_ONCE = 4
AGAIN_MS = (500, 60_000)
TRIES = 4


@dataclass(slots=True)
class Counts:
    """What was repaired, and what the exchange has not either."""

    trades: int = 0
    minutes: int = 0
    trades_unavailable: int = 0
    minutes_unavailable: int = 0
    failures: int = 0


@dataclass(slots=True)
class Repairs:
    """Watches ``followed`` for holes and overdue minutes; what comes is handed to ``trade`` and ``minute``."""

    venue: Venue
    followed: Mapping[str, Followed]
    notes: GapNotes
    clock: Clock
    exchange_ms: Callable[[], int]
    trade: Callable[[TradeFrame], None]
    minute: Callable[[Candle], None]
    counts: Counts = field(default_factory=Counts)
    _running: dict[tuple[str, Stream], asyncio.Task[None]] = field(default_factory=dict)
    _minutes_again_ms: dict[str, int] = field(default_factory=dict)
    _noted: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    async def keep(self) -> NoReturn:
        """Repair for ever. Raises what handing a repair over raises."""
        async with asyncio.TaskGroup() as group:
            while True:
                for followed in list(self.followed.values()):
                    self._look(followed, group)
                await asyncio.sleep(LOOK_EVERY_S)

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        counts = self.counts
        return {
            "trades": counts.trades, "minutes": counts.minutes, "failures": counts.failures,
            "unavailable": {"trades": counts.trades_unavailable, "minutes": counts.minutes_unavailable},
            "missingTrades": {s: f.trades.missing for s, f in self.followed.items() if f.trades.holes},
        }  # fmt: skip

    def _look(self, followed: Followed, group: asyncio.TaskGroup) -> None:
        now_ms, symbol = self.clock(), followed.symbol
        if symbol in self._noted and (symbol, Stream.TRADES) not in self._running:
            self._heal_filled(followed, now_ms)
        hole = next((hole for hole in followed.trades.holes if _is_due(hole, now_ms)), None)
        if hole is not None and self._free(symbol, Stream.TRADES):
            self._start(symbol, Stream.TRADES, group, self._repair_trades(followed, hole))
        overdue = followed.minutes.overdue(self.exchange_ms())
        if overdue and now_ms >= self._minutes_again_ms.get(symbol, 0) and self._free(symbol, Stream.KLINE):
            self._start(symbol, Stream.KLINE, group, self._repair_minutes(followed, overdue))

    def _free(self, symbol: str, stream: Stream) -> bool:
        return len(self._running) < AT_ONCE and (symbol, stream) not in self._running

    def _start(self, symbol: str, stream: Stream, group: asyncio.TaskGroup, repair: Any) -> None:
        task = group.create_task(repair)
        self._running[symbol, stream] = task
        task.add_done_callback(lambda _: self._running.pop((symbol, stream), None))

    def _heal_filled(self, followed: Followed, now_ms: int) -> None:
        """Say of noted gaps that they are filled, also where the stream brought the trades after all."""
        noted, holes = self._noted.pop(followed.symbol), followed.trades.holes
        still = [(s, e) for s, e in noted if any(hole.first < e and hole.last >= s for hole in holes)]
        for start, end in noted:
            if (start, end) not in still:
                self.notes.heal(followed.symbol, stream=Stream.TRADES, start=start, end=end, healed_ms=now_ms)
        if still:
            self._noted[followed.symbol] = still

    async def _repair_trades(self, followed: Followed, hole: Hole) -> None:
        gap = _trades_gap(followed.symbol, hole)
        if not hole.attempts:
            self.notes.note(gap)
            self._noted.setdefault(gap.symbol, []).append((gap.start, gap.end))
        hole.attempts += 1
        first, last, before = hole.first, hole.last, followed.trades.missing
        try:
            beyond = await self._fetch_trades(followed.symbol, hole.after_ms, first, last)
        except (TransientError, BadMessageError, MisconfiguredError) as error:
            self.counts.failures += 1
            log.warning("trades %d to %d of %s: %s", first, last, followed.symbol, error)
            beyond = False
        self.counts.trades += max(0, before - followed.trades.missing)
        left = [hole for hole in followed.trades.holes if hole.first <= last and hole.last >= first]
        self._settle_trades(followed, gap, left, exchange_has_none=beyond)

    async def _fetch_trades(self, symbol: str, start_ms: int, first: int, last: int) -> bool:
        """Hand over what the exchange has of these ids; whether its answer went beyond them."""
        page = await self.venue.aggregates(symbol, start_ms=start_ms)
        while page:
            for _, frame in page:
                if frame.last_id >= first and frame.first_id <= last:
                    self.trade(frame)
            newest_id, newest = page[-1]
            if newest.first_id > last or len(page) < PAGE:
                return newest.last_id > last
            page = await self.venue.aggregates(symbol, start_ms=start_ms, from_id=newest_id + 1)
        return False

    def _settle_trades(self, followed: Followed, gap: Gap, left: Sequence[Hole], *, exchange_has_none: bool) -> None:
        now_ms = self.clock()
        for first, end in _between(gap.start, gap.end, left):
            self.notes.heal(gap.symbol, stream=Stream.TRADES, start=first, end=end, healed_ms=now_ms)
        for hole in left:
            sure = hole.attempts >= TRIES and now_ms - hole.found_ms >= SURE_MS
            if exchange_has_none and sure:
                self.counts.trades_unavailable += len(hole)
                followed.trades.fill(hole.first, hole.last)
                reason = "the exchange's own record goes on after these ids without them"
                self.notes.note(_trades_gap(followed.symbol, hole, cause=Cause.EXCHANGE, reason=reason, now_ms=now_ms))
            else:
                hole.not_before_ms = now_ms + _wait_ms(hole.attempts)

    async def _repair_minutes(self, followed: Followed, overdue: Sequence[int]) -> None:
        start_ms, symbol = overdue[0], followed.symbol
        asked = [open_ms for open_ms in overdue if open_ms < start_ms + PAGE * MINUTE_MS]
        tries = 1 + min(followed.minutes.missing.get(open_ms, 0) for open_ms in asked)
        self._minutes_again_ms[symbol] = self.clock() + _wait_ms(tries)
        try:
            rows = await self.venue.klines(
                symbol, Interval.M1, start_ms=start_ms, end_ms=asked[-1] + MINUTE_MS, received_ms=self.clock()
            )
        except (TransientError, BadMessageError, MisconfiguredError) as error:
            self.counts.failures += 1
            log.warning("minutes of %s: %s", symbol, error)
            return
        self._settle_minutes(followed, asked, rows)

    def _settle_minutes(self, followed: Followed, asked: Sequence[int], rows: Sequence[Candle]) -> None:
        for row in rows:
            if row.open_ms in asked:
                self.counts.minutes += 1
                self.minute(row)
        came = {row.open_ms for row in rows}
        self._note_minutes(followed, [open_ms for open_ms in asked if open_ms in came], Cause.OURS)
        absent = [open_ms for open_ms in asked if open_ms in followed.minutes.missing]
        for open_ms in absent:
            followed.minutes.missing[open_ms] += 1
        sure_ms = self.exchange_ms() - MINUTE_MS - SURE_MS
        tries = followed.minutes.missing
        given_up = [open_ms for open_ms in absent if tries[open_ms] >= TRIES and open_ms <= sure_ms]
        for open_ms in given_up:
            followed.minutes.give_up(open_ms)
        self.counts.minutes_unavailable += len(given_up)
        self._note_minutes(followed, given_up, Cause.EXCHANGE)

    def _note_minutes(self, followed: Followed, open_times: Sequence[int], cause: Cause) -> None:
        reason = _MINUTE_REASONS[cause]
        for gap in minute_gaps(followed.symbol, open_times, cause=cause, reason=reason, now_ms=self.clock()):
            self.notes.note(gap)


_MINUTE_REASONS = {
    Cause.OURS: "its closing frame did not come",
    Cause.EXCHANGE: "the exchange has no candle of this minute",
}


def _is_due(hole: Hole, now_ms: int) -> bool:
    return now_ms >= max(hole.found_ms + GRACE_MS, hole.not_before_ms)


def _wait_ms(attempts: int) -> int:
    first, most = AGAIN_MS
    return min(most, first << min(attempts, 10))


def _between(start: int, end: int, holes: Sequence[Hole]) -> Iterator[tuple[int, int]]:
    """The half-open ranges of ``[start, end)`` that lie in none of the ``holes``, which ascend."""
    for hole in holes:
        if start < hole.first:
            yield start, hole.first
        start = hole.last + 1
    if start < end:
        yield start, end


def _trades_gap(
    symbol: str,
    hole: Hole,
    *,
    cause: Cause = Cause.OURS,
    reason: str = "these trades did not come over the stream",
    now_ms: int | None = None,
) -> Gap:
    return Gap(
        symbol=symbol, stream=Stream.TRADES, start=hole.first, end=hole.last + 1, cause=cause, reason=reason,
        detected_ms=hole.found_ms if now_ms is None else now_ms,
    )  # fmt: skip

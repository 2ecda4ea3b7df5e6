"""A recording laid out to be played: each message with its place in the exchange's time."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from pipeline.domain.interval import DAY_MS
from pipeline.simulator.replay.formats import Line

LONGEST_SILENCE_MS = 60_000
"""A longer pause lies between two sessions: it is cut to one second, and no candle reaches across."""
CUT_TO_MS = 1_000
_EVENT_TIME = re.compile(rb'"E":(\d+)')
_TIMES = re.compile(rb'"([ET])":(\d{13})(?=[,}])')
_KLINE_TIMES = re.compile(rb'"([tET])":(\d{13})(?=[,}])')


class Moment(NamedTuple):
    """One message at its place, ms of the exchange's clock; a REST answer has a path, an event a stream."""

    at_ms: int
    stream: str
    rest: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """Messages recorded without a pause."""

    moments: tuple[Moment, ...]

    @property
    def start_ms(self) -> int:
        """When it begins."""
        return self.moments[0].at_ms

    @property
    def end_ms(self) -> int:
        """When it ends."""
        return self.moments[-1].at_ms


def sessions_of(lines: Sequence[Line]) -> list[Session]:
    """The recording's sessions; the recorder's clock is set right by the events' own times."""
    starts = [
        index
        for index, line in enumerate(lines)
        if not index or line.received_ns - lines[index - 1].received_ns > LONGEST_SILENCE_MS * 1_000_000
    ]
    return [
        Session(tuple(_placed(lines[start:stop])))
        for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]


def shifted(sessions: Iterable[Session], *, days: int) -> list[Session]:
    """The sessions moved by whole days, their messages' times with them."""
    return [Session(tuple(_moved(moment, days * DAY_MS) for moment in session.moments)) for session in sessions]


def days_to_now(sessions: Sequence[Session], *, now_ms: int) -> int:
    """By how many whole days the recording may move and still end before now."""
    return (now_ms - sessions[-1].end_ms) // DAY_MS


def playing_times(moments: Sequence[Moment]) -> list[int]:
    """When each message is due, in ms after the first, with the long silences cut."""
    due, times = 0, []
    for before, moment in zip([*moments[:1], *moments], moments, strict=False):
        pause = max(0, moment.at_ms - before.at_ms)
        due += CUT_TO_MS if pause > LONGEST_SILENCE_MS else pause
        times.append(due)
    return times


def _placed(lines: Sequence[Line]) -> Iterable[Moment]:
    late_ms = [
        int(found[1]) - line.received_ns // 1_000_000
        for line in lines
        if line.stream and (found := _EVENT_TIME.search(line.data))
    ]
    skew_ms = round(median(late_ms)) if late_ms else 0
    for line in lines:
        yield Moment(line.received_ns // 1_000_000 + skew_ms, line.stream, line.rest, line.data)


def _moved(moment: Moment, by_ms: int) -> Moment:
    if moment.rest:
        return moment._replace(at_ms=moment.at_ms + by_ms)
    times = _KLINE_TIMES if "@kline" in moment.stream else _TIMES

    def later(found: Any) -> bytes:
        return b'"%b":%d' % (found[1], int(found[2]) + by_ms)

    return moment._replace(at_ms=moment.at_ms + by_ms, data=times.sub(later, moment.data))

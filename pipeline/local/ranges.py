"""Ranges of history as people give them: UTC dates or epoch milliseconds, half-open."""

from collections.abc import Callable
from datetime import UTC, datetime

import click

from pipeline.domain.interval import DAY_MS, MINUTE_MS

_EXPECTED = "expected a UTC date such as 2026-11-01, a moment such as 2026-11-01T12:30, or epoch milliseconds"
_LEAST_MS = 100_000_000_000
"""Fewer digits than this (1973) are seconds or a date without dashes, not milliseconds."""


def time_range(
    start: str | None, end: str | None, *, now_ms: int, default_start: Callable[[int], int]
) -> tuple[int, int]:
    """The half-open range of minutes in UTC epoch milliseconds; ``default_start`` gives the start for an end.

    Without an end it ends now. Raises click.BadParameter, which names the option.
    """
    end_ms = now_ms if end is None else moment_ms(end, option="--end")
    start_ms = default_start(min(end_ms, now_ms)) if start is None else moment_ms(start, option="--start")
    if start_ms >= now_ms:
        raise _bad("--start", f"{moment(start_ms)} lies in the future; it is {moment(now_ms)} now")
    if end_ms <= start_ms:
        raise _bad("--end", f"{moment(end_ms)} is not after the start, {moment(start_ms)}; the end itself is left out")
    return _whole_minute(start_ms), _whole_minute(end_ms)


def moment_ms(text: str, *, option: str) -> int:
    """A moment in UTC epoch milliseconds. Raises click.BadParameter, which names ``option``."""
    word = text.strip()
    if word.isascii() and word.isdigit() and int(word) >= _LEAST_MS:
        return _within_reach(int(word), option)
    try:
        if word.isdigit():
            raise ValueError
        found = datetime.fromisoformat(word)
    except ValueError:
        raise _bad(option, f"{text!r} is no moment; {_EXPECTED}") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def moment(time_ms: int) -> str:
    """A moment as people read it."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def days_before(days: int) -> Callable[[int], int]:
    """A default start: so many days before the end."""
    return lambda end_ms: end_ms - days * DAY_MS


def yesterday(end_ms: int) -> int:
    """A default start: the midnight before that of the last day."""
    return (end_ms - 1) // DAY_MS * DAY_MS - DAY_MS


def symbols_of(text: str | None) -> tuple[str, ...] | None:
    """The names in a comma list; None where nothing was given. Raises click.BadParameter for a list without a name."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip().upper() for name in text.split(",") if name.strip()))
    if not names:
        raise _bad("--symbols", f"{text!r} names no symbol; expected for example BTCUSDT,ETHUSDT")
    return names


def _within_reach(time_ms: int, option: str) -> int:
    try:
        moment(time_ms)
    except (ValueError, OverflowError, OSError):
        raise _bad(option, f"{time_ms} is no moment in milliseconds; {_EXPECTED}") from None
    return time_ms


def _whole_minute(time_ms: int) -> int:
    """The first minute opened at or after ``time_ms``."""
    return -(-time_ms // MINUTE_MS) * MINUTE_MS


def _bad(option: str, message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint=option)

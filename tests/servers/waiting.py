"""Waiting on a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK_EVERY_S = 0.02


def wait_for(condition: Callable[[], T | None], *, within_s: float = 10.0, what: str = "the condition") -> T:
    """The first truthy answer of ``condition``; AssertionError when the deadline passes without one."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} was not met within {within_s:g} s"
        time.sleep(_LOOK_EVERY_S)
    return answer


async def until(condition: Callable[[], T], *, within_s: float = 10.0, what: str = "the condition") -> T:
    """The same where the test's own event loop must go on meanwhile."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} was not met within {within_s:g} s"
        await asyncio.sleep(_LOOK_EVERY_S)
    return answer

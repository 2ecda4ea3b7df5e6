"""Scripts: orders at their times, read from JSON, played by the exchange, or made from a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipeline.domain.faults import MisconfiguredError
from pipeline.simulator.mischief.orders import Order, order_of


class Step(NamedTuple):
    """One order and when it is given, in seconds after the script began."""

    at_s: float
    order: Order


@dataclass(slots=True)
class Script:
    """What is still to be ordered, told the time."""

    _waiting: list[tuple[int, Order]] = field(default_factory=list)

    def begin(self, steps: Sequence[Step], *, now_ms: int) -> None:
        """Play these steps from now on, beside those that still wait."""
        self._waiting += [(now_ms + int(step.at_s * 1_000), step.order) for step in steps]
        self._waiting.sort(key=lambda one: one[0])

    def due(self, now_ms: int) -> list[Order]:
        """The orders whose time has come."""
        due = [order for at_ms, order in self._waiting if at_ms <= now_ms]
        del self._waiting[: len(due)]
        return due

    def stop(self) -> None:
        """Order nothing more."""
        self._waiting.clear()

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """What is still to be ordered, and when (epoch ms)."""
        return [{"at_ms": at_ms, **order.said()} for at_ms, order in self._waiting]


def steps_of(text: bytes) -> list[Step]:
    """The steps of a JSON list of ``{"at_s": seconds, …order}``. Raises ValueError naming the step that is off."""
    wishes = orjson.loads(text)
    if not isinstance(wishes, list):
        raise ValueError("a script is a JSON list of orders with at_s")
    return [_step(number, wish) for number, wish in enumerate(wishes, start=1)]


def read_script(path: Path) -> list[Step]:
    """The steps in a file. Raises MisconfiguredError."""
    try:
        return steps_of(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MisconfiguredError(f"the script {path} can't be used: {error}") from error


def script_text(wishes: Sequence[Mapping[str, Any]]) -> bytes:
    """A script as a file holds it, an order a line."""
    return b"[\n" + b",\n".join(orjson.dumps(dict(wish)) for wish in wishes) + b"\n]\n"


def _step(number: int, wish: object) -> Step:
    if not isinstance(wish, dict):
        raise ValueError(f"step {number} is {wish!r}; expected an object")
    values = dict(wish)
    at_s = values.pop("at_s", None)
    if type(at_s) not in (int, float) or at_s < 0:
        raise ValueError(f"step {number}: at_s is {at_s!r}; expected seconds from 0")
    try:
        return Step(at_s, order_of(values))
    except ValueError as error:
        raise ValueError(f"step {number}: {error}") from error

"""An order: one fault with its parameters, read from JSON, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.malformed import ANY, FORMS

FOREVER_MS = 1 << 62
STATUSES = ("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "DELISTED", "RENAMED")


@dataclass(slots=True)
class Fate:
    """What became of an order: how often it struck and when first and last."""

    number: int = 0
    ordered_ms: int = 0
    begun_ms: int | None = None
    ended_ms: int | None = None
    until_ms: int = FOREVER_MS
    left: int = 0
    struck: int = 0
    kept: bytes = b""


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One fault; ``match`` is part of a stream's name or of a request's path and query ("" all).

    ``connections`` are places among the open ones, oldest first (none: all that carry a matching stream).
    """

    kind: Kind
    match: str = ""
    count: int = 1
    seconds: float = 0.0
    delay_s: float = 2.0
    offset_s: float = 0.0
    status: int = 503
    retry_after_s: int = 1
    form: str = "half"
    answered: bool = False
    becomes: str = "TRADING"
    renamed_to: str = ""
    start_ms: int = 0
    end_ms: int = 0
    open_times: list[int] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)
    fate: Fate = field(default_factory=Fate)

    def said(self) -> dict[str, Any]:
        """What was ordered, as JSON: the parameters its kind reads."""
        return {"kind": self.kind.value} | {name: getattr(self, name) for name in self.kind.reads}

    def entry(self) -> dict[str, Any]:
        """The order's line in the log: times in epoch ms, None where not yet."""
        fate = self.fate
        times = {"ordered_ms": fate.ordered_ms, "begun_ms": fate.begun_ms, "ended_ms": fate.ended_ms}
        return {"number": fate.number, **self.said(), **times, "struck": fate.struck}


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("match", "form", "becomes", "renamed_to"), (str,)),
    **dict.fromkeys(("count", "status", "retry_after_s", "start_ms", "end_ms"), (int,)),
    **dict.fromkeys(("seconds", "delay_s", "offset_s"), (int, float)),
    **dict.fromkeys(("open_times", "connections"), (list,)),
    "answered": (bool,),
}


def order_of(wish: object) -> Order:
    """The order in a JSON object. Raises ValueError that says what is wrong with it."""
    if not isinstance(wish, dict):
        raise ValueError(f"not a fault: {wish!r} is no object")
    values = dict(wish)
    kind = _kind(values.pop("kind", None))
    for name, value in values.items():
        if name not in kind.reads:
            raise ValueError(f"{kind.value} does not read {name!r}; it reads {', '.join(kind.reads)}")
        if type(value) not in _TYPES[name]:
            raise ValueError(f"{name} is {value!r}; expected {' or '.join(one.__name__ for one in _TYPES[name])}")
    _check_words(values)
    return Order(kind=kind, **values)


def _kind(name: object) -> Kind:
    kind = next((kind for kind in Kind if kind.value == name), None)
    if kind is None:
        raise ValueError(f"not a fault: {name!r}; kinds are {', '.join(kind.value for kind in Kind)}")
    return kind


def _check_words(values: Mapping[str, Any]) -> None:
    if values.get("form", ANY) not in (ANY, *FORMS):
        raise ValueError(f"form is {values['form']!r}; expected {ANY} or one of {', '.join(FORMS)}")
    if values.get("becomes", "TRADING") not in STATUSES:
        raise ValueError(f"becomes is {values['becomes']!r}; expected one of {', '.join(STATUSES)}")
    if values.get("count", 1) < 1:
        raise ValueError(f"count is {values['count']}; expected at least 1")
    for name in ("open_times", "connections"):
        if not all(type(number) is int for number in values.get(name, ())):
            raise ValueError(f"{name} is {values[name]!r}; expected whole numbers")


PARAMETERS = tuple(one.name for one in fields(Order) if one.name not in ("kind", "fate"))
"""Every parameter an order may have."""

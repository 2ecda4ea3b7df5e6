"""Spoilt frames: what a socket may bring that is no event, each made from the event it stands in for."""

from collections.abc import Callable
from typing import Any

import orjson

ANY = "any"
OVERSIZED_BYTES = 1_100_000
_TEN_YEARS_MS = 3_653 * 86_400_000
Event = dict[str, Any]


def spoilt(data: bytes, form: str) -> bytes | None:
    """The frame in that form, or None where the event can't have it (a trade has no low and high)."""
    return FORMS[form][1](data)


def forms_of(data: bytes) -> list[str]:
    """The forms this frame can take."""
    return [form for form in FORMS if spoilt(data, form) is not None]


def _changed(change: Callable[[Event], bool]) -> Callable[[bytes], bytes | None]:
    """A form that changes the event itself; ``change`` says whether it could."""

    def spoil(data: bytes) -> bytes | None:
        event: Event = orjson.loads(data)
        return orjson.dumps(event) if change(event) else None

    return spoil


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _oversized(data: bytes) -> bytes:
    return data[:-1] + b',"padding":"' + b"x" * OVERSIZED_BYTES + b'"}'


def _typed(event: Event) -> bool:
    if "k" in event:
        event["k"]["n"] = "many"
    else:
        name = next(name for name in ("t", "a", "u") if isinstance(event.get(name), int))
        event[name] = f"{event[name]}"
    return True


def _missing(event: Event) -> bool:
    if "k" in event:
        del event["k"]["c"]
    else:
        del event[next(name for name in ("p", "u") if name in event)]
    return True


def _priced(text: str) -> Callable[[Event], bool]:
    """``text`` where a price should be (``{}`` is the price)."""

    def change(event: Event) -> bool:
        if "k" in event:
            event["k"]["o"] = text.format(event["k"]["o"])
        elif "p" in event:
            event["p"] = text.format(event["p"])
        elif isinstance(event["b"], str):
            event["b"] = text.format(event["b"])
        else:
            return _priced_level(event, text, place=0)
        return True

    return change


def _sized(text: str) -> Callable[[Event], bool]:
    """``text`` where a quantity should be (``{}`` is the quantity)."""

    def change(event: Event) -> bool:
        if "k" in event:
            event["k"]["v"] = text.format(event["k"]["v"])
        elif "q" in event:
            event["q"] = text.format(event["q"])
        elif "B" in event:
            event["B"] = text.format(event["B"])
        else:
            return _priced_level(event, text, place=1)
        return True

    return change


def _priced_level(event: Event, text: str, *, place: int) -> bool:
    level = next(iter((*event["b"], *event["a"])), None)
    if level is not None:
        level[place] = text.format(level[place])
    return level is not None


def _low_above_high(event: Event) -> bool:
    if "k" not in event:
        return False
    event["k"]["l"] = f"9{event['k']['h']}"
    return True


def _ids_backwards(event: Event) -> bool:
    for first, last in (("U", "u"), ("f", "l")):
        if first in event and last in event:
            event[first] = event[last] + 1
            return True
    return False


def _travelled(by_ms: int) -> Callable[[Event], bool]:
    def change(event: Event) -> bool:
        if "E" in event:
            event["E"] += by_ms
        return "E" in event

    return change


def _unknown(event: Event) -> bool:
    event["e"] = "martian"
    return True


FORMS: dict[str, tuple[str, Callable[[bytes], bytes | None]]] = {
    "half": ("cut in half", _half),
    "text": ("not JSON", lambda data: b"<html>" + data[:40].replace(b'"', b"") + b"</html>"),
    "oversized": ("an event with a megabyte of padding", _oversized),
    "typed": ("a number where a text should be, or the reverse", _changed(_typed)),
    "missing": ("a field left out", _changed(_missing)),
    "unknown": ("an event of an unknown kind", _changed(_unknown)),
    "negative_price": ("a price below zero", _changed(_priced("-{}"))),
    "negative_quantity": ("a quantity below zero", _changed(_sized("-{}"))),
    "nan_price": ('the price "NaN"', _changed(_priced("NaN"))),
    "nan_quantity": ('the quantity "NaN"', _changed(_sized("NaN"))),
    "low_above_high": ("a kline whose low is above its high", _changed(_low_above_high)),
    "ids_backwards": ("a first id after the last (`U` > `u`, `f` > `l`)", _changed(_ids_backwards)),
    "future": ("`E` ten years ahead", _changed(_travelled(_TEN_YEARS_MS))),
    "past": ("`E` ten years ago", _changed(_travelled(-_TEN_YEARS_MS))),
}
"""Each form: what it is in words, and what makes it."""

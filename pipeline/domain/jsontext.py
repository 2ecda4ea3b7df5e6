"""JSON in which a Decimal is a number with exactly its own digits, both ways."""

import json
from decimal import Decimal
from typing import Any

import orjson

from pipeline.domain.faults import BadMessageError


def dumps(value: Any) -> bytes:
    """Compact JSON; Decimals become number tokens digit for digit, trailing zeros included."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_NON_STR_KEYS)


def loads(text: bytes | str) -> Any:
    """Fast JSON for text without exact numbers in it (numbers come back as int or float)."""
    return orjson.loads(text)


def loads_object(text: bytes | str) -> dict[str, Any]:
    """A message that must be a JSON object. Raises BadMessageError."""
    try:
        value = loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessageError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadMessageError(f"expected a JSON object, got {type(value).__name__}")
    return value


def whole(value: object) -> int:
    """A whole number, as it came. Raises TypeError."""
    if type(value) is not int:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def loads_exact(text: bytes | str) -> Any:
    """JSON whose fractional numbers come back as Decimal with every digit."""
    return json.loads(text, parse_float=Decimal)


def number(value: Decimal) -> str:
    """The digits of ``value`` in plain notation."""
    return format(value, "f")


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} has no JSON form")

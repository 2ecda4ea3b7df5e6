"""Binance's stream objects by their own letters, and what a number on the wire may look like.

Source: binance-spot-api-docs, web-socket-streams.md (text of 2026-07-21).
"""

import re
from decimal import Decimal
from typing import Annotated

import msgspec

from pipeline.domain.frames import TextLevel

MICROSECONDS_FROM = 100_000_000_000_000
"""A time of this size is in microseconds (as milliseconds it would lie after the year 5100)."""
EARLIEST_MS = 1_483_228_800_000
"""2017-01-01: the exchange did not exist before."""
MOST_DIGITS = 24
"""Digits before or after the point beyond which a number is a mistake, not a price or a quantity."""
_NUMBER = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{1,{MOST_DIGITS}}})?").fullmatch


PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """``<symbol>@trade``."""

    e: str
    E: int
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """``<symbol>@aggTrade``."""

    e: str
    E: int
    s: str
    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 (the exchange's letter)
    T: int
    m: bool


class Depth(msgspec.Struct, frozen=True):
    """``<symbol>@depth@100ms``."""

    e: str
    E: int
    s: str
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class DepthNumbers(msgspec.Struct, frozen=True):
    """The levels of a depth object as numbers."""

    b: list[tuple[PositiveFloat, float]]
    a: list[tuple[PositiveFloat, float]]


class Ticker(msgspec.Struct, frozen=True, gc=False):
    """``<symbol>@bookTicker``: the one stream without an event's name."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str
    e: str = "bookTicker"


class Bar(msgspec.Struct, frozen=True, gc=False):
    """The ``k`` of a kline."""

    t: int
    T: int
    s: str
    i: str
    f: int
    L: int
    o: str
    c: str
    h: str
    l: str  # noqa: E741 (the exchange's letter)
    v: str
    n: int
    x: bool
    q: str
    V: str
    Q: str


class Kline(msgspec.Struct, frozen=True, gc=False):
    """``<symbol>@kline_1m``."""

    e: str
    E: int
    s: str
    k: Bar


def time_ms(value: int) -> int:
    """Milliseconds of a time that may be in microseconds, told by its size. Raises ValueError if it can't be one."""
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a time")
    milliseconds = value // 1000 if value >= MICROSECONDS_FROM else value
    if milliseconds < EARLIEST_MS:
        raise ValueError(f"{value!r} is before the exchange's time")
    return milliseconds


def positive(text: str) -> Decimal:
    """A number above zero. Raises ValueError."""
    value = amount(text)
    if not value:
        raise ValueError(f"{text!r} is not above zero")
    return value


def amount(text: str) -> Decimal:
    """A number from zero, from a string. Raises ValueError, also for what is no string."""
    return Decimal(checked(text))


def checked(text: str) -> str:
    """The text itself, if it is a number from zero in plain notation. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is a {type(text).__name__}, expected a decimal string")
    if not _NUMBER(text):
        raise ValueError(f"{text[:40]!r} is not a number from zero that a market could have")
    return text


def checked_price(text: str) -> str:
    """The text itself, if it is a number above zero in plain notation. Raises ValueError."""
    if float(checked(text)) <= 0:
        raise ValueError(f"{text!r} is not above zero")
    return text


def levels(rows: list[tuple[str, str]]) -> list[TextLevel]:
    """Book levels of ``[[price, quantity], …]``, every text checked. Raises ValueError."""
    return [((float(checked_price(price)), float(checked(quantity))), (price, quantity)) for price, quantity in rows]


def plain_levels(numbers: list[tuple[float, float]], rows: list[tuple[str, str]]) -> list[TextLevel]:
    """Book levels of texts known to hold digits and points only, and of these read as numbers."""
    return list(zip(numbers, rows, strict=True))

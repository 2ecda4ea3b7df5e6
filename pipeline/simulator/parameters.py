"""REST parameters read the way the venue reads them, with its errors for those it can't use."""

import re
from collections.abc import Mapping

import orjson

from pipeline.domain.interval import Interval

_SYMBOL = re.compile(r"^(?:[A-Z0-9\-._]|[^\x00-\x7f]){1,20}$")
"""Names may hold letters beyond ASCII since December 2025."""
_MICROSECONDS = 10**14
"""A time from here on is in microseconds: the venue takes both."""


class RefusedError(Exception):
    """A request the venue answers with {"code", "msg"} and an HTTP status."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    @property
    def body(self) -> bytes:
        """The JSON body."""
        return orjson.dumps({"code": self.code, "msg": self.message})


def check_names(query: Mapping[str, str], *known: str) -> None:
    """Refuse parameters the endpoint doesn't read."""
    read = sum(name in known for name in query)
    if read != len(query):
        raise RefusedError(
            -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(query)}'."
        )


def symbol_of(query: Mapping[str, str]) -> str:
    """The mandatory symbol, spelled right; whether it is listed is another question."""
    symbol = _mandatory(query, "symbol")
    if not _SYMBOL.match(symbol):
        raise RefusedError(
            -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
        )
    return symbol


def interval_of(query: Mapping[str, str]) -> Interval:
    """The mandatory interval."""
    try:
        return Interval(_mandatory(query, "interval"))
    except ValueError as error:
        raise RefusedError(-1120, "Invalid interval.") from error


def limit_of(query: Mapping[str, str], *, default: int, most: int) -> int:
    """The limit; more than ``most`` means ``most``."""
    limit = whole_of(query, "limit")
    if limit == 0:
        raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(default if limit is None else limit, most)


def time_of(query: Mapping[str, str], name: str) -> int | None:
    """A time in epoch ms, sent as ms or µs."""
    value = whole_of(query, name)
    return value // 1_000 if value is not None and value >= _MICROSECONDS else value


def whole_of(query: Mapping[str, str], name: str) -> int | None:
    """An optional whole number."""
    text = query.get(name)
    if text is None:
        return None
    if not text:
        raise RefusedError(-1105, f"Parameter '{name}' was empty.")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise RefusedError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def symbols_of(query: Mapping[str, str]) -> list[str] | None:
    """The symbols of ``symbol`` or ``symbols`` (a JSON array), or None where neither is sent."""
    if "symbol" in query and "symbols" in query:
        raise RefusedError(-1128, "Combination of optional parameters invalid.")
    if "symbol" in query:
        return [symbol_of(query)]
    if "symbols" not in query:
        return None
    try:
        names = orjson.loads(query["symbols"])
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusedError(
            -1100, "Illegal characters found in parameter 'symbols'; legal range is a JSON array of symbols."
        )
    return names


def _mandatory(query: Mapping[str, str], name: str) -> str:
    text = query.get(name, "")
    if not text:
        raise RefusedError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return text

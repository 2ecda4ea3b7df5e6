"""A socket's query string, read strictly: what is wrong is said by field before any handshake."""

import re
from collections.abc import Callable, Mapping, Sequence

from werkzeug.datastructures import MultiDict

from app.problems import FieldError, ProblemError, bad_parameters, unknown_symbol
from app.push.subscriptions import Subscription
from pipeline.domain.interval import Interval

KLINE_LIMIT = (100, 500)
TRADES_LIMIT = (50, 100)
"""(default, most) how many entries a first message has."""
ORDERBOOK_LEVELS = 20

PARAMETERS = {
    "kline": ("symbol", "interval", "limit", "since"),
    "orderbook": ("symbol", "since"),
    "trades": ("symbol", "limit", "since"),
}
"""What each stream may be asked with."""

_SHOWN = 60
_SYMBOL = re.compile(r"[A-Z0-9]{2,20}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


def subscription(stream: str, query: "MultiDict[str, str]", *, knows: Callable[[str], bool]) -> Subscription:
    """What a socket asks for. Raises ProblemError naming the field."""
    _check_names(query, PARAMETERS[stream])
    symbol = _symbol(query, knows)
    since = _number(query, "since", default=None, least=0, most=10**18)
    if stream == "orderbook":
        return Subscription(stream=stream, symbol=symbol, limit=ORDERBOOK_LEVELS, since=since)
    interval = _interval(query) if stream == "kline" else None
    default, most = KLINE_LIMIT if stream == "kline" else TRADES_LIMIT
    limit = _number(query, "limit", default=default, least=1, most=most) or default
    return Subscription(stream=stream, symbol=symbol, interval=interval, limit=limit, since=since)


def _check_names(query: "MultiDict[str, str]", known: Sequence[str]) -> None:
    unknown = f"is no parameter here; known are {', '.join(known)}"
    errors = [FieldError(name[:_SHOWN], "given more than once") for name in query if len(query.getlist(name)) > 1]
    errors += [FieldError(name[:_SHOWN], unknown) for name in query if name not in known]
    if errors:
        raise bad_parameters(errors)


def _symbol(query: Mapping[str, str], knows: Callable[[str], bool]) -> str:
    symbol = query.get("symbol", "").upper()
    if not _SYMBOL.fullmatch(symbol):
        raise _bad("symbol", f"{symbol!r}; expected 2 to 20 letters and digits, e.g. BTCUSDT")
    if not knows(symbol):
        raise unknown_symbol(symbol)
    return symbol


def _interval(query: Mapping[str, str]) -> Interval:
    text = query.get("interval", Interval.M1.value)
    try:
        return Interval(text)
    except ValueError as error:
        known = ", ".join(interval.value for interval in Interval)
        raise _bad("interval", f"{text!r}; expected one of {known}") from error


def _number(query: Mapping[str, str], name: str, *, default: int | None, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise _bad(name, f"{text!r}; expected a whole number from {least} to {most}")
    return int(text)


def _bad(field: str, found: str) -> ProblemError:
    return bad_parameters([FieldError(field, found)])

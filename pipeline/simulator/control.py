"""Live control messages of a connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY."""

from dataclasses import dataclass, field
from typing import Any

import orjson

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
LONGEST_ID = 36


@dataclass(slots=True)
class Subscription:
    """What a connection listens to, in order of subscription, and whether frames come wrapped."""

    combined: bool
    limit: int
    streams: dict[str, None] = field(default_factory=dict)


class _RefusedError(Exception):
    """A request the venue answers with an error."""

    def __init__(self, code: int, message: str, *, too_many: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.too_many = code, message, too_many


@dataclass(frozen=True, slots=True)
class Reply:
    """The venue's reply, and the streams a SUBSCRIBE named; ``too_many`` where they were more than allowed."""

    data: bytes
    begun: tuple[str, ...] = ()
    too_many: bool = False


def answer(subscription: Subscription, text: str) -> Reply:
    """Carry the request out and reply, to a bad one with an error."""
    request_id: Any = None
    try:
        request = _parsed(text)
        request_id = _request_id(request)
        result = _carry_out(subscription, request)
    except _RefusedError as error:
        data = orjson.dumps({"error": {"code": error.code, "msg": error.message}, "id": request_id})
        return Reply(data, too_many=error.too_many)
    begun = tuple(request["params"]) if request["method"] == "SUBSCRIBE" else ()
    return Reply(orjson.dumps({"result": result, "id": request_id}), begun)


def asked_streams(text: str) -> str:
    """The streams a SUBSCRIBE asks for, joined; nothing for any other message."""
    try:
        request = _parsed(text)
    except _RefusedError:
        return ""
    params = request.get("params")
    wanted = request.get("method") == "SUBSCRIBE" and isinstance(params, list)
    return "/".join(map(str, params)) if wanted and params else ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _RefusedError(3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}") from error
    if not isinstance(request, dict):
        raise _RefusedError(2, "Invalid request: expected an object")
    return request


def _request_id(request: dict[str, Any]) -> int | str | None:
    value = request.get("id")
    whole = isinstance(value, int) and not isinstance(value, bool)
    name = isinstance(value, str) and value.isalnum() and len(value) <= LONGEST_ID
    if value is not None and not whole and not name:
        raise _RefusedError(2, "Invalid request: request ID must be an unsigned integer")
    return value


def _carry_out(subscription: Subscription, request: dict[str, Any]) -> Any:
    method, params = request.get("method"), request.get("params", [])
    if method is None:
        raise _RefusedError(2, "Invalid request: missing field `method` at line 1 column 1")
    if method not in _METHODS:
        expected = ", ".join(f"`{name}`" for name in _METHODS)
        raise _RefusedError(2, f"Invalid request: unknown variant {method}, expected one of {expected}")
    if not isinstance(params, list):
        raise _RefusedError(2, "Invalid request: params must be an array")
    if method == "LIST_SUBSCRIPTIONS":
        return list(subscription.streams)
    return _STEPS[method](subscription, params)


def _subscribe(subscription: Subscription, params: list[Any]) -> None:
    names = _stream_names(params)
    if len(subscription.streams | names) > subscription.limit:
        message = f"Invalid request: too many streams, at most {subscription.limit} a connection"
        raise _RefusedError(2, message, too_many=True)
    subscription.streams.update(names)


def _unsubscribe(subscription: Subscription, params: list[Any]) -> None:
    for name in _stream_names(params):
        subscription.streams.pop(name, None)


def _set_property(subscription: Subscription, params: list[Any]) -> None:
    if len(params) > 2:
        raise _RefusedError(2, "Invalid request: too many parameters")
    _check_property(params[:1])
    if len(params) != 2 or not isinstance(params[1], bool):
        raise _RefusedError(1, "Invalid value type: expected Boolean")
    subscription.combined = params[1]


def _get_property(subscription: Subscription, params: list[Any]) -> bool:
    if len(params) > 1:
        raise _RefusedError(2, "Invalid request: too many parameters")
    _check_property(params)
    return subscription.combined


def _check_property(params: list[Any]) -> None:
    if not params or not isinstance(params[0], str):
        raise _RefusedError(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise _RefusedError(0, "Unknown property")


def _stream_names(params: list[Any]) -> dict[str, None]:
    if not all(isinstance(name, str) for name in params):
        raise _RefusedError(2, "Invalid request: stream name must be a string")
    return dict.fromkeys(params)


_STEPS = {
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "SET_PROPERTY": _set_property,
    "GET_PROPERTY": _get_property,
}

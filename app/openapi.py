"""The OpenAPI 3.1 document, made of the routes themselves, so that it cannot tell another story than the server."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.api.route import Route
from app.problems import MEDIA_TYPE
from app.schemas import SCHEMAS, ref

Document = dict[str, Any]

_PROBLEMS = {
    400: "A parameter is missing, unknown, repeated or out of its range; `field` names it",
    404: "The symbol is not followed, or there is nothing yet",
    405: "Only GET is served here",
    413: "The request's body is too long",
    503: "A store is away; try again after Retry-After seconds",
}
_ALWAYS = (400, 405, 413)
_STORELESS = ("/livez", "/openapi.json", "/docs", "/models", "/health", "/metrics")
_WORDS = (
    "Live and stored crypto markets. Times are UTC epoch milliseconds unless said otherwise; numbers carry the "
    "exchange's own digits. Errors are problem details (RFC 9457). Every answer says in X-Data-Source whether it comes "
    "from binance, a simulator or a replay. Live messages come over WebSocket: /ws/kline, /ws/orderbook, /ws/trades."
)


def document(routes: Sequence[Route]) -> Document:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Candlestream", "version": _version(), "description": _WORDS,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in routes)],
        "paths": {route.path: {"get": _operation(route)} for route in routes},
        "components": {
            "schemas": SCHEMAS,
            "headers": {
                "X-Data-Source": {
                    "description": "Where the data comes from",
                    "schema": {"type": "string", "enum": ["binance", "simulator", "replay"]},
                }
            },
        },
    }  # fmt: skip


def parameters(route: Route) -> list[Document]:
    """The route's parameters, from the model that reads them."""
    described = route.query.model_json_schema()
    required = described.get("required", [])
    return [
        _parameter(route, name, schema, definitions=described.get("$defs", {}), required=name in required)
        for name, schema in described.get("properties", {}).items()
    ]


def _operation(route: Route) -> Document:
    statuses = [*_ALWAYS, *_expected(route), *route.problems]
    return {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters(route),
        "responses": {
            "200": _answer("The answer", route.media, route.schema),
            **{str(status): _answer(_PROBLEMS[status], MEDIA_TYPE, "Problem") for status in sorted(set(statuses))},
        },
    }


def _expected(route: Route) -> list[int]:
    missing = [404] if "symbol" in route.query.model_fields else []
    return missing if route.path in _STORELESS else [*missing, 503]


def _answer(description: str, media: str, schema: str) -> Document:
    return {
        "description": description,
        "headers": {"X-Data-Source": {"$ref": "#/components/headers/X-Data-Source"}},
        "content": {media: {"schema": ref(schema)}},
    }


def _parameter(
    route: Route, name: str, schema: Mapping[str, Any], *, definitions: Mapping[str, Any], required: bool
) -> Document:
    given = _plain(schema, definitions)
    described = {"description": given.pop("description")} if "description" in given else {}
    in_path = f"{{{name}}}" in route.path
    place = {"name": name, "in": "path" if in_path else "query", "required": required}
    return {**place, **described, "schema": given}


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Document:
    """A parameter's schema alone: no null (which a query can't carry), no titles, nothing defined elsewhere."""
    flat = {name: value for name, value in schema.items() if name != "title" and value is not None}
    if "$ref" in flat:
        flat |= definitions[flat.pop("$ref").rpartition("/")[2]]
    for choice in flat.pop("anyOf", []):
        if choice != {"type": "null"}:
            flat = _plain(choice, definitions) | flat
    flat.pop("title", None)
    return flat


def _version() -> str:
    try:
        return version("candlestream")
    except PackageNotFoundError:
        return "0.1.0"

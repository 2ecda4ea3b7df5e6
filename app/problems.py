"""What went wrong, as RFC 9457 problem details: every error this server answers, and the names of their fields."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from pipeline.domain import jsontext
from pipeline.domain.faults import Fault, TransientError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

KINDS = {
    "bad-parameter": "A parameter is missing, unknown, repeated or out of its range; errors names each.",
    "unknown-symbol": "This stack does not follow that symbol; /symbols lists those it does.",
    "nothing-yet": "The symbol is followed, but what was asked for does not exist yet.",
    "store-away": "Redis or MongoDB does not answer; try again after Retry-After seconds.",
    "stale-book": "The order book has been out of step with the exchange for more than 30 seconds.",
    "not-ready": "The server is up, but not everything behind it is; detail says what.",
    "no-such-page": "There is nothing at this address; /openapi.json lists what there is.",
    "method-not-allowed": "The address exists, but not for this method; see the Allow header.",
    "foreign-origin": "Pages of that origin may not open sockets here.",
    "no-place": "Every socket this server may hold is taken; try again after Retry-After seconds.",
    "bad-request": "The request itself can't be read.",
    "internal": "A defect of this server, written to its log.",
}
_KIND_OF_STATUS = {404: "no-such-page", 405: "method-not-allowed", 500: "internal", 503: "store-away"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field."""

    field: str
    detail: str


@dataclass(eq=False)
class ProblemError(Fault):
    """An error with its answer; ``kind`` is one of KINDS."""

    status: int
    kind: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self, instance: str) -> dict[str, Any]:
        """The problem object; ``instance`` is the path that was asked for."""
        fields = {"field": self.errors[0].field} if self.errors else {}
        errors = {"errors": [{"field": error.field, "detail": error.detail} for error in self.errors]}
        return {
            "type": f"/docs#{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **fields,
            **(errors if self.errors else {}),
            **self.extra,
        }


def bad_parameters(errors: Sequence[FieldError]) -> ProblemError:
    """400 that names every field which is off."""
    detail = "; ".join(f"{error.field}: {error.detail}" for error in errors)
    return ProblemError(400, "bad-parameter", detail, errors)


def unknown_symbol(symbol: str) -> ProblemError:
    """404 for a symbol nobody follows."""
    error = FieldError("symbol", f"{symbol} is not followed here; see /symbols")
    return ProblemError(404, "unknown-symbol", error.detail, [error])


def nothing_yet(detail: str) -> ProblemError:
    """404 for what will exist later."""
    return ProblemError(404, "nothing-yet", detail)


def register(app: Flask) -> None:
    """Answer every error of ``app`` as a problem."""
    app.register_error_handler(ProblemError, answer)
    app.register_error_handler(TransientError, _away)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _defect)


def answer(problem: ProblemError) -> Response:
    """The response that tells ``problem``."""
    body = jsontext.dumps(problem.body(request.path))
    return Response(body, status=problem.status, mimetype=MEDIA_TYPE, headers=dict(problem.headers))


def _away(error: TransientError) -> Response:
    log.warning("%s %s: %s", request.method, request.path, error)
    retry_after = {"Retry-After": str(max(RETRY_AFTER_S, round(error.retry_after_s or 0)))}
    return answer(ProblemError(503, "store-away", _outside(error), headers=retry_after))


def _outside(error: TransientError) -> str:
    """Our own words as they are; of a driver's, which tell addresses and ports, only the store's name."""
    if error.__cause__ is None:
        return str(error)
    store = str(error).partition(":")[0]
    return f"{store} does not answer in time"


def _http(error: HTTPException) -> Response:
    response = error.get_response()
    if error.response is not None or response.status_code < HTTPStatus.BAD_REQUEST:
        return Response(response.get_data(), status=response.status_code, headers=list(response.headers))
    kept = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After")}
    kind = _KIND_OF_STATUS.get(response.status_code, "bad-request")
    return answer(ProblemError(response.status_code, kind, error.description or error.name, headers=kept))


def _defect(error: Exception) -> Response:
    """The process boundary: whatever nobody expected is logged here and told without its inside."""
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return answer(ProblemError(500, "internal", "this is a defect of the server; its log says more"))

"""One HTTP route as a value: where it lies, what it reads and answers; server and document are made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from app.parameters import Query, read_query
from pipeline.domain import jsontext

JSON = "application/json"
View = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A GET route: ``answer`` gets the parameters and gives a JSON object, or a finished response.

    ``path`` is written as OpenAPI writes it, ``/prediction/{symbol}``; ``schema`` names the answer's component
    schema; ``problems`` are the statuses besides 400, 404 (for a symbol), 405 and 503.
    """

    path: str
    answer: Callable[[Any], View | Response]
    query: type[Query]
    schema: str
    summary: str
    tag: str
    media: str = JSON
    problems: Sequence[int] = ()

    @property
    def name(self) -> str:
        """The operation's id."""
        return self.path.strip("/").replace("/", "-").replace("{", "").replace("}", "").replace(".", "-")

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return self.path.replace("{", "<").replace("}", ">")

    def serve(self, **path: str) -> Response:
        """Answer the request being handled."""
        answer = self.answer(read_query(self.query, request.args, path))
        return answer if isinstance(answer, Response) else json_response(answer)


def json_response(view: View, *, status: int = 200) -> Response:
    """A JSON answer whose Decimals keep their digits."""
    return Response(jsontext.dumps(view), status=status, mimetype=JSON)


def blueprint(name: str, routes: Sequence[Route]) -> Blueprint:
    """The routes as one Flask blueprint."""
    made = Blueprint(name, __name__)
    for route in routes:
        made.add_url_rule(route.rule, route.name, route.serve, methods=["GET"])
    return made

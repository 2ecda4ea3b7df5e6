"""Which addresses are pages: Dash answers whatever lies below a page with it, so what is none is refused first."""

from collections.abc import Collection

from dash.exceptions import DependencyException
from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule, WebsocketMismatch

from app.problems import ProblemError, answer

CATCH_ALL = "/<path:path>"
"""How Dash's rule for every path below a page ends."""


def only_known_pages(app: Flask, pages: Collection[str] = ()) -> None:
    """Answer 404 for a path that only Dash's catch-all would serve, unless it is one of ``pages``."""

    def refuse() -> None:
        rule = request.url_rule
        if isinstance(request.routing_exception, WebsocketMismatch):
            rule = _page_rule(app)
        if rule is not None and rule.rule.endswith(CATCH_ALL) and request.path not in pages:
            raise NotFound("there is no such page; /docs lists the routes")

    def missing(_error: DependencyException) -> Response:
        return answer(ProblemError(404, "no-such-page", "the page has no such file"))

    app.before_request(refuse)
    app.register_error_handler(DependencyException, missing)


def _page_rule(app: Flask) -> Rule | None:
    """What would serve this request if it did not ask for a socket."""
    adapter = app.create_url_adapter(request)
    return None if adapter is None else adapter.match(return_rule=True, websocket=False)[0]

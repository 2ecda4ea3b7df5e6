"""The WebSocket routes: everything that can be refused is refused before the handshake, then the hub takes over."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from flask_sock import Sock

from app.push.hub import Hub
from app.push.openings import Openings
from app.push.origins import Origins
from app.push.queries import BadQueryError, subscription
from app.push.subscriptions import Snapshots
from app.push.takeover import NoThread, take_over
from pipeline.domain import jsontext, names
from pipeline.domain.faults import TransientError

HUB = "push_hub"
"""Where the hub is found in ``app.extensions``."""
LIVE_WITHIN_S = 2.0
RETRY_AFTER_S = 2

_HANDSHAKE_HEADERS = {
    "HTTP_HOST", "HTTP_UPGRADE", "HTTP_CONNECTION", "HTTP_SEC_WEBSOCKET_KEY", "HTTP_SEC_WEBSOCKET_VERSION",
}  # fmt: skip


def register_push(
    app: Flask,
    hub: Hub,
    snapshots: Snapshots,
    *,
    knows: Callable[[str], bool],
    origins: Origins | None = None,
) -> None:
    """Serve ``/ws/kline``, ``/ws/orderbook`` and ``/ws/trades``; ``knows`` says whether a symbol is followed.

    The hub starts with the first socket unless it was started before, as ``app.gunicorn`` does.
    """
    app.config.setdefault("SOCK_SERVER_OPTIONS", {})["thread_class"] = NoThread
    app.extensions[HUB] = hub
    push = Blueprint("push", __name__, url_prefix="/ws")
    entrance = Entrance(hub, Openings(snapshots, hub.position), knows=knows, origins=origins or Origins())
    push.before_request(entrance.admit)
    push.teardown_request(entrance.leave)
    sock = Sock()
    for stream in names.STREAMS:
        sock.route(f"/{stream}", bp=push, endpoint=stream)(entrance.hand_over)
    app.register_blueprint(push)


class Entrance:
    """The door of the push room: checks a request, keeps a place, reads its opening, hands its socket to the hub."""

    def __init__(self, hub: Hub, openings: Openings, *, knows: Callable[[str], bool], origins: Origins) -> None:
        self._hub = hub
        self._openings = openings
        self._knows = knows
        self._origins = origins

    def admit(self) -> Response | None:
        """Refuse what must not become a socket; None lets the handshake begin."""
        try:
            return self._refusal() or self._prepare()
        except BadQueryError as error:
            return _problem(error.status, _TITLES[error.status], error.detail, field=error.field)
        except TransientError as error:
            return _unavailable(str(error))

    def hand_over(self, websocket: Any) -> None:
        """Give the handshaken socket to the hub; the route returns at once."""
        sock = take_over(websocket)
        g.push_reserved = False
        self._hub.attach(sock, g.push_wanted, g.push_opening)

    def leave(self, _error: BaseException | None) -> None:
        """Give back a place no socket was opened for."""
        if g.pop("push_reserved", False):
            self._hub.release()

    def _refusal(self) -> Response | None:
        if not self._origins.allow(request.headers.get("Origin"), host=request.host):
            return _problem(403, "Forbidden", f"pages of {request.headers['Origin']} may not open a socket here")
        if request.headers.get("Sec-WebSocket-Version") != "13":
            return _problem(426, "Upgrade Required", "expected WebSocket version 13", Sec_WebSocket_Version="13")
        if not _is_key(request.headers.get("Sec-WebSocket-Key", "")):
            return _problem(400, _TITLES[400], "Sec-WebSocket-Key is not 16 bytes in base64")
        return None

    def _prepare(self) -> Response | None:
        endpoint = (request.endpoint or "").rpartition(".")[2]
        g.push_wanted = subscription(endpoint, request.args, knows=self._knows)
        if not self._hub.reserve():
            return _unavailable("every socket is taken")
        g.push_reserved = True
        self._hub.start()
        if not self._hub.live.wait(LIVE_WITHIN_S):
            return _unavailable("the live stream is not connected yet")
        g.push_opening = self._openings.read(g.push_wanted)
        _strip(request.environ)
        return None


def _strip(environ: dict[str, Any]) -> None:
    """Leave the handshake only the headers it needs: above all no compression, which frames made once rule out."""
    for name in [name for name in environ if name.startswith("HTTP_") and name not in _HANDSHAKE_HEADERS]:
        del environ[name]


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _unavailable(detail: str) -> Response:
    return _problem(503, "Service Unavailable", detail, Retry_After=str(RETRY_AFTER_S))


_TITLES = {400: "Bad Request", 404: "Not Found"}


def _problem(status: int, title: str, detail: str, *, field: str | None = None, **headers: str) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if field is not None:
        body["field"] = field
    answer = Response(jsontext.dumps(body), status=status, content_type="application/problem+json")
    for name, value in headers.items():
        answer.headers[name.replace("_", "-")] = value
    return answer

"""The WebSocket routes: everything that can be refused is refused before the handshake, then the hub takes over."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, NoReturn

from flask import Blueprint, Flask, g, request
from flask_sock import Sock

from app.problems import ProblemError
from app.push.hub import Hub
from app.push.openings import Openings
from app.push.origins import Origins
from app.push.queries import subscription
from app.push.subscriptions import Snapshots
from app.push.takeover import NoThread, take_over
from pipeline.domain import names

HUB = "push_hub"
"""Where the hub is found in ``app.extensions``."""
LIVE_WITHIN_S = 2.0
RETRY_LATER = {"Retry-After": "2"}

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
        push.add_url_rule(f"/{stream}", f"{stream}_plain", _upgrade_required, methods=["GET"])
    app.register_blueprint(push)


class Entrance:
    """The door of the push room: checks a request, keeps a place, reads its opening, hands its socket to the hub."""

    def __init__(self, hub: Hub, openings: Openings, *, knows: Callable[[str], bool], origins: Origins) -> None:
        self._hub = hub
        self._openings = openings
        self._knows = knows
        self._origins = origins

    def admit(self) -> None:
        """Refuse what must not become a socket, before the handshake. Raises ProblemError or TransientError."""
        self._check_handshake()
        endpoint = (request.endpoint or "").rpartition(".")[2]
        g.push_wanted = subscription(endpoint, request.args, knows=self._knows)
        if not self._hub.reserve():
            raise ProblemError(503, "no-place", "every socket is taken", headers=RETRY_LATER)
        g.push_reserved = True
        self._hub.start()
        if not self._is_live():
            raise ProblemError(503, "store-away", "the live stream is not connected", headers=RETRY_LATER)
        g.push_opening = self._openings.read(g.push_wanted)
        _strip(request.environ)

    def hand_over(self, websocket: Any) -> None:
        """Give the handshaken socket to the hub; the route returns at once."""
        sock = take_over(websocket)
        g.push_reserved = False
        self._hub.attach(sock, g.push_wanted, g.push_opening)

    def leave(self, _error: BaseException | None) -> None:
        """Give back a place no socket was opened for."""
        if g.pop("push_reserved", False):
            self._hub.release()

    def _check_handshake(self) -> None:
        origin = request.headers.get("Origin")
        if not self._origins.allow(origin, host=request.host):
            raise ProblemError(403, "foreign-origin", f"pages of {origin} may not open a socket here")
        rule = request.url_rule
        if rule is None or not rule.websocket or request.headers.get("Sec-WebSocket-Version") != "13":
            _upgrade_required()
        if not _is_key(request.headers.get("Sec-WebSocket-Key", "")):
            raise ProblemError(400, "bad-request", "Sec-WebSocket-Key is not 16 bytes in base64")

    def _is_live(self) -> bool:
        # Only the very first connection is worth a request's thread; while Redis is away all would be waiting.
        starting = not self._hub.counters.reconnects
        return self._hub.live.wait(LIVE_WITHIN_S) if starting else self._hub.live.is_set()


def _upgrade_required() -> NoReturn:
    wanted = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    raise ProblemError(426, "bad-request", "this address speaks WebSocket, version 13", headers=wanted)


def _strip(environ: dict[str, Any]) -> None:
    """Leave the handshake only the headers it needs: above all no compression, which frames made once rule out."""
    for name in [name for name in environ if name.startswith("HTTP_") and name not in _HANDSHAKE_HEADERS]:
        del environ[name]


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False

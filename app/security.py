"""What guards the server: who may be served, how much may be sent, and the headers every answer carries."""

import ipaddress
import re
from collections.abc import Callable, Sequence

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from pipeline.domain.faults import MisconfiguredError
from pipeline.settings import Settings

MAX_BODY_BYTES = 1 << 20
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}

ScriptHashes = Callable[[], Sequence[str]]


def refuse_open_door(settings: Settings) -> None:
    """Raises MisconfiguredError if everybody on the network could read this server without having been asked."""
    if not settings.allow_anonymous and not _is_loopback(settings.http_host):
        raise MisconfiguredError(
            f"HTTP_HOST is {settings.http_host}, which others can reach, and there are no credentials: "
            "set ALLOW_ANONYMOUS=1 to serve everybody, or HTTP_HOST=127.0.0.1"
        )


def harden(app: Flask, settings: Settings, *, script_hashes: ScriptHashes) -> None:
    """Bound what may be sent to ``app`` and put the headers on everything it answers.

    ``script_hashes`` gives the CSP hashes of the page's inline scripts; it is asked once, at the first answer, when
    every callback is known.
    """
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.before_request(_refuse_long_body)
    hashes: list[str] = []

    def finish(response: Response) -> Response:
        if not hashes:
            hashes.extend(script_hashes() or ["'self'"])
        response.headers["X-Data-Source"] = settings.source_kind
        response.headers["Content-Security-Policy"] = policy(hashes, ports=(settings.http_port, settings.push_port))
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    app.after_request(finish)


def policy(script_hashes: Sequence[str], *, ports: Sequence[int]) -> str:
    """The Content-Security-Policy: everything from here, sockets also to this host's other port.

    Dash's own components set inline styles, so those are allowed; inline scripts only by their hash.
    """
    scripts = " ".join(dict.fromkeys(["'self'", *script_hashes]))
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            " ".join(["connect-src 'self'", *_sockets(ports)]),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _sockets(ports: Sequence[int]) -> list[str]:
    host = request.host
    name = host if host.endswith("]") else re.sub(r":\d+$", "", host)
    if not _HOST.fullmatch(name):
        return []
    places = dict.fromkeys([host, *(f"{name}:{port}" for port in ports)])
    return [f"{scheme}://{place}" for place in places for scheme in ("ws", "wss")]


def _refuse_long_body() -> None:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge(f"a request may carry at most {MAX_BODY_BYTES} bytes")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Whether the exchange serves this place: one question before anything starts, and what each answer means.

An answer that is not the exchange's own JSON is somebody's between us: a proxy, a hotel's log-in page.
Source: the ping endpoint answers ``{}`` (binance-spot-api-docs, rest-api.md); that 451 refuses whole countries is what
users report.
"""

import json
import os
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.local.http import HERE, get, reason

ANSWER_WITHIN_S = 5.0
Get = Callable[[str], tuple[int, str]]
"""A GET: (status, text), or (0, why nothing answered)."""
_REFUSALS = (403, 451)
_PROXY_LOG_IN, _SWITCHING = 407, 101
_ELSEWHERE = "set BINANCE_REST_URL and BINANCE_WS_URL to hosts that serve you, or SOURCE=simulator"


class Standing(StrEnum):
    """How the exchange stands to this place."""

    ANSWERS = "answers"
    REFUSED = "refused"
    INTERCEPTED = "intercepted"
    BUSY = "busy"
    UNREACHABLE = "unreachable"

    @property
    def is_lasting(self) -> bool:
        """Whether waiting will not mend it."""
        return self in (Standing.REFUSED, Standing.INTERCEPTED)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What came of the question: ``said`` in a few words, ``way_out`` as the next step."""

    standing: Standing
    said: str = ""
    way_out: str = ""


def ask_exchange(rest_url: str, ask: Get | None = None) -> Preflight:
    """Ping the exchange at ``rest_url`` (with the proxies of the environment), within five seconds."""
    status, text = (ask or _ask)(f"{rest_url.rstrip('/')}/api/v3/ping")
    host = urlsplit(rest_url).netloc
    if status in _REFUSALS:
        return Preflight(Standing.REFUSED, f"{host} refuses to serve this place (HTTP {status})", _ELSEWHERE)
    if status == _PROXY_LOG_IN:
        way_out = "put its user and password into HTTPS_PROXY, or SOURCE=simulator"
        return Preflight(Standing.INTERCEPTED, f"the proxy before {host} wants a log-in (HTTP 407)", way_out)
    if status == 200:
        return _judge(host, text)
    if 300 <= status < 400:
        return _intercepted(host)
    if status:
        return Preflight(Standing.BUSY, f"{host} answers HTTP {status}", "start again later, or SOURCE=simulator")
    return Preflight(Standing.UNREACHABLE, *_unreachable(host, text))


def _judge(host: str, text: str) -> Preflight:
    with suppress(ValueError, RecursionError):
        if json.loads(text) == {}:
            return Preflight(Standing.ANSWERS)
    return _intercepted(host)


def _intercepted(host: str) -> Preflight:
    said = f"{host} is answered by something between, a proxy or a log-in page, and not by the exchange"
    return Preflight(Standing.INTERCEPTED, said, "log in to this network, or set HTTPS_PROXY, or SOURCE=simulator")


def _unreachable(host: str, text: str) -> tuple[str, str]:
    if "Tunnel connection failed" in text or "407" in text:
        return f"the proxy does not let us through to {host} ({text})", "check HTTPS_PROXY, or SOURCE=simulator"
    if "certificate" in text.lower():
        way_out = "point SSL_CERT_FILE at the certificate of the proxy that opens TLS, or SOURCE=simulator"
        return f"{host} shows a certificate this machine does not trust ({text})", way_out
    return f"{host} can't be reached ({text})", "check the network, or HTTPS_PROXY, or SOURCE=simulator"


def _ask(url: str) -> tuple[int, str]:
    return get(url, timeout_s=ANSWER_WITHIN_S)


def ask_stream(ws_url: str) -> Preflight:
    """Open a WebSocket at ``ws_url`` as a client would, within five seconds, and hang up."""
    place = urlsplit(ws_url)
    try:
        status = _handshake(place.scheme == "wss", place.netloc)
    except (OSError, HTTPException) as error:
        return Preflight(Standing.UNREACHABLE, *_unreachable(place.netloc, reason(error)))
    if status == _SWITCHING:
        return Preflight(Standing.ANSWERS)
    standing = Standing.REFUSED if status in _REFUSALS else Standing.INTERCEPTED
    return Preflight(standing, f"{place.netloc} opens no WebSocket (HTTP {status})", _ELSEWHERE)


def _handshake(encrypted: bool, netloc: str) -> int:
    """The status that a WebSocket handshake is answered with. Raises OSError, HTTPException."""
    kind = HTTPSConnection if encrypted else HTTPConnection
    proxy = getproxies().get("https" if encrypted else "http", "")
    direct = not proxy or bool(proxy_bypass(netloc)) or urlsplit(f"//{netloc}").hostname in HERE
    connection = kind(netloc if direct else urlsplit(proxy).netloc.rpartition("@")[2], timeout=ANSWER_WITHIN_S)
    if not direct:
        connection.set_tunnel(netloc)
    with closing(connection):
        headers = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
        }  # fmt: skip
        connection.request("GET", "/stream?streams=btcusdt@trade", headers=headers)
        return connection.getresponse().status

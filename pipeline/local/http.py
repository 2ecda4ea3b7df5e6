"""GETs with the standard library: what asks our own processes, the exchange, and the package registries."""

import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

_MOST_BYTES = 1_000_000
HERE = ("127.0.0.1", "localhost", "::1")
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
"""Where people name the certificate of a proxy that opens TLS; the first one set counts."""


def answers(url: str, *, timeout_s: float = 2.0) -> bool:
    """Whether a GET of ``url`` is answered with 200."""
    return get(url, timeout_s=timeout_s)[0] == 200


def get(url: str, *, timeout_s: float = 2.0) -> tuple[int, str]:
    """Status and text of a GET, the text at most a megabyte; status 0 and the reason where nothing answered in time.

    The time is for each step: the connection, the head, and the whole body.
    """
    try:
        with open_url(url, timeout_s=timeout_s) as answer:
            return answer.status, _text(answer, timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _rest(error, timeout_s)
    except (OSError, ValueError, HTTPException) as error:
        return 0, reason(error)


def open_url(url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> Any:
    """The open answer to a GET. Raises HTTPError, OSError, HTTPException or ValueError (no such URL)."""
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 (the caller's own addresses)
    return _opener(here=urlsplit(url).hostname in HERE).open(request, timeout=timeout_s)


def reason(error: Exception) -> str:
    """What kept a request from being answered, in a few words."""
    inner = getattr(error, "reason", None) or error
    words = str(getattr(inner, "strerror", None) or inner or type(inner).__name__)
    return "".join(one if one.isprintable() else "?" for one in words)[:200]


@cache
def _opener(*, here: bool) -> urllib.request.OpenerDirector:
    """What asks: no proxy of the environment has a say on this machine."""
    proxies = urllib.request.ProxyHandler({} if here else None)
    return urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=_tls()))


def _tls() -> ssl.SSLContext:
    named = next((os.environ[name] for name in _CERTIFICATES if os.environ.get(name)), None)
    context = ssl.create_default_context()
    if named:
        with suppress(OSError):
            context.load_verify_locations(cafile=named)
    return context


def _text(answer: Any, within_s: float) -> str:
    """The body as text. Raises TimeoutError where it drips on and on."""
    body, deadline = b"", time.monotonic() + within_s
    while len(body) < _MOST_BYTES and (piece := answer.read1(_MOST_BYTES - len(body))):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer was not complete after {within_s:g} s")
    return body.decode(errors="replace")


def _rest(error: urllib.error.HTTPError, within_s: float) -> str:
    with suppress(OSError, HTTPException):
        return _text(error, within_s)
    return ""

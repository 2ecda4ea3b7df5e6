"""REST requests to the exchange: one at a time within the weight budget, failures named by what the caller may do."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

import aiohttp

from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
DEFAULT_RETRY_S = 10.0


class Budget(Protocol):
    """What says when the next request may go out."""

    def wait_ms(self, weight: int, *, now_ms: int) -> int: ...  # noqa: D102
    def told(self, used: int, *, now_ms: int) -> None: ...  # noqa: D102
    def block(self, seconds: float, *, now_ms: int) -> None: ...  # noqa: D102


class RestClient:
    """GETs against one base URL, sharing one weight budget."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, *, budget: Budget, weight_header: str) -> None:
        self._session = session
        self._base_url = base_url
        self._budget = budget
        self._weight_header = weight_header

    async def get(self, path: str, params: Mapping[str, str | int], *, weight: int) -> bytes:
        """The answer's body.

        Raises TransientError (limits, server faults, no connection), BadMessageError (the exchange refuses the
        request itself) or MisconfiguredError (this place or address is refused).
        """
        while wait_ms := self._budget.wait_ms(weight, now_ms=_now_ms()):
            await asyncio.sleep(wait_ms / 1000)
        try:
            async with self._session.get(self._base_url + path, params=dict(params), timeout=TIMEOUT) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"no answer from the exchange to {path}: {str(error) or repr(error)}") from error
        self._budget.told(int(answer.headers.get(self._weight_header, 0)), now_ms=_now_ms())
        self._judge(path, answer, body)
        return body

    def _judge(self, path: str, answer: aiohttp.ClientResponse, body: bytes) -> None:
        if answer.status == 200:
            return
        detail = f"the exchange answered {answer.status} to {path}: {_beginning(body)}"
        if answer.status in (418, 429):
            seconds = float(answer.headers.get("Retry-After", DEFAULT_RETRY_S))
            self._budget.block(seconds, now_ms=_now_ms())
            raise TransientError(detail, retry_after_s=seconds)
        if answer.status in (403, 451):
            raise MisconfiguredError(f"{detail} — set BINANCE_REST_URL to a host that serves you, or SOURCE=simulator")
        raise (TransientError if answer.status >= 500 else BadMessageError)(detail)


def _beginning(body: bytes) -> str:
    """What a body begins with, on one line: proxies answer with pages."""
    return " ".join(body[:200].decode(errors="replace").split())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

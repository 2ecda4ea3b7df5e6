"""REST requests to the exchange within the weight the governor grants, failures named by what the caller may do."""

import time
from collections.abc import Mapping
from typing import Protocol

import aiohttp

from pipeline.adapters.governor import Governor
from pipeline.domain.faults import BadMessageError, RefusedError, TransientError
from pipeline.domain.weight import Priority, WeightLimits

TIMEOUTS = {
    Priority.BOOK: aiohttp.ClientTimeout(total=4, connect=3),
    Priority.HISTORY: aiohttp.ClientTimeout(total=15, connect=5),
}
"""What a live book or a repair waits for is small; an answer that hangs must not be all of its recovery."""
_ELSEWHERE = "set BINANCE_REST_URL to a host that serves you, or SOURCE=simulator"
_REFUSALS = {
    403: "its firewall (WAF) refuses this address or this request: wait some minutes, look at what is asked, or ",
    451: "it does not serve this country: ",
}


class LimitWords(Protocol):
    """Reads an exchange's limits out of its answers."""

    def used(self, header: str | None) -> int | None: ...  # noqa: D102
    def listed(self, body: bytes) -> WeightLimits | None: ...  # noqa: D102
    def pause_s(self, status: int, retry_after: str | None, body: bytes, *, now_ms: int) -> float: ...  # noqa: D102


class RestClient:
    """GETs against one base URL, each of one priority, within the weight that ``governor`` grants."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, *, governor: Governor, words: LimitWords,
        weight_header: str, priority: Priority = Priority.BOOK,
    ) -> None:  # fmt: skip
        self._session, self._base_url, self._governor = session, base_url, governor
        self._words, self._weight_header, self._priority = words, weight_header, priority

    def at(self, priority: Priority) -> "RestClient":
        """The same client for requests of another priority."""
        return RestClient(
            self._session, self._base_url, governor=self._governor, words=self._words,
            weight_header=self._weight_header, priority=priority,
        )  # fmt: skip

    async def get(self, path: str, params: Mapping[str, str | int], *, weight: int) -> bytes:
        """The answer's body.

        Raises TransientError (limits, server faults, no connection), BadMessageError (the exchange refuses the
        request itself) or RefusedError (this place or address is refused).
        """
        await self._governor.acquire(weight, priority=self._priority)
        try:
            async with self._session.get(
                self._base_url + path, params=dict(params), timeout=TIMEOUTS[self._priority]
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"no answer from the exchange to {path}: {str(error) or repr(error)}") from error
        await self._heard(answer, body)
        await self._judge(path, answer, body)
        return body

    async def _heard(self, answer: aiohttp.ClientResponse, body: bytes) -> None:
        """Tell the governor what the answer says of the limits."""
        used = self._words.used(answer.headers.get(self._weight_header))
        if used is not None:
            await self._governor.told(used)
        limits = self._words.listed(body) if answer.status == 200 else None
        if limits is not None:
            await self._governor.learn(limits)

    async def _judge(self, path: str, answer: aiohttp.ClientResponse, body: bytes) -> None:
        status = answer.status
        if status == 200:
            return
        detail = f"the exchange answered {status} to {path}: {_beginning(body)}"
        if status in (418, 429):
            seconds = self._words.pause_s(status, answer.headers.get("Retry-After"), body, now_ms=_now_ms())
            await self._governor.block(seconds)
            raise TransientError(detail, retry_after_s=seconds)
        if status in _REFUSALS:
            raise RefusedError(f"{detail} — {_REFUSALS[status]}{_ELSEWHERE}")
        raise (TransientError if status >= 500 else BadMessageError)(detail)


def _beginning(body: bytes) -> str:
    """What a body begins with, on one line: proxies answer with pages."""
    return " ".join(body[:200].decode(errors="replace").split())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

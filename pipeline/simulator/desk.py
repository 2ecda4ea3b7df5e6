"""The REST desk: weighs each request, answers it, and lets the faults in force do their part."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from aiohttp import web

from pipeline.simulator import rest
from pipeline.simulator.market import Market
from pipeline.simulator.mischief import Mischief
from pipeline.simulator.parameters import RefusedError
from pipeline.simulator.rules import Counts, Limits, Verdict, WeightMeter
from pipeline.simulator.violations import Rule, Violations

WORKERS = 2
"""Threads that compute REST answers: a long page may not hold up a book, nor many of them the stream."""
HANG_LOOK_S = 0.05
_UNREAD_PARAMETER = b'{"code":-1104'
_TOO_MUCH = "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."  # noqa: E501
_BANNED = "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates to avoid bans."  # noqa: E501


class Desk:
    """Answers ``/api/v3/…``, one weight meter an address."""

    def __init__(
        self,
        market: Market,
        mischief: Mischief,
        *,
        limits: Limits,
        counts: Counts,
        violations: Violations,
        clock_ms: Callable[[], int],
    ) -> None:
        self._market, self._mischief, self._limits = market, mischief, limits
        self._counts, self._violations, self._clock_ms = counts, violations, clock_ms
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="rest")
        self._meters: dict[str, WeightMeter] = defaultdict(lambda: WeightMeter(limits))

    @property
    def weights(self) -> dict[str, int]:
        """The weight used in the current minute, by address."""
        return {ip: meter.used for ip, meter in self._meters.items()}

    def lift_blocks(self) -> None:
        """Nobody is blocked or banned any more."""
        for meter in self._meters.values():
            meter.lift()

    def close(self) -> None:
        """Compute no more answers."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request, refused, late, spoilt or sound."""
        path, meter = unquote(request.path_qs), self._meters[request.remote or ""]
        verdict = meter.spend(rest.weight_of(request.path, request.query), now_ms=self._clock_ms())
        if verdict.broken:
            self._violations.note(verdict.broken, path)
        refused = self._refusal(verdict) or self._ordered_refusal(path, meter)
        if refused:
            return self._respond(refused[0], refused[1], verdict=verdict, retry_after_s=refused[2])
        if (hang_s := self._mischief.answers.hang_s(path)) is not None:
            return await self._hang(request, hang_s)
        answer = await self._computed(request)
        if answer.body.startswith(_UNREAD_PARAMETER):
            self._violations.note(Rule.PARAMETER, path)
        await asyncio.sleep(self._mischief.answers.delay_s(path))
        body = self._mischief.answers.body(path, answer.body)
        if self._mischief.answers.cuts(path):
            return await _cut(request, body)
        return self._respond(answer.status, body, verdict=verdict)

    async def _computed(self, request: web.Request) -> rest.Answer:
        if not self._market.concurrent:
            return rest.answer(self._market, request.path, request.query, limits=self._limits)
        return await asyncio.get_running_loop().run_in_executor(
            self._workers, lambda: rest.answer(self._market, request.path, request.query, limits=self._limits)
        )

    def _ordered_refusal(self, path: str, meter: WeightMeter) -> tuple[int, bytes, int] | None:
        refusal = self._mischief.answers.refusal(path)
        if refusal and refusal.status == 429:
            meter.block(self._clock_ms(), seconds=refusal.retry_after_s)
        elif refusal and refusal.status == 418:
            meter.ban(self._clock_ms(), seconds=refusal.retry_after_s)
        return refusal

    def _refusal(self, verdict: Verdict) -> tuple[int, bytes, int] | None:
        if verdict.status == 200:
            return None
        text = _BANNED if verdict.status == 418 else _TOO_MUCH
        message = text.format(limit=self._limits.weight_per_minute, until=verdict.banned_until_ms)
        return verdict.status, RefusedError(-1003, message).body, verdict.retry_after_s

    def _respond(self, status: int, body: bytes, *, verdict: Verdict, retry_after_s: int = 0) -> web.Response:
        self._counts.add(f"rest/{status}")
        headers = {"X-MBX-USED-WEIGHT": str(verdict.used), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        if status in (418, 429):
            headers["Retry-After"] = str(retry_after_s)
        kind = "text/html" if body.startswith(b"<") else "application/json"
        return web.Response(status=status, body=body, headers=headers, content_type=kind, charset="utf-8")

    async def _hang(self, request: web.Request, seconds: float) -> web.StreamResponse:
        """Say nothing until the client has gone or the time is over, then close without an answer."""
        until_ms = self._clock_ms() + int(seconds * 1_000)
        while _is_open(request) and not (seconds and self._clock_ms() >= until_ms):
            await asyncio.sleep(HANG_LOOK_S)
        self._counts.add("rest/hung")
        return _abandoned(request)


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _abandoned(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()

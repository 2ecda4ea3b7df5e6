"""REST as a client meets it: weight told and learnt, 429 and 418 obeyed by all, refusals named."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from pipeline.adapters.governor import Governor
from pipeline.adapters.http import RestClient
from pipeline.adapters.memory_weight import MemoryWeight
from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from tests.servers.waiting import until
from tests.words import NOON_MS

LISTED = b'{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":777}'
INFO = b'{"rateLimits":[%b],"symbols":[]}' % LISTED


@asynccontextmanager
async def client_of(
    governor: Governor, status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None
) -> AsyncIterator[RestClient]:
    """A client of a server that answers everything the same way."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as session:
        yield RestClient(session, url, governor=governor, words=BinanceLimits(), weight_header=WEIGHT_HEADER)
    await runner.cleanup()


async def test_the_header_and_the_listed_limits_reach_the_governor() -> None:
    governor = Governor()
    async with client_of(governor, body=INFO, headers={WEIGHT_HEADER: "432"}) as client:
        assert await client.get("/api/v3/exchangeInfo", {}, weight=20) == INFO
    assert (governor.detail()["used"], governor.detail()["limit"]) == (432, 777)


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"Retry-After": "7"}, b"{}", 7),
        (429, {}, b"{}", 10),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"{}", 10),
        (418, {}, b"{}", 120),
        (418, {"Retry-After": "33"}, b"<html>", 33),
    ],
)
async def test_a_limit_holds_every_process(
    status: int, headers: Mapping[str, str], body: bytes, seconds: float
) -> None:
    store = MemoryWeight(lambda: NOON_MS)
    one, other = (Governor(store, clock=lambda: NOON_MS) for _ in range(2))
    async with client_of(one, status, body, headers) as client:
        with pytest.raises(TransientError) as refused:
            await client.get("/api/v3/time", {}, weight=1)
    assert refused.value.retry_after_s == seconds
    waiting = asyncio.create_task(other.acquire(1))
    await until(lambda: other.waits > 0)
    waiting.cancel()
    assert other.detail()["blockedUntil"] == NOON_MS + seconds * 1_000


@pytest.mark.parametrize(("status", "word"), [(403, "firewall"), (451, "does not serve this country")])
async def test_a_refusal_says_what_it_is_and_what_to_do(status: int, word: str) -> None:
    async with client_of(Governor(), status, b"<html>\n<b>Forbidden</b>") as client:
        with pytest.raises(MisconfiguredError, match=word) as refused:
            await client.get("/api/v3/time", {}, weight=1)
    assert "BINANCE_REST_URL" in str(refused.value)


async def test_a_bad_request_and_a_broken_server_are_told_apart() -> None:
    async with client_of(Governor(), 400, b'{"code":-1121}') as client:
        with pytest.raises(BadMessageError, match="-1121"):
            await client.get("/api/v3/depth", {"symbol": "X"}, weight=5)
    async with client_of(Governor(), 503) as client:
        with pytest.raises(TransientError, match="503"):
            await client.get("/api/v3/time", {}, weight=1)


async def test_nobody_there_is_worth_another_try() -> None:
    async with ClientSession() as session:
        client = RestClient(
            session, "http://127.0.0.1:1", governor=Governor(), words=BinanceLimits(), weight_header=WEIGHT_HEADER
        )
        with pytest.raises(TransientError, match="no answer"):
            await client.get("/api/v3/time", {}, weight=1)

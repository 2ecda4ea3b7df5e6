"""The exchange as a process: it says when it is ready, answers, and goes when asked."""

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession

from tests.pipeline.simulator.worlds import BTC

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def start(**environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pipeline.simulator",
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_process_serves_the_replay_it_was_given_and_ends_on_sigterm() -> None:
    port = free_port()
    process = await start(SOURCE=f"replay:{BTC}", SIMULATOR_PORT=str(port))
    assert process.stdout is not None
    async with asyncio.timeout(30):
        ready = orjson.loads(await process.stdout.readline())
    assert (ready["event"], ready["port"]) == ("ready", port)
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/api/v3/exchangeInfo") as reply:
        assert [entry["symbol"] for entry in (await reply.json())["symbols"]] == ["BTCUSDT"]
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    assert time.monotonic() - asked < 2


async def test_sigterm_does_not_wait_for_a_long_page() -> None:
    port = free_port()
    process = await start(SOURCE="simulator", SIMULATOR_PORT=str(port))
    assert process.stdout is not None
    async with asyncio.timeout(30), ClientSession() as session:
        await process.stdout.readline()
        page = f"http://127.0.0.1:{port}/api/v3/klines?symbol=BTCUSDT&interval=1d&limit=1000"
        asking = asyncio.create_task(status_of(session, page))
        assert await status_of(session, f"http://127.0.0.1:{port}/api/v3/time") == 200
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert time.monotonic() - asked < 2
        with suppress(ClientError):
            await asking


async def status_of(session: ClientSession, url: str) -> int:
    async with session.get(url) as reply:
        return reply.status


async def test_a_recording_that_is_not_there_is_one_clear_line() -> None:
    process = await start(SOURCE="replay:/nowhere/at/all.gz", SIMULATOR_PORT=str(free_port()))
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().count("\n") == 1
    assert "is not there" in errors.decode()


async def test_a_script_given_at_the_start_is_played(tmp_path: Path) -> None:
    script, port = tmp_path / "faults.json", free_port()
    script.write_text('[{"at_s":0,"kind":"rest","match":"ping","status":502,"count":1}]')
    process = await start(SOURCE="simulator", SIMULATOR_PORT=str(port), SIMULATOR_SCRIPT=str(script))
    assert process.stdout is not None
    async with asyncio.timeout(30), ClientSession() as session:
        await process.stdout.readline()
        while not (log := (await report_of(session, port))["log"]):
            await asyncio.sleep(0.02)
        assert log[0]["kind"] == "rest"
        assert await status_of(session, f"http://127.0.0.1:{port}/api/v3/ping") == 502
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def report_of(session: ClientSession, port: int) -> dict[str, Any]:
    async with session.get(f"http://127.0.0.1:{port}/faults") as reply:
        report: dict[str, Any] = await reply.json()
    return report


async def test_a_script_that_is_not_there_is_one_clear_line() -> None:
    process = await start(SOURCE="simulator", SIMULATOR_SCRIPT="/nowhere.json", SIMULATOR_PORT=str(free_port()))
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().startswith("simulator: the script /nowhere.json can't be used")

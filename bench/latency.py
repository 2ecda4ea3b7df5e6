"""How long an exchange event takes to a WebSocket client, over the whole road, at about 800 messages a second.

Every client message carries the exchange's event time; both ends run on this machine, so one clock measures it. The
time the simulated exchange itself took to send (its event time to our receipt) is printed beside it.
"""

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import redis

from bench.machine import machine_now
from bench.stack import Stack, running_stack
from pipeline.domain import names

STREAMS = ("trades", "orderbook", "kline")
WARM_UP_S = 15.0
MEASURED_S = 30.0
FOLLOWING_WITHIN_S = 60.0
RATE = "8"
"""Trades are scaled so that trades, differences and klines together come to about 800 a second."""


@dataclass(slots=True)
class Samples:
    """Milliseconds from the exchange's event to the client, by stream."""

    by_stream: dict[str, list[float]] = field(default_factory=lambda: {stream: [] for stream in STREAMS})
    measuring: bool = False

    def take(self, stream: str, message: dict[str, Any]) -> None:
        """One message, now."""
        if self.measuring and message["type"] in ("update", "realtime"):
            self.by_stream[stream].append(time.time() * 1000 - message["eventTime"])


def run() -> dict[str, Any]:
    """Measure once; the result as JSON."""
    before = machine_now()
    variables = {"SOURCE": "simulator", "SIMULATOR_RATE": RATE, "HISTORY_DAYS": "0"}
    with running_stack(("--without", "web,archive"), **variables) as stack:
        samples, rate = asyncio.run(_measure(stack))
        rows = stack.processes()
    result = {
        "name": "latency",
        "machine": before.as_json(),
        "load_after": machine_now().load_average,
        "exchange_messages_per_s": round(rate, 1),
        "streams": {stream: _summary(values) for stream, values in samples.by_stream.items()},
        "all": _summary([value for values in samples.by_stream.values() for value in values]),
        "processes": [{"name": row["name"], "rss_mb": round((row["rss_bytes"] or 0) / 1e6)} for row in rows],
    }
    _print(result, before.line())
    return result


async def _measure(stack: Stack) -> tuple[Samples, float]:
    samples = Samples()
    symbols = await _symbols(stack)
    base = f"ws://127.0.0.1:{stack.environment['PUSH_PORT']}/ws"
    async with aiohttp.ClientSession() as session:
        tasks = [
            asyncio.create_task(_listen(session, f"{base}/{stream}?symbol={symbol}", stream, samples))
            for stream in STREAMS
            for symbol in symbols
        ]
        await asyncio.sleep(WARM_UP_S)
        counted, started = _ingested(stack), time.monotonic()
        samples.measuring = True
        await asyncio.sleep(MEASURED_S)
        samples.measuring = False
        rate = (_ingested(stack) - counted) / (time.monotonic() - started)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    broken = [outcome for outcome in ended if isinstance(outcome, Exception)]
    if broken:
        raise SystemExit(f"{len(broken)} sockets broke: {broken[0]!r}")
    return samples, rate


async def _listen(session: aiohttp.ClientSession, url: str, stream: str, samples: Samples) -> None:
    async with session.ws_connect(url, compress=0) as socket:
        async for message in socket:
            samples.take(stream, json.loads(message.data))
    raise ConnectionError(f"{url} was closed")


async def _symbols(stack: Stack) -> list[str]:
    """The symbols the stack follows, once it says so and every one has a book."""
    deadline = time.monotonic() + FOLLOWING_WITHIN_S
    while time.monotonic() < deadline:
        with _redis(stack) as client:
            listed = json.loads(client.get(names.SYMBOLS_KEY) or b"{}").get("symbols", [])
            found = [row["symbol"] for row in listed]
            if found and all(client.exists(names.orderbook_key(symbol)) for symbol in found):
                return found
        await asyncio.sleep(0.5)
    raise SystemExit(f"no market was followed within {FOLLOWING_WITHIN_S:.0f} s")


def _ingested(stack: Stack) -> int:
    with _redis(stack) as client:
        detail = json.loads(client.get(names.heartbeat_key("ingest")) or b"{}")["detail"]
    return int(detail["klines"] + detail["trades"] + detail["depth"])


def _redis(stack: Stack) -> "redis.Redis":
    return redis.Redis(port=int(stack.environment["REDIS_PORT"]), socket_timeout=5)


def _summary(values: list[float]) -> dict[str, float]:
    if len(values) < 100:
        raise SystemExit(f"only {len(values)} messages came: nothing to measure")
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    return {
        "n": len(values), "p50_ms": round(cuts[499], 1), "p90_ms": round(cuts[899], 1),
        "p99_ms": round(cuts[989], 1), "p999_ms": round(cuts[998], 1), "max_ms": round(max(values), 1),
    }  # fmt: skip


def _print(result: dict[str, Any], machine: str) -> None:
    print(machine)
    print(f"{result['exchange_messages_per_s']} exchange messages/s; processes: ", end="")
    print(", ".join(f"{row['name']} {row['rss_mb']} MB" for row in result["processes"]))
    print(f"{'stream':<10} {'n':>7} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'p99.9':>8} {'max':>8}")
    for name, row in {**result["streams"], "all": result["all"]}.items():
        figures = " ".join(f"{row[key]:>8}" for key in ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"))
        print(f"{name:<10} {row['n']:>7} {figures}")

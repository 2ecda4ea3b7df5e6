"""The whole road under a steady load: socket, Kafka, Redis and MongoDB; what it cost, and that nothing was lost."""

import re
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import psutil
import redis
from pymongo import MongoClient

from bench.crowd import Ends, Generator, running_generator, until
from bench.generator import names
from bench.machine import Unavailable
from bench.one_core import book_states, ingest_detail
from bench.stack import Stack, running_stack
from pipeline.adapters.kafka import KafkaReader
from pipeline.domain.names import Topics, trades_key

SYNCED_WITHIN_S = 300
CAUGHT_UP_WITHIN_S = 120
REPAIRED_WITHIN_S = 300
SAMPLE_EVERY_S = 5.0
SETTLED_S = 5.0
TRADE_IDS = re.compile(rb'"t":(\d+)|"f":(\d+),"l":(\d+)')
"""The id of a trade, or the first and last of what was fetched again as an aggregate."""
TOPICS = Topics()


def whole_road(*, seconds: int, rate: float, symbols: int) -> dict[str, Any]:
    """Measure for ``seconds`` once every book is synced; then count."""
    with running_generator(symbols=symbols, rate=rate) as generator:
        variables = {**generator.urls, "SOURCE": "simulator", "SYMBOLS": ",".join(names(symbols)), "HISTORY_DAYS": "0"}
        with running_stack(("--without", "exchange,web,push"), **variables) as stack:
            began = time.monotonic()
            until(
                lambda: book_states(ingest_detail(stack)) == {"synced": symbols},
                within_s=SYNCED_WITHIN_S,
                what="books synced",
            )
            warm_up_s = time.monotonic() - began
            generator.ask("/bench/go")
            time.sleep(SETTLED_S)
            load = _under_load(stack, generator, seconds)
            generator.ask("/bench/stop")
            load |= _caught_up(stack)
            stats = generator.ask("/bench/stats")
            counted = _accounts(stack, stats, symbols)
    return {"symbols": symbols, "warm_up_s": round(warm_up_s, 1), "session": stats["session"], **load, **counted}


def _under_load(stack: Stack, generator: Generator, seconds: int) -> dict[str, Any]:
    followed = {row["name"]: psutil.Process(row["pid"]) for row in stack.processes() if row["pid"]}
    followed["generator"] = psutil.Process(generator.pid)
    cpu = {name: sum(process.cpu_times()[:2]) for name, process in followed.items()}
    before, started = generator.ask("/bench/stats"), time.monotonic()
    samples = [_sizes(followed)]
    while time.monotonic() < started + seconds:
        time.sleep(min(SAMPLE_EVERY_S, max(0.1, started + seconds - time.monotonic())))
        samples.append(_sizes(followed))
    took, after = time.monotonic() - started, generator.ask("/bench/stats")
    rows = {
        name: {
            "cpu_percent": 100 * (sum(process.cpu_times()[:2]) - cpu[name]) / took,
            "first_mb": samples[0][name], "last_mb": samples[-1][name], "most_mb": max(s[name] for s in samples),
        }
        for name, process in followed.items()
    }  # fmt: skip
    if after["frames"] == before["frames"]:
        raise Unavailable("the generator had nothing more to send")
    return {
        "seconds": took, "messages_per_s": (after["frames"] - before["frames"]) / took,
        "generator": {"cpu_percent": rows.pop("generator")["cpu_percent"], "late_ms": after["late_ms"]},
        "processes": rows, "rss_mb": samples,
    }  # fmt: skip


def _sizes(followed: Mapping[str, psutil.Process]) -> dict[str, int]:
    return {name: round(process.memory_info().rss / 1e6) for name, process in followed.items()}


def _caught_up(stack: Stack) -> dict[str, Any]:
    """How far the readers were behind at the end, how long they took, and how long it took to heal what was missed."""
    cache, archive = Ends(stack, "cache"), Ends(stack, "archive")
    every = (TOPICS.kline, TOPICS.orderbook, TOPICS.trades)
    lag = {"cache": cache.lag(*every), "archive": archive.lag(TOPICS.kline)}
    started = time.monotonic()
    until(lambda: not cache.lag(*every), within_s=CAUGHT_UP_WITHIN_S, what="the cache has caught up")
    caught_up_s = time.monotonic() - started
    until(lambda: _is_whole(stack), within_s=REPAIRED_WITHIN_S, what="every missed trade is fetched again", every_s=1.0)
    repaired_s = time.monotonic() - started
    until(
        lambda: not cache.lag(*every) and not archive.lag(TOPICS.kline),
        within_s=CAUGHT_UP_WITHIN_S, what="cache and archive have all of it",
    )  # fmt: skip
    return {"lag": lag, "caught_up_s": round(caught_up_s, 1), "repaired_s": round(repaired_s, 1)}


def _is_whole(stack: Stack) -> bool:
    return not ingest_detail(stack).get("repairs", {}).get("missingTrades")


def _accounts(stack: Stack, stats: Mapping[str, Any], symbols: int) -> dict[str, Any]:
    return {
        "trades_in_kafka": _in_kafka(stack, stats["last_trade_id"], symbols),
        "trades_in_redis": _in_redis(stack, stats["last_trade_id"], symbols),
        "minutes_in_mongodb": _in_mongodb(stack, stats["rows"], symbols),
    }


def _in_kafka(stack: Stack, last_id: int, symbols: int) -> dict[str, int]:
    """Of the ids 1 … ``last_id`` of every symbol, how many are in the log: at all, again, and only as repaired."""
    seen = {name: bytearray(last_id + 1) for name in names(symbols)}
    reader = KafkaReader(stack.environment["KAFKA_BOOTSTRAP"], group="bench-accounts", topics=[TOPICS.trades])
    again, repaired, left = 0, 0, Ends(stack).count(TOPICS.trades)
    while left > 0:
        for record in reader.batch(limit=10_000, wait_s=1.0):
            left -= 1
            single, first, last = TRADE_IDS.search(record.value).groups()  # type: ignore[union-attr]
            for trade_id in range(int(single or first), int(single or last) + 1):
                again += seen[record.key][trade_id]
                repaired += single is None
                seen[record.key][trade_id] = 1
    reader.close()
    held = sum(sum(marks) for marks in seen.values())
    return {
        "expected": last_id * symbols,
        "held": held,
        "lost": last_id * symbols - held,
        "again": again,
        "repaired": repaired,
    }


def _in_redis(stack: Stack, last_id: int, symbols: int) -> dict[str, int]:
    with redis.Redis(port=int(stack.environment["REDIS_PORT"]), socket_timeout=5) as client:
        newest = [client.zrevrange(trades_key(name), 0, 999, withscores=True) for name in names(symbols)]
    wanted = list(range(last_id, max(0, last_id - 1_000), -1))
    right = sum([int(score) for _, score in rows] == wanted for rows in newest)
    return {"symbols": symbols, "newest_1000_right": right}


def _in_mongodb(stack: Stack, rows: list[list[Any]], symbols: int) -> dict[str, int]:
    """How many of the closed minutes of every symbol are stored, and equal to the exchange's own."""
    environment, right, held = stack.environment, 0, 0
    with MongoClient[dict[str, Any]](environment["MONGO_URI"]) as client:
        found = client[environment.get("MONGO_DB", "CRYPTO")]["1m_kline"]
        for row in rows:
            wanted = [Decimal(text) for text in row[1:6]]
            for candle in found.find({"openTime": row[0]}):
                held += 1
                values = [candle[name].to_decimal() for name in ("open", "high", "low", "close", "volume")]
                right += values == wanted
    return {"expected": len(rows) * symbols, "held": held, "equal": right}

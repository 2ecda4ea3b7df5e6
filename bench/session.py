"""What became of a recorded session that went down the whole road: counted and compared, figure by figure.

Needs the recordings in ``MARKET_DATA_DIR``; ``REPLAY_SPEED`` (default 5) says how fast they are played.
"""

import asyncio
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from bench.machine import Unavailable, machine_now
from bench.recorded import COMPLETE_MINUTES, OFFICIAL_5M, SESSION, TRADES, Tops, best_prices, compare, recorded
from bench.stack import Stack, running_stack
from pipeline.adapters.kafka import KafkaReader
from pipeline.domain import jsontext
from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_trades
from pipeline.domain.interval import Interval
from pipeline.domain.records import decode_trade
from pipeline.domain.trade import Trade

PATIENCE_S = 900
POLL_S = 0.02

Served = dict[int, tuple[Decimal, ...]]


def run() -> dict[str, Any]:
    """Replay the session once; the result as JSON. Raises Unavailable without the recordings."""
    folder = os.environ.get("MARKET_DATA_DIR")
    if not folder:
        raise Unavailable("set MARKET_DATA_DIR to the folder that holds captures/btcusdt_20240808.gz")
    paths = [Path(folder) / "captures" / name for name in SESSION]
    before = machine_now()
    speed = os.environ.get("REPLAY_SPEED") or "5"
    variables = {
        "SOURCE": "replay:" + ",".join(str(path.resolve()) for path in paths),
        "REPLAY_SPEED": speed,
        "HISTORY_DAYS": "0",
    }
    with running_stack((), **variables) as stack:
        polled, pushed, minutes, five = asyncio.run(_watch(stack))
        trades = _trades(stack)
    result = {
        "name": "session", "machine": before.as_json(), "replay_speed": float(speed),
        "trades": _trades_result(trades, paths), "minutes": _minutes_result(trades, minutes),
        "official_5m": {str(t): five.get(t) == tuple(map(Decimal, row)) for t, row in OFFICIAL_5M.items()},
        "book_pushed": _book_result(pushed, best_prices(paths)),
        "book_polled": _book_result(polled, best_prices(paths)),
    }  # fmt: skip
    print(before.line())
    for name in ("trades", "minutes", "official_5m", "book_pushed", "book_polled"):
        print(f"{name:<12} {result[name]}")
    return result


async def _watch(stack: Stack) -> tuple[Tops, Tops, Served, Served]:
    web = f"http://127.0.0.1:{stack.environment['HTTP_PORT']}"
    polled: dict[int, tuple[Decimal, Decimal]] = {}
    pushed: dict[int, tuple[Decimal, Decimal]] = {}
    async with aiohttp.ClientSession() as session:
        listener = asyncio.create_task(_listen(session, web, pushed))
        deadline = time.monotonic() + PATIENCE_S
        while not await _over(session, stack) and time.monotonic() < deadline:
            for _ in range(50):
                _note(polled, await _get(session, f"{web}/orderbook?symbol=BTCUSDT&limit=1"))
                await asyncio.sleep(POLL_S)
        while len(await _candles(session, web, "1m")) < COMPLETE_MINUTES and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        listener.cancel()
        return polled, pushed, await _candles(session, web, "1m"), await _candles(session, web, "5m")


async def _over(session: aiohttp.ClientSession, stack: Stack) -> bool:
    status = await _get(session, f"{stack.environment['BINANCE_REST_URL']}/replay/status")
    return bool(status["done"])


async def _listen(session: aiohttp.ClientSession, web: str, tops: dict[int, tuple[Decimal, Decimal]]) -> None:
    async with session.ws_connect(f"{web}/ws/orderbook?symbol=BTCUSDT", compress=0) as socket:
        async for message in socket:
            _note(tops, jsontext.loads_exact(message.data))


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as answer:
        told: dict[str, Any] = jsontext.loads_exact(await answer.read())
        return told


async def _candles(session: aiohttp.ClientSession, web: str, interval: str) -> Served:
    told = await _get(session, f"{web}/ohlc?symbol=BTCUSDT&interval={interval}&limit=100")
    return {c["openTime"]: (*map(Decimal, c["y"]), Decimal(c["volume"])) for c in told["candles"]}


def _note(tops: dict[int, tuple[Decimal, Decimal]], book: dict[str, Any]) -> None:
    if book.get("bids") and book.get("asks"):
        tops[book["lastUpdateId"]] = (Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"]))


def _trades(stack: Stack) -> list[Trade]:
    reader = KafkaReader(stack.environment["KAFKA_BOOTSTRAP"], group="bench-session", topics=["crypto_trades"])
    found: dict[int, Trade] = {}
    deadline, quiet = time.monotonic() + 30, 0
    while time.monotonic() < deadline and quiet < 5:
        batch = reader.batch(limit=5_000, wait_s=0.5)
        quiet = 0 if batch or not found else quiet + 1
        found.update({trade.trade_id: trade for trade in (decode_trade(record.value) for record in batch)})
    reader.close()
    return [found[trade_id] for trade_id in sorted(found)]


def _trades_result(trades: list[Trade], paths: list[Path]) -> dict[str, Any]:
    own = [(t["t"], t["p"], t["q"]) for t in recorded(paths, "trade")]
    same = own == [(t.trade_id, format(t.price, "f"), format(t.quantity, "f")) for t in trades]
    return {"recorded": len(own), "in_topic": len(trades), "expected": TRADES, "digit_for_digit": same}


def _minutes_result(trades: list[Trade], served: Served) -> dict[str, Any]:
    by_minute: dict[int, list[Trade]] = {}
    for trade in trades:
        by_minute.setdefault(Interval.M1.open_ms(trade.time_ms), []).append(trade)
    folded = {open_ms: _row(fold_trades(minute)) for open_ms, minute in by_minute.items()}
    return {"served": len(served), "equal_to_fold": sum(folded[t] == row for t, row in served.items())}


def _row(candle: Candle) -> tuple[Decimal, ...]:
    return (candle.open, candle.high, candle.low, candle.close, candle.volume)


def _book_result(served: Tops, told: Tops) -> dict[str, Any]:
    differing, behind, exact = compare(served, told)
    return {
        "books": len(served), "compared_at_same_id": exact, "equal_at_same_id": exact - len(differing),
        "differ_from_last_told": len(behind),
    }  # fmt: skip

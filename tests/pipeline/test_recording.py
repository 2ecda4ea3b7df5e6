"""A recording of the simulated exchange over real sockets: byte for byte, replayable, across drops and refusals."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from pipeline.domain.book import OrderBook
from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.interval import MINUTE_MS
from pipeline.recording import Recording
from pipeline.settings import Settings
from pipeline.simulator.market import KlineQuery
from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.replay.books import diff_of, snapshot_of
from pipeline.simulator.replay.formats import read_recording
from pipeline.simulator.server import Exchange
from tests.pipeline.recordings import (
    KINDS,
    SYMBOLS,
    Running,
    answers,
    raw_frames,
    recording,
    seeded,
    settings_of,
    shortly_before_a_minute,
)
from tests.pipeline.simulator.worlds import Clock, play, replay, rows_of
from tests.servers.waiting import until

STREAMS = [f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in KINDS]


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(seeded()).serving() as one:
        yield one


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.gz"


async def overheard(exchange: Exchange, count: int) -> list[bytes]:
    """What another client is sent, as it came."""
    frames: list[bytes] = []
    url = f"{exchange.ws_url}/stream?streams={'/'.join(STREAMS)}"
    async with asyncio.timeout(20), ClientSession() as session, session.ws_connect(url) as socket:
        while len(frames) < count or not any(b"@kline_1m" in frame for frame in frames):
            frames.append((await socket.receive_str()).encode())
    return frames


async def more(running: Running, count: int) -> None:
    """So many frames more."""
    behind = running.recording.kept.total + count
    await until(lambda: running.recording.kept.total > behind, within_s=20, what=f"{count} frames more")


def runs_in(part: list[bytes], whole: list[bytes]) -> bool:
    """Whether ``part`` lies in ``whole``, in order and without a hole."""
    start = whole.index(part[0])
    return whole[start : start + len(part)] == part


async def test_what_is_recorded_is_byte_for_byte_what_another_client_is_sent(exchange: Exchange, path: Path) -> None:
    async with recording(settings_of(exchange), path) as running:
        await until(lambda: running.recording.file.size, what="a first write")
        heard = await overheard(exchange, 300)
        await more(running, 50)
    kept = raw_frames(path)
    by_stream: dict[str, list[bytes]] = {}
    for frame in heard:
        by_stream.setdefault(orjson.loads(frame)["stream"], []).append(frame)
    assert {stream.partition("@")[2] for stream in by_stream} == set(KINDS)
    assert all(runs_in(frames, kept[stream]) for stream, frames in by_stream.items())
    lines = read_recording(str(path))
    assert [line.received_ns for line in lines] == sorted(line.received_ns for line in lines)
    assert sum(bool(line.stream) for line in lines) == running.recording.kept.total
    assert running.shown > 0


async def test_the_listing_and_a_book_of_each_symbol_are_kept(exchange: Exchange, path: Path) -> None:
    async with recording(settings_of(exchange), path) as running:
        await until(lambda: len(running.recording.kept.books) == 2, what="two books")
    (listing,) = answers(path, "exchangeInfo")
    assert [entry["symbol"] for entry in listing["symbols"]] == list(SYMBOLS)
    for symbol in SYMBOLS:
        (book,) = answers(path, f"symbol={symbol}")
        firsts = [orjson.loads(frame)["data"] for frame in raw_frames(path)[f"{symbol.lower()}@depth@100ms"][:1]]
        assert book["lastUpdateId"] + 1 >= firsts[0]["U"]
        assert len(book["bids"]) == len(book["asks"]) == 1_000
    assert any("simulated" in line for line in running.said)


async def test_a_replay_gives_the_same_trades_candles_and_books(path: Path) -> None:
    clock = shortly_before_a_minute(3)
    async with Exchange(seeded(clock), clock_ms=clock).serving() as exchange:
        truths: list[dict[str, Any]] = []
        async with recording(settings_of(exchange), path) as running:
            await until(lambda: len(running.recording.kept.books) == 2, what="two books")
            for _ in range(20):
                await more(running, 25)
                truths.append(orjson.loads(exchange.market.depth("BTCUSDT", limit=1_000)))
            await until(lambda: 1_000 < clock() % MINUTE_MS < 50_000, what="the end of the minute")
            rows = rows_of(exchange.market.klines(KlineQuery(symbol="BTCUSDT", limit=2)))
            await more(running, 100)
            trades = exchange.market.trades("BTCUSDT", limit=1_000)
    assert clock() // MINUTE_MS * MINUTE_MS == rows[-1][0]

    stopped = Clock()
    market = replay(path, stopped)
    at_first = market.depth("BTCUSDT", limit=1_000)
    sent = play(market, stopped, streams=STREAMS)
    assert [frame.data for frame in sent] == [line.data for line in read_recording(str(path)) if line.stream]
    played = rows_of(market.trades("BTCUSDT", limit=10_000))
    known = {row["id"]: row for row in rows_of(trades)}
    assert len(played) > 20
    assert [known[row["id"]] for row in played if row["id"] in known] == [row for row in played if row["id"] in known]
    closed = [row for row in rows_of(market.klines(KlineQuery(symbol="BTCUSDT"))) if row[0] == rows[0][0]]
    assert closed == [rows[0]]
    events = [orjson.loads(frame.data) for frame in sent if frame.stream == "btcusdt@depth@100ms"]
    assert equal_books(orjson.loads(at_first), events, truths) > 0


def equal_books(start: dict[str, Any], events: list[dict[str, Any]], truths: list[dict[str, Any]]) -> int:
    """How many of the exchange's own books the replayed differences lead to exactly; AssertionError where not."""
    book, wanted, equal = (
        OrderBook(snapshot_of("BTCUSDT", start)),
        {truth["lastUpdateId"]: truth for truth in truths},
        0,
    )
    for event in events:
        book.apply(diff_of("BTCUSDT", event))
        truth = wanted.get(book.last_update_id)
        if truth:
            told = snapshot_of("BTCUSDT", truth)
            assert (book.bids(100), book.asks(100)) == (list(told.bids[:100]), list(told.asks[:100]))
            equal += 1
    return equal


async def test_a_dropped_connection_is_a_gap_that_is_said_and_new_books_follow(exchange: Exchange, path: Path) -> None:
    async with recording(settings_of(exchange), path) as running:
        kept = running.recording.kept
        await until(lambda: len(kept.books) == 2, what="two books")
        kept.books.clear()
        exchange.order(Order(kind=Kind.DROP))
        await until(lambda: len(kept.books) == 2, within_s=20, what="two new books")
    assert kept.reconnects == 1
    assert any(line.startswith("gap: ") and "again in" in line for line in running.said)
    assert any("over after" in line for line in running.said)
    _, _, after = gzip.decompress(path.read_bytes()).partition(b"# gap: over after")
    assert after
    for symbol in SYMBOLS:
        depth = b'"stream":"%b@depth' % symbol.lower().encode()
        line = next((line for line in after.splitlines() if depth in line), b"")
        first, second = answers(path, f"symbol={symbol}")
        begins = orjson.loads(line.partition(b" ")[2])["data"]["U"]
        assert first["lastUpdateId"] < begins <= second["lastUpdateId"] + 1


async def test_an_announced_end_is_followed_by_another_connection(exchange: Exchange, path: Path) -> None:
    async with recording(settings_of(exchange), path) as running:
        await until(lambda: len(running.recording.kept.books) == 2, what="two books")
        exchange.order(Order(kind=Kind.SHUTDOWN))
        await until(lambda: exchange.hub.counts.events["connections"] == 2, what="a second connection")
    assert b"serverShutdown" in b"".join(raw_frames(path)["!serverShutdown"])


async def test_a_book_older_than_the_differences_is_asked_for_again(exchange: Exchange, path: Path) -> None:
    exchange.order(Order(kind=Kind.STALE_BOOK, match="btcusdt", count=1))
    depth_seen = exchange.market.now_ms() + 1_000
    await until(lambda: exchange.market.now_ms() > depth_seen, what="a second to pass at the exchange")
    async with recording(settings_of(exchange), path) as running:
        await until(lambda: "BTCUSDT" in running.recording.kept.books, what="a book that fits")
    assert exchange.mischief.done["stale_book"] == 1
    (book,) = answers(path, "symbol=BTCUSDT")
    first = orjson.loads(raw_frames(path)["btcusdt@depth@100ms"][0])["data"]
    assert book["lastUpdateId"] + 1 >= first["U"]


@pytest.mark.parametrize(("status", "words"), [(451, "answered 451"), (403, "answered 403"), (503, "answered 503")])
async def test_an_exchange_that_refuses_is_one_line_and_leaves_no_file(
    exchange: Exchange, path: Path, status: int, words: str
) -> None:
    exchange.order(Order(kind=Kind.REST, match="exchangeInfo", status=status))
    with pytest.raises(MisconfiguredError, match=words) as refused:
        await Recording(settings_of(exchange), path, tell=lambda _: None).record(watch=lambda _: None)
    assert "\n" not in str(refused.value)
    assert "BINANCE_REST_URL" in str(refused.value)
    assert not path.exists()


@pytest.mark.parametrize("rest_is_there", [True, False])
async def test_nobody_there_is_one_line_and_no_file(exchange: Exchange, path: Path, rest_is_there: bool) -> None:
    rest_url = exchange.rest_url if rest_is_there else "http://127.0.0.1:9"
    settings = Settings(symbols=SYMBOLS, binance_rest_url=rest_url, binance_ws_url="ws://127.0.0.1:9")
    with pytest.raises(MisconfiguredError, match="nothing was recorded: see that BINANCE_REST_URL") as refused:
        await Recording(settings, path, tell=lambda _: None).record(watch=lambda _: None)
    assert "\n" not in str(refused.value)
    assert not path.exists()


async def test_a_sign_in_page_instead_of_an_exchange_is_one_line_and_leaves_no_file(path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>\n<h1>Sign in</h1>\n</html>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    settings = Settings(binance_rest_url=f"http://127.0.0.1:{port}", binance_ws_url=f"ws://127.0.0.1:{port}")
    with pytest.raises(MisconfiguredError, match="proxy or sign-in page") as refused:
        await Recording(settings, path, tell=lambda _: None).record(watch=lambda _: None)
    await runner.cleanup()
    assert "\n" not in str(refused.value)
    assert not path.exists()

"""One recorded frame in; a record, a key, a document, a message and a changed page out."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simple_websocket
from playwright.sync_api import Browser, Page

from bench.recorded import recorded
from pipeline.adapters.kafka import KafkaReader
from pipeline.adapters.mongo_writer import CandleStore, connect
from pipeline.domain import jsontext, names
from pipeline.domain.records import decode_trade
from pipeline.settings import Settings
from tests.browser.chromium import running_chromium
from tests.road.recordings import EXCERPT
from tests.road.running import Road, running_road
from tests.servers.waiting import wait_for

EVERY = ("exchange", "ingest", "cache", "archive", "web", "push")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_a_recorded_frame_reaches_every_shelf_and_the_screen(
    namespace: Settings, tmp_path: Path, chromium: Browser
) -> None:
    last = list(recorded((EXCERPT,), "trade"))[-1]
    source, pace = f"replay:{EXCERPT}", {"REPLAY_SPEED": "2", "HISTORY_DAYS": "0"}
    with running_road(namespace, tmp_path, processes=EVERY, source=source, **pace) as road:
        page, complaints = opened(chromium, road)
        before = shown_price(page)
        heard = pushed_trades(road, until=last["t"])
        wait_for(lambda: shown_price(page) == Decimal(last["p"]), within_s=30, what="the last price on the page")

        assert before != Decimal(last["p"])
        assert heard[-1]["trade"]["price"] == Decimal(last["p"])
        assert [m["seq"] for m in heard] == list(range(heard[0]["seq"], heard[0]["seq"] + len(heard)))
        assert last["t"] in trade_ids_in_the_log(road.settings, last["t"])
        with road.redis() as client:
            held: Any = client.zrange(names.trades_key("BTCUSDT"), -1, -1, withscores=True)
            assert held[0][1] == last["t"]
        with connect(road.settings.mongo_uri) as client:
            store = CandleStore(client, road.settings.mongo_db)
            wait_for(lambda: store.newest("BTCUSDT", count=1), within_s=20, what="a stored minute")
        weight = road.heartbeat("ingest")["weight"]
        assert weight["shared"]
        assert 0 < weight["used"] < weight["limit"] == 6_000
        assert complaints == []
        page.close()


def opened(chromium: Browser, road: Road) -> tuple[Page, list[str]]:
    """The market page with every panel live, and what its console and network complain about."""
    wait_for(lambda: road.heartbeat("ingest").get("trades", 0) > 0, within_s=30, what="the first trade")
    complaints: list[str] = []
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    page.goto(road.web)
    wait_for(lambda: price_text(page), within_s=30, what="a price on the page")
    return page, complaints


def price_text(page: Page) -> str:
    """The digits of the price in the page's header; empty before there is one."""
    return "".join(letter for letter in page.locator("#header-price").inner_text() if letter in "0123456789.")


def shown_price(page: Page) -> Decimal:
    """The price in the page's header."""
    return Decimal(price_text(page))


def pushed_trades(road: Road, *, until: int) -> list[dict[str, Any]]:
    """The realtime messages of the trades socket up to trade ``until``."""
    heard: list[dict[str, Any]] = []
    socket = simple_websocket.Client(f"ws://127.0.0.1:{road.settings.push_port}/ws/trades?symbol=BTCUSDT")
    try:
        while not heard or heard[-1]["trade"]["tradeId"] < until:
            text = socket.receive(timeout=30)
            assert text is not None, f"no trade within 30 s after {len(heard)}"
            message = jsontext.loads_exact(text)
            heard += [message] if message["type"] == "realtime" else []
    finally:
        socket.close()
    return heard


def trade_ids_in_the_log(settings: Settings, until: int) -> set[int]:
    reader = KafkaReader(
        settings.kafka_bootstrap, group=f"{settings.consumer_group_prefix}check", topics=[settings.topics.trades]
    )
    found: set[int] = set()

    def reached() -> bool:
        found.update(decode_trade(record.value).trade_id for record in reader.batch(limit=5_000, wait_s=0.2))
        return until in found

    try:
        wait_for(reached, within_s=30, what=f"trade {until} in the log")
    finally:
        reader.close()
    return found

"""The history fill on real servers: minutes by way of the log, and years of longer candles behind them."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.settings import Settings
from tests.road.running import running_road
from tests.servers.waiting import wait_for

LONGER = ("1h", "4h", "1d")


def test_the_first_start_has_a_day_of_minutes_and_a_page_of_every_longer_interval(
    namespace: Settings, tmp_path: Path
) -> None:
    own = replace(namespace, symbols=("BTCUSDT",), history_days=1)
    processes = ("exchange", "ingest", "archive")
    with (
        running_road(own, tmp_path, processes=processes, source="simulator") as road,
        MongoClient[dict[str, Any]](own.mongo_uri) as mongo,
    ):
        database = mongo[own.mongo_db]

        def has_its_minutes() -> bool:
            road.supervisor.tick()
            return database["1m_kline"].count_documents({}) >= DAY_MS // MINUTE_MS

        wait_for(has_its_minutes, within_s=60, what="a day of minutes")
        for interval in LONGER:
            kept = wait_for(partial(a_page, database, interval), within_s=60, what=f"{interval} candles")
            assert {(one["source"], one["present"], one["complete"], one["revision"]) for one in kept} == {
                ("rest", None, False, 2)
            }
            assert all(one["verifiedAt"] for one in kept)
        first_ms = database["1m_kline"].find_one({}, sort=[("openTime", 1)])["openTime"]  # type: ignore[index]
        for interval, length_ms in (("1h", 60 * MINUTE_MS), ("1d", DAY_MS)):
            newest = longer(database, interval)[-1]["openTime"]
            assert newest <= first_ms < newest + length_ms
        assert database["gaps"].count_documents({"stream": "kline", "cause": "exchange"}) == 0


def a_page(database: Database[dict[str, Any]], interval: str) -> list[dict[str, Any]]:
    kept = longer(database, interval)
    return kept if len(kept) == 1_000 else []


def longer(database: Database[dict[str, Any]], interval: str) -> list[dict[str, Any]]:
    return list(database[f"{interval}_kline"].find({}, sort=[("openTime", 1)]))

"""What is stored of each day, what is missing and why, as a client sees it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.reads.quality import QualityReads
from pipeline.adapters import mongo_reader, redis_reader
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_quality_reader import MongoQualityReader
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.settings import Settings
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves, heard, now_ms
from tests.words import NOON_MS, a_candle, a_snapshot, forming

MIDNIGHT_MS = NOON_MS - NOON_MS % DAY_MS


@pytest.fixture
def settings(namespace: Settings) -> Settings:
    """A replay's clock is its newest minute, so that days of any year are the days of now."""
    return replace(namespace, source="replay:x", symbols=("BTCUSDT", "ETHUSDT"), history_days=1)


def minutes(found: Sequence[int], **other: Any) -> list[Candle]:
    return [a_candle(minute, **other) for minute in found]


def rows(answer: Any) -> list[tuple[Any, ...]]:
    return [(row["date"], row["present"], row["expected"], row["complete"]) for row in answer["days"]]


def test_a_day_counts_what_it_has_and_lacks(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*minutes([0, 1, 3, 12 * 60]))
    answer = get(client, "/quality?symbol=BTCUSDT")
    assert rows(answer) == [("2023-11-16", 1, 1, True), ("2023-11-15", 3, 720, False)]
    assert answer["days"][1]["missingBy"] == {"exchange": 0, "ours": 0, "unexplained": 717}
    assert answer["totals"]["missing"] == 717


def test_verified_minutes_and_revisions_are_counted(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*minutes([0, 1], revision=Revision.REST, source="rest", verified_ms=NOON_MS), *minutes([2, 3]))
    (day,) = get(client, "/quality?symbol=BTCUSDT")["days"]
    assert (day["verified"], float(day["verifiedShare"])) == (2, 0.5)
    assert day["revisions"] == {"forming": 0, "closed": 2, "rest": 2}


def test_gaps_say_whose_they_are_and_whether_they_are_healed(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*minutes([0, 1, 2, 3, 4, 9]))
    shelves.gap("BTCUSDT", NOON_MS + 5 * MINUTE_MS, NOON_MS + 8 * MINUTE_MS, cause="exchange", reason="nothing there")
    shelves.gap("BTCUSDT", NOON_MS + 8 * MINUTE_MS, NOON_MS + 9 * MINUTE_MS)
    shelves.gap("BTCUSDT", NOON_MS, NOON_MS + MINUTE_MS, healed_ms=NOON_MS + 99)
    answer = get(client, "/quality?symbol=BTCUSDT")
    assert answer["days"][0]["missingBy"] == {"exchange": 3, "ours": 1, "unexplained": 0}
    told = {
        (gap["start"] - NOON_MS) // MINUTE_MS: (gap["cause"], gap["state"], gap["minutes"]) for gap in answer["gaps"]
    }
    assert told == {5: ("exchange", "lasting", 3), 8: ("ours", "open", 1), 0: ("ours", "healed", 1)}


def test_a_known_gap_before_the_first_stored_minute_is_not_hidden(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle(10))
    shelves.gap("BTCUSDT", NOON_MS, NOON_MS + 10 * MINUTE_MS)
    (day,) = get(client, "/quality?symbol=BTCUSDT")["days"]
    assert (day["expected"], day["present"], day["missingBy"]["ours"]) == (11, 1, 10)


def test_every_market_or_those_named_are_answered(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle(), a_candle(symbol="ETHUSDT"))
    assert {row["symbol"] for row in get(client, "/quality")["days"]} == {"BTCUSDT", "ETHUSDT"}
    assert {row["symbol"] for row in get(client, "/quality?symbol=ethusdt")["days"]} == {"ETHUSDT"}
    assert [row["symbol"] for row in get(client, "/quality?symbol=ETHUSDT,BTCUSDT,ETHUSDT")["markets"]] == [
        "ETHUSDT", "BTCUSDT",
    ]  # fmt: skip


def test_a_range_of_days_is_those_it_touches(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*minutes([0, 720, 720 + 1_440]))
    answer = get(client, f"/quality?symbol=BTCUSDT&start={NOON_MS}&end={MIDNIGHT_MS + DAY_MS}")
    assert (answer["start"], answer["end"]) == (MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS)
    assert [row["date"] for row in answer["days"]] == ["2023-11-15"]
    later = get(client, f"/quality?symbol=BTCUSDT&start={MIDNIGHT_MS + DAY_MS}")
    assert [row["date"] for row in later["days"]] == ["2023-11-17", "2023-11-16"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"start={NOON_MS}&end={NOON_MS}", "start"),
        ("start=0", "start"),
        ("days=367", "days"),
        ("days=0", "days"),
        ("symbol=BTCUSDT,", "symbol"),
        ("symbol=BTCUSDT,NOSUCHUSDT", "symbol"),
        ("start=17000496000000000", "start"),
    ],
)
def test_what_cannot_be_answered_names_its_field(client: FlaskClient, shelves: Shelves, query: str, field: str) -> None:
    shelves.archive(a_candle())
    response = client.get(f"/quality?{query}")
    assert response.status_code in (400, 404), response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    assert response.json is not None
    assert response.json["field"] == field


def test_the_book_s_match_and_the_trades_that_lack_are_beside(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle())
    shelves.latest(heard(forming(1)))
    shelves.book(a_snapshot(received_ms=now_ms()))
    shelves.beat(
        "ingest",
        bookMatch={
            "BTCUSDT": {
                "state": "synced", "ticker": {"checked": 10, "matched": 9},
                "audit": {"levels": 2_000, "matched": 2_000, "at": 5},
            }
        },
    )  # fmt: skip
    shelves.gap("BTCUSDT", 100, 140, stream="trades", cause="ours")
    market = get(client, "/quality?symbol=BTCUSDT")["markets"][0]
    assert market["book"]["state"] == "synced"
    assert (float(market["book"]["ticker"]["share"]), float(market["book"]["audit"]["share"])) == (0.9, 1.0)
    assert market["trades"] == {"openGaps": 1, "missingIds": 40, "healedGaps": 0, "lastingGaps": 0}
    assert market["ageMs"] < 10_000


def test_days_are_counted_from_the_index_alone(settings: Settings, shelves: Shelves) -> None:
    shelves.archive(*minutes(range(50)))
    with mongo_reader.connect(settings.mongo_uri) as mongo:
        reader = MongoQualityReader(mongo, settings.mongo_db)
        (day,) = reader.days(["BTCUSDT"], start_ms=MIDNIGHT_MS, end_ms=MIDNIGHT_MS + DAY_MS)
        assert day.present == 50
        plan = mongo[settings.mongo_db].command(
            "explain",
            {"aggregate": "1m_kline", "pipeline": reader.day_stages(["BTCUSDT"], NOON_MS, NOON_MS + 1), "cursor": {}},
            verbosity="queryPlanner",
        )
    assert "PROJECTION_COVERED" in str(plan)
    assert "'FETCH'" not in str(plan["stages"][0]["$cursor"]["queryPlanner"]["winningPlan"])


def test_a_live_market_that_stands_still_lacks_the_minutes_since(namespace: Settings) -> None:
    settings = replace(namespace, symbols=("BTCUSDT",))
    filled = Shelves(settings)
    filled.archive(*minutes(range(10)))
    filled.close()
    with mongo_reader.connect(settings.mongo_uri) as mongo:
        client = redis_reader.connect(
            settings.redis_host, settings.redis_port, database=settings.redis_db, password=None
        )
        reads = QualityReads(
            redis_reader.RedisReader(client), MongoQualityReader(mongo, settings.mongo_db),
            GapStore(mongo, settings.mongo_db), history_days=0,
            now_ms=lambda: NOON_MS + 61 * MINUTE_MS + 30_000,
        )  # fmt: skip
        (day,) = reads.days(["BTCUSDT"], days=1).days
    assert (day.expected, day.present) == (60, 10)

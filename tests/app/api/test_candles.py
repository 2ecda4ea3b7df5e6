"""Candles over HTTP: which ones, with which digits, and what is in progress beside them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.reads.candles import CandleRange, CandleReads
from pipeline.adapters import mongo_reader, redis_reader
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_reader import MongoReader, minute_query
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain import jsontext
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import fold_buckets
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.views import ohlc_view
from pipeline.settings import Settings
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves
from tests.words import NOON_MS, a_candle, forming

MINUTES = [a_candle(minute, close=f"100.{minute:02}", high="101.00") for minute in range(20)]


def opened(answer: Any) -> list[int]:
    """The answer's candles as minutes after noon."""
    return [(candle["openTime"] - NOON_MS) // MINUTE_MS for candle in answer["candles"]]


def at(minute: int) -> int:
    return NOON_MS + minute * MINUTE_MS


@pytest.fixture
def archived(shelves: Shelves) -> Shelves:
    shelves.archive(*MINUTES)
    return shelves


def test_one_minute_candles_are_the_stored_ones(client: FlaskClient, archived: Shelves) -> None:
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=1m&limit=3")
    views = jsontext.loads_exact(jsontext.dumps([ohlc_view(candle) for candle in MINUTES[-3:]]))
    assert answer == {"symbol": "BTCUSDT", "interval": "1m", "count": 3, "candles": views, "forming": None}


def test_candles_keep_the_digits_of_the_exchange(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle(open="0.10000000", high="64000.50", low="0.0000001", close="1.0"))
    text = client.get("/ohlc?symbol=BTCUSDT&interval=1m").get_data(as_text=True)
    assert '"y":[0.10000000,64000.50,0.0000001,1.0],"volume":2.00000000,' in text


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (at(3), at(5), [3, 4, 5]),
        (at(3) + 1, at(5) + 1, [4, 5]),
        (at(3), at(5) - 1, [3, 4]),
        (at(18), at(400), [18, 19]),
        (at(30), at(40), []),
        (0, at(1), [0, 1]),
    ],
)
def test_start_and_end_are_inclusive_open_times(
    client: FlaskClient, archived: Shelves, start: int, end: int, expected: list[int]
) -> None:
    assert opened(get(client, f"/ohlc?symbol=BTCUSDT&interval=1m&start={start}&end={end}")) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(at(5), at(10), [5, 10]), (at(4), at(9), [5]), (at(6), at(400), [10, 15])]
)
def test_start_and_end_of_a_longer_interval_mean_its_own_open_times(
    client: FlaskClient, archived: Shelves, start: int, end: int, expected: list[int]
) -> None:
    assert opened(get(client, f"/ohlc?symbol=BTCUSDT&interval=5m&start={start}&end={end}")) == expected


def test_the_newest_of_a_range_are_answered(client: FlaskClient, archived: Shelves) -> None:
    assert opened(get(client, f"/ohlc?symbol=BTCUSDT&interval=1m&end={at(9)}&limit=2")) == [8, 9]
    assert opened(get(client, f"/ohlc?symbol=BTCUSDT&interval=5m&end={at(12)}&limit=2")) == [5, 10]


def test_five_minutes_are_the_default_and_are_folded_from_one(client: FlaskClient, archived: Shelves) -> None:
    answer = get(client, "/ohlc?symbol=BTCUSDT")
    folded = fold_buckets(MINUTES, interval=Interval.M5)
    assert answer["interval"] == "5m"
    assert answer["candles"] == jsontext.loads_exact(jsontext.dumps([ohlc_view(candle) for candle in folded]))
    assert all(candle["complete"] and candle["present"] == 5 for candle in answer["candles"])


def test_a_collection_names_its_interval(client: FlaskClient, archived: Shelves) -> None:
    assert get(client, "/ohlc?symbol=BTCUSDT&collection=1m_kline")["interval"] == "1m"
    assert get(client, "/ohlc?symbol=BTCUSDT&collection=1h_kline&interval=1h")["interval"] == "1h"
    answer = get(client, "/ohlc?symbol=BTCUSDT&collection=5m_kline&interval=1h", status=400)
    assert answer["field"] == "collection"


def test_a_bucket_that_is_not_over_is_no_closed_candle(client: FlaskClient, archived: Shelves) -> None:
    archived.archive(a_candle(20))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")
    assert opened(answer) == [0, 5, 10, 15]


def test_a_bucket_with_a_hole_is_over_when_a_later_minute_is_known(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle(0), a_candle(1), a_candle(5))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")
    assert [(candle["present"], candle["expected"], candle["complete"]) for candle in answer["candles"]] == [
        (2, 5, False)
    ]


def test_a_hole_of_days_does_not_hide_the_candles_before_it(client: FlaskClient, shelves: Shelves) -> None:
    week = 7 * 1_440
    shelves.archive(*(a_candle(minute) for minute in (0, 4, 5, 9, week, week + 4)))
    assert opened(get(client, "/ohlc?symbol=BTCUSDT&interval=5m&limit=3")) == [0, 5, week]


def test_a_minute_without_volume_sets_no_price_of_a_longer_candle(client: FlaskClient, shelves: Shelves) -> None:
    empty = {"volume": Decimal(0), "quote_volume": Decimal(0), "trades": 0}
    flat = dict.fromkeys(("open", "high", "low", "close"), "50.00")
    traded = {"open": "99.00", "high": "103.00", "low": "97.00", "close": "101.00"}
    shelves.archive(
        a_candle(0, **flat, **empty), a_candle(1, **traded), *(a_candle(m, **flat, **empty) for m in (2, 3, 4))
    )
    candle = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")["candles"][0]
    assert candle["y"] == [Decimal("99.00"), Decimal("103.00"), Decimal("97.00"), Decimal("101.00")]
    assert candle["present"] == 5


def test_the_minute_in_progress_is_beside_the_closed_ones(client: FlaskClient, archived: Shelves) -> None:
    archived.latest(forming(20, close="100.70"))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=1m&limit=1")
    assert opened(answer) == [19]
    assert answer["forming"]["openTime"] == at(20)
    assert answer["forming"]["x"] is False
    assert answer["forming"]["y"][3] == Decimal("100.70")


def test_a_longer_candle_in_progress_folds_its_closed_minutes_and_the_forming_one(
    client: FlaskClient, archived: Shelves
) -> None:
    archived.archive(a_candle(20, open="98.00", low="97.00"))
    archived.remember(a_candle(21, high="109.00"))
    archived.latest(forming(22, close="103.00"))
    bar = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")["forming"]
    assert bar["openTime"] == at(20)
    assert bar["y"] == [Decimal("98.00"), Decimal("109.00"), Decimal("97.00"), Decimal("103.00")]
    assert (bar["present"], bar["x"], bar["volume"]) == (3, False, Decimal("6.00000000"))


def test_between_two_minutes_the_longer_candle_is_still_in_progress(client: FlaskClient, archived: Shelves) -> None:
    archived.archive(a_candle(20))
    archived.latest(a_candle(20))
    assert get(client, "/ohlc?symbol=BTCUSDT&interval=1m")["forming"] is None
    assert get(client, "/ohlc?symbol=BTCUSDT&interval=5m")["forming"]["present"] == 1


def test_between_two_buckets_nothing_is_in_progress(client: FlaskClient, archived: Shelves) -> None:
    archived.latest(MINUTES[-1])
    assert get(client, "/ohlc?symbol=BTCUSDT&interval=5m")["forming"] is None


def test_a_closed_minute_the_archive_lacks_yet_leaves_no_hole(client: FlaskClient, archived: Shelves) -> None:
    archived.remember(a_candle(20), a_candle(21))
    archived.latest(forming(22))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=1m&limit=3")
    assert opened(answer) == [19, 20, 21]
    assert answer["forming"]["openTime"] == at(22)


def test_a_market_with_nothing_stored_has_no_candles(client: FlaskClient) -> None:
    for interval in ("1m", "5m", "1d"):
        answer = get(client, f"/ohlc?symbol=BTCUSDT&interval={interval}")
        assert answer == {"symbol": "BTCUSDT", "interval": interval, "count": 0, "candles": [], "forming": None}


def own_day(day: int, **other: Any) -> Candle:
    """The exchange's own candle of a UTC day; day 0 is the one with noon in it."""
    open_ms = NOON_MS - NOON_MS % DAY_MS + day * DAY_MS
    words = {"interval": Interval.D1, "open_ms": open_ms, "revision": Revision.REST, "source": "rest", "present": None}
    return a_candle(0, **(words | {"verified_ms": open_ms + DAY_MS} | other))


def test_a_daily_chart_shows_years_on_the_first_day(client: FlaskClient, archived: Shelves) -> None:
    archived.archive(*(own_day(day) for day in range(-1_000, 1)), a_candle(1_440))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=1d&limit=2000")
    assert answer["count"] == 1_001
    assert [c["openTime"] for c in answer["candles"]] == [own_day(day).open_ms for day in range(-1_000, 1)]
    newest = answer["candles"][-1]
    assert (newest["source"], newest["present"], newest["complete"]) == ("rest", None, False)
    assert newest["verifiedAt"] == newest["openTime"] + DAY_MS


def test_years_are_there_before_the_first_minute_is(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(own_day(-2), own_day(-1))
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=1d&limit=1")
    assert [c["openTime"] for c in answer["candles"]] == [own_day(-1).open_ms]
    assert get(client, f"/ohlc?symbol=BTCUSDT&interval=1d&end={own_day(-2).open_ms}")["count"] == 1


def test_an_hour_gives_way_to_its_minutes_as_soon_as_all_are_there(client: FlaskClient, shelves: Shelves) -> None:
    theirs = replace(own_day(0), interval=Interval.H1, open_ms=NOON_MS, close=Decimal("77.00"))
    shelves.archive(theirs, *(a_candle(minute) for minute in range(59)), a_candle(60))
    url = "/ohlc?symbol=BTCUSDT&interval=1h&limit=1"
    assert get(client, url)["candles"][0]["y"][3] == Decimal("77.00")
    shelves.archive(a_candle(59))
    (hour,) = get(client, url)["candles"]
    assert (hour["y"][3], hour["present"], hour["complete"]) == (Decimal("100.00"), 60, True)


def test_a_bucket_that_the_exchange_has_no_more_minutes_of_says_so(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(a_candle(0), a_candle(4), a_candle(5), a_candle(6), a_candle(10))
    shelves.gap("BTCUSDT", at(1), at(4), cause="exchange")
    answer = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")
    assert [(candle["present"], candle["complete"], candle["cause"]) for candle in answer["candles"]] == [
        (2, False, "exchange"),
        (2, False, None),
    ]


def test_a_candle_says_when_it_was_found_equal_to_the_exchange_s(client: FlaskClient, shelves: Shelves) -> None:
    shelves.archive(*(a_candle(minute, revision=Revision.REST, verified_ms=at(99) + minute) for minute in range(6)))
    five = get(client, "/ohlc?symbol=BTCUSDT&interval=5m")["candles"][0]
    assert (five["verifiedAt"], five["revision"], five["cause"]) == (at(99), 2, None)


def test_another_market_s_candles_are_not_mixed_in(client: FlaskClient, archived: Shelves) -> None:
    archived.archive(a_candle(19, symbol="ETHUSDT"))
    assert opened(get(client, "/ohlc?symbol=ETHUSDT&interval=1m")) == [19]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [16, 17, 18, 19]),
        (f"&start={at(18)}", [14, 15, 16, 17]),
        (f"&end={at(18)}", [15, 16, 17, 18]),
        (f"&start={at(18)}&end={at(10)}", [7, 8, 9, 10]),
        (f"&start={at(10)}&end={at(18)}", [6, 7, 8, 9]),
        (f"&start={at(0)}", []),
    ],
)
def test_realtime_pages_back_strictly_before_start(
    client: FlaskClient, shelves: Shelves, query: str, expected: list[int]
) -> None:
    shelves.remember(*MINUTES)
    shelves.latest(forming(20))
    answer = get(client, f"/ohlc/realtime?symbol=BTCUSDT&limit=4{query}")
    assert opened(answer) == expected
    assert (answer["interval"], answer["count"], answer["forming"]) == ("1m", len(expected), None)


def test_realtime_and_stored_candles_have_one_shape(client: FlaskClient, shelves: Shelves) -> None:
    shelves.remember(*MINUTES)
    shelves.archive(*MINUTES)
    stored = get(client, "/ohlc?symbol=BTCUSDT&interval=1m")
    assert get(client, "/ohlc/realtime?symbol=BTCUSDT") == stored


def test_a_range_of_minutes_is_read_through_the_index(settings: Settings, archived: Shelves) -> None:
    with mongo_reader.connect(settings.mongo_uri) as mongo:
        query = minute_query("BTCUSDT", start_ms=at(0), end_ms=at(10))
        plan = mongo[settings.mongo_db]["1m_kline"].find(query).sort("openTime", -1).limit(5).explain()
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages
    assert "'SORT'" not in stages
    assert plan["executionStats"]["totalDocsExamined"] == 5


@st.composite
def histories(draw: st.DrawFn) -> list[Candle]:
    """Minutes with holes, some of them without volume, of any provenance."""
    minutes = sorted(draw(st.sets(st.integers(0, 180), max_size=60)))
    return [draw(_minute(minute)) for minute in minutes]


@st.composite
def _minute(draw: st.DrawFn, minute: int) -> Candle:
    low, first, last, high = sorted(draw(st.lists(st.integers(1, 99_999), min_size=4, max_size=4)))
    volume = Decimal(draw(st.sampled_from(["0", "0.00000000", "1.5", "0.00000001"])))
    return a_candle(
        minute, open=f"{first}.10", high=f"{high}.5", low=f"{low}.000", close=f"{last}",
        volume=volume, quote_volume=volume * 100, trades=draw(st.integers(0, 9)),
        first_trade_id=draw(st.sampled_from([-1, minute * 10])), last_trade_id=minute * 10 + 9,
        revision=draw(st.sampled_from([Revision.CLOSED, Revision.REST])), source=draw(st.sampled_from(["ws", "rest"])),
        event_ms=at(minute + 1) + draw(st.sampled_from([0, 0, 3 * MINUTE_MS])),
    )  # fmt: skip


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=histories(),
    archived=st.integers(0, 60),
    interval=st.sampled_from([Interval.M1, Interval.M5, Interval.M15, Interval.H1]),
    limit=st.integers(1, 40),
    ends=st.tuples(st.integers(0, 180), st.integers(0, 180)),
)
def test_any_range_is_the_newest_of_the_fold_of_everything(
    settings: Settings, history: list[Candle], archived: int, interval: Interval, limit: int, ends: tuple[int, int]
) -> None:
    """Wherever the archive ends: MongoDB folds what it has, and what only Redis has yet is folded here."""
    with mongo_reader.connect(settings.mongo_uri) as mongo:
        filled = Shelves(settings)
        mongo[settings.mongo_db]["1m_kline"].delete_many({})
        filled.redis.flushdb()
        filled.archive(*history[:archived])
        filled.remember(*history[archived - 5 if archived > 5 else 0 :])
        filled.close()
        database = settings.mongo_db
        reads = CandleReads(_redis(settings), MongoReader(mongo, database), GapStore(mongo, database))
        wanted = CandleRange(interval=interval, limit=limit, start_ms=at(min(ends)), end_ms=at(max(ends)))
        found = reads.closed("BTCUSDT", wanted)
    assert found == _expected(history, wanted)


def _expected(stored: list[Candle], wanted: CandleRange) -> list[Candle]:
    if not stored:
        return []
    known_ms = stored[-1].open_ms + MINUTE_MS
    folded = fold_buckets(stored, interval=wanted.interval)
    over = [candle for candle in folded if candle.close_ms < known_ms]
    inside = [c for c in over if (wanted.start_ms or 0) <= c.open_ms <= (wanted.end_ms or 0)]
    return inside[-wanted.limit :]


def _redis(settings: Settings) -> RedisReader:
    return RedisReader(
        redis_reader.connect(settings.redis_host, settings.redis_port, database=settings.redis_db, password=None)
    )

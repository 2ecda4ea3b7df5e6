"""The chaos bench itself: what it plans, and that it does not call passed what did not happen or came too late."""

from collections.abc import Sequence

import orjson
import pytest

import bench.__main__ as program
from bench.chaos.accounts import Accounts
from bench.chaos.events import A_MINUTE, FAULTS, SPOILT, SPOILT_STREAMS, Event, Happening, next_of, plan
from bench.chaos.freshness import Sample
from bench.chaos.table import percentile, rows_of
from bench.chaos.verdict import verdicts
from pipeline.simulator.mischief.malformed import forms_of
from pipeline.simulator.mischief.orders import order_of
from tests.frames import depth_data, kline_data, trade_data

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT")
KILLED = ("kafka", "exchange", "ingest")


def planned(rounds: int = 2, **wanted: tuple[str, ...]) -> list[Happening]:
    return plan(7, KILLED, symbols=SYMBOLS, rounds=rounds, **wanted)


def clean() -> Accounts:
    return Accounts(candles=1, minutes_in_redis=1, longer=1, trades=1, books=1)


def struck(name: str, *, demands_s: float = 0.0) -> Event:
    return Event(name=name, struck=True, until=60.0, demands_s=demands_s)


def failures(*events: Event, samples: tuple[Sample, ...] = (), accounts: Accounts | None = None) -> list[str]:
    return [line for passed, line in verdicts(events, samples, accounts or clean()) if not passed]


def events_of(happenings: Sequence[Happening]) -> list[Event]:
    return [event for one in happenings for event in (*one.events, *events_of(one.meanwhile))]


def test_every_fault_and_every_kill_is_planned_in_every_round_and_each_order_can_be_given() -> None:
    events = events_of(planned())
    assert sorted(event.name for event in events) == sorted(2 * [*FAULTS, *(f"kill {name}" for name in KILLED)])
    for event in events:
        for order in (*event.orders, *event.triggers, *event.later):
            order_of(dict(order))


def test_markets_are_closed_only_when_the_exchange_will_not_be_killed_any_more() -> None:
    waiting, names = planned(), []
    while waiting:
        names.append(next_of(waiting, to_the_end_s=10).name)
    last_kill = max(place for place, name in enumerate(names) if name == "kill exchange")
    assert min(place for place, name in enumerate(names) if "outage" in name) > last_kill


def test_what_closes_a_minute_s_market_closes_three_and_leaves_the_others_to_be_watched() -> None:
    closing = [one for one in planned() if {event.name for event in one.events} == set(A_MINUTE)]
    assert [len(one.symbols) for one in closing] == [len(A_MINUTE)] * 2
    assert {event.name for one in closing for event in events_of(one.meanwhile)} == {"kill kafka"}


def test_what_needs_the_end_of_a_minute_is_taken_when_one_is_near_and_at_the_latest_in_the_end() -> None:
    waiting = planned(rounds=1, kinds=("drop", "omit_closed", "outage"), kills=())
    assert next_of(list(waiting), to_the_end_s=30).name == "drop"
    assert next_of(waiting, to_the_end_s=10).name == "omit_closed"
    assert [next_of(waiting, to_the_end_s=30).name for _ in range(2)] == ["drop", "outage"]


def test_frames_of_every_form_are_spoilt_on_every_stream_that_can_have_it() -> None:
    ticker = {"u": 1, "s": "BTCUSDT", "b": "1.0", "B": "2.0", "a": "3.0", "A": "4.0"}
    frames = dict(
        zip(SPOILT_STREAMS, (kline_data(0), trade_data(1), depth_data(1, 2, b=[["1.0", "2.0"]]), ticker), strict=True)
    )
    possible = {(form, kind) for kind, data in frames.items() for form in forms_of(orjson.dumps(data))}
    assert set(SPOILT) == possible
    orders = next(one.events[0] for one in planned() if one.name == "malformed").orders
    assert {(order["form"], order["match"].partition("@")[2]) for order in orders} == possible


def test_all_reached_is_passed() -> None:
    assert failures(struck("drop"), struck("kill ingest")) == []


def test_an_event_that_did_not_strike_fails_and_is_told_in_its_row() -> None:
    missed = Event(name="skip_trades", orders=({},))
    assert failures(struck("drop"), missed) == ["events that happened: 1 of 2 ['skip_trades']"]
    assert [row["struck"] for row in rows_of([], [missed])] == [0]


@pytest.mark.parametrize(
    ("event", "stale_s", "passed"),
    [
        (struck("drop"), 4.9, True),
        (struck("drop"), 5.1, False),
        (struck("rest", demands_s=6.0), 10.9, True),
        (struck("rest", demands_s=6.0), 11.1, False),
        (struck("kill kafka"), 14.9, True),
        (struck("kill kafka"), 15.1, False),
    ],
)
def test_who_comes_back_too_late_fails(event: Event, stale_s: float, passed: bool) -> None:
    event.kill = event.name.partition("kill ")[2]
    assert (failures(event, samples=(Sample(stale_s, 1.0, "book of BTCUSDT"),)) == []) is passed


def test_stale_data_after_the_next_event_began_is_not_this_ones() -> None:
    event = struck("drop")
    event.until = 10.0
    assert event.recovery_s([Sample(11.0, 1.0, "book of BTCUSDT")]) == 0


@pytest.mark.parametrize("name", ["candles_made_up", "verified_wrongly", "longer_wrong", "gaps_open", "gaps_unsaid"])
def test_accounts_that_do_not_come_out_even_fail(name: str) -> None:
    accounts = clean()
    getattr(accounts, name).append("BTCUSDT 1")
    assert len(failures(struck("drop"), accounts=accounts)) == 1


def test_accounts_of_nothing_fail() -> None:
    assert not Accounts().clean


def test_the_95th_percentile_of_a_few_is_the_largest() -> None:
    assert [percentile(range(1, count + 1), 0.95) for count in (1, 5, 20, 40)] == [1, 5, 19, 38]


@pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
def test_a_bench_that_missed_its_target_ends_with_status_1(
    passed: bool, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(program, "RESULTS", tmp_path_factory.mktemp("results"))
    monkeypatch.setitem(program.BENCHMARKS, "chaos", lambda: {"name": "chaos", "passed": passed})
    assert program.main(["chaos"]) == status

"""Everything goes wrong once, on a real stack: every kind of fault, and kill -9 of every process; then the accounts.

The long form, held to the targets of recovery, is ``./run bench chaos``.
"""

import os

import pytest

from bench import chaos
from bench.chaos.events import FAULTS, SPOILT

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
SEED = int(os.environ.get("CHAOS_SEED") or 5)
KILLED = {"kafka", "mongod", "valkey", "exchange", "ingest", "cache", "archive", "web", "push"}
BACK_WITHIN_S = 30.0
"""Far from the targets, which ``./run bench chaos`` holds: machines of tests differ, and are busy."""


@pytest.fixture(scope="module")
def outcome() -> chaos.Outcome:
    """One round of all of it, which ends only when the data is fresh again after each."""
    return chaos.play(SEED)


def test_everything_happened(outcome: chaos.Outcome) -> None:
    assert {row["name"] for row in outcome["events"]} == {*FAULTS, *(f"kill {name}" for name in KILLED)}
    assert [row["name"] for row in outcome["events"] if row["struck"] < row["times"]] == []


def test_the_data_was_fresh_again_after_each(outcome: chaos.Outcome) -> None:
    assert {row["name"]: row["beyond_s"] for row in outcome["events"] if row["beyond_s"] > BACK_WITHIN_S} == {}


def test_no_closed_candle_is_lost_doubled_made_up_or_wrong(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["candles"] > 0
    assert {name: accounts[f"candles_{name}"] for name in ("lost", "doubled", "wrong", "made_up")} == {
        "lost": [], "doubled": [], "wrong": [], "made_up": [],
    }  # fmt: skip


def test_no_candle_is_called_verified_that_differs_from_the_exchange_s(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["verified_wrongly"] == []


def test_redis_and_the_routes_tell_the_exchange_s_candles(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["minutes_in_redis"] > 0
    assert accounts["longer"] > 0
    assert (accounts["minutes_in_redis_wrong"], accounts["longer_wrong"]) == ([], [])


def test_every_trade_id_is_covered_and_readers_hold_each_once(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["trades"] > 0
    assert (accounts["trades_missing"], accounts["trades_wrong"], accounts["shelf_wrong"]) == ({}, [], [])


def test_the_final_books_are_the_exchange_s(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["books"] == len(chaos.SYMBOLS)
    assert outcome["accounts"]["books_wrong"] == []


def test_no_gap_is_left_open_and_the_exchange_is_blamed_for_all_it_lacks_and_nothing_else(
    outcome: chaos.Outcome,
) -> None:
    accounts = outcome["accounts"]
    assert accounts["gaps"] > 0
    assert (accounts["gaps_open"], accounts["blamed_wrongly"], accounts["gaps_unsaid"]) == ([], [], [])


def test_every_form_of_a_malformed_frame_on_every_stream_is_among_the_dead_letters(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["malformed_forms"] == sorted(f"{form} {kind}" for form, kind in SPOILT)
    assert accounts["malformed_lost"] == []


def test_no_rule_of_the_exchange_was_broken(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["violations"] == {}


def test_the_accounts_as_a_whole_are_clean(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["clean"], outcome["accounts"]["lines"]

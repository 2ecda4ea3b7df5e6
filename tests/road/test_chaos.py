"""Everything goes wrong once, on a real stack: every kind of fault, and kill -9 of every process; then the accounts.

The long form, with recovery times, is ``./run bench chaos``.
"""

import os

import pytest

from bench import chaos
from bench.chaos.events import FAULTS

pytestmark = pytest.mark.servers
SEED = int(os.environ.get("CHAOS_SEED") or 5)
KILLED = {"kafka", "mongod", "valkey", "exchange", "ingest", "cache", "archive", "web", "push"}


@pytest.fixture(scope="module")
def outcome() -> chaos.Outcome:
    """One round of all of it, which ends only when the data is fresh again after each."""
    return chaos.play(SEED)


def test_everything_happened(outcome: chaos.Outcome) -> None:
    assert {row["name"] for row in outcome["events"]} == {*FAULTS, *(f"kill {name}" for name in KILLED)}
    assert len(FAULTS) >= 20


def test_no_closed_candle_is_lost_doubled_or_wrong(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["candles"] > 0
    assert [accounts[name] for name in ("candles_lost", "candles_doubled", "candles_wrong")] == [[], [], []]


def test_every_trade_id_is_covered_and_readers_hold_each_once(outcome: chaos.Outcome) -> None:
    accounts = outcome["accounts"]
    assert accounts["trades"] > 0
    assert (accounts["trades_missing"], accounts["trades_wrong"], accounts["shelf_wrong"]) == ({}, [], [])


def test_the_final_books_are_the_exchange_s(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["books"] == len(chaos.SYMBOLS)
    assert outcome["accounts"]["books_wrong"] == []


def test_every_malformed_frame_is_among_the_dead_letters(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["malformed"] > 0
    assert outcome["accounts"]["malformed_lost"] == 0


def test_no_rule_of_the_exchange_was_broken(outcome: chaos.Outcome) -> None:
    assert outcome["accounts"]["violations"] == {}

"""Every part of the system is told from its own read; what a store that is away knew is said to be unknown."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_caching import Cache

from app.dashboard import mount_system
from callbacks import system
from callbacks.boards import Panel
from callbacks.system import counted, look
from callbacks.verdict import Seen, verdict
from layouts.pages.system import HISTORY, MARKETS, PROCESSES, STORES, VERDICT
from layouts.parts.panel import body_id
from tests.callbacks.memory_boards import MemorySystem
from tests.callbacks.memory_reads import MemoryReads
from tests.layouts.reading import rows_of, text_of

NOW_MS = 1_700_049_630_000


@pytest.fixture
def twin() -> MemorySystem:
    return MemorySystem(MemoryReads(now_ms=lambda: NOW_MS))


def seen_of(twin: MemorySystem) -> Seen:
    return look(twin, now_ms=NOW_MS)


def words_of(panel: Panel) -> tuple[str, str, str]:
    return text_of(panel.body), panel.state, panel.note


def test_a_stack_that_runs_has_five_beating_processes_and_fresh_markets(twin: MemorySystem) -> None:
    seen = seen_of(twin)
    assert len(rows_of(system.processes(seen).body)) == 5
    assert "running 4005 1 s ago 12,345" in rows_of(system.processes(seen).body)[1]
    assert words_of(system.markets(seen))[1:] == ("live", "3 fresh")
    assert verdict(seen)[1] == "good"


@pytest.mark.parametrize("store", ["Redis", "MongoDB"])
def test_what_a_store_that_is_away_knew_is_unknown_and_no_figure(twin: MemorySystem, store: str) -> None:
    twin.down = [store]
    seen = seen_of(twin)
    unknown = f"Unknown: {store} does not answer. Trying again."
    assert words_of(system.history(seen)) == (unknown, "error", f"{store} is away")
    assert system.stores(seen).state == "error"
    known_elsewhere = store == "MongoDB"
    assert (words_of(system.processes(seen))[0] == unknown) is not known_elsewhere
    assert (words_of(system.markets(seen))[0] == unknown) is not known_elsewhere


def test_a_store_that_is_down_is_not_asked_for_what_it_knows(twin: MemorySystem) -> None:
    class Counted(MemorySystem):
        asked = 0

        def markets(self) -> Any:
            self.asked += 1
            return super().markets()

    counting = Counted(twin.market, down=["Redis"])
    look(counting, now_ms=NOW_MS)
    assert counting.asked == 0


def test_silent_processes_and_stale_markets_are_counted_and_named(twin: MemorySystem) -> None:
    twin.silent, twin.stale = ["cache"], ["ETHUSDT"]
    seen = seen_of(twin)
    assert words_of(system.processes(seen))[1:] == ("error", "1 silent")
    assert words_of(system.markets(seen))[1:] == ("error", "1 of 3 stale")
    assert verdict(seen)[0] == "cache is silent."


def test_before_ingest_has_spoken_the_page_says_so(twin: MemorySystem) -> None:
    twin.market.empty = True
    assert words_of(system.markets(seen_of(twin))) == ("No market is followed yet.", "empty", "")
    assert words_of(system.quality([])) == ("No minute is stored yet.", "empty", "")


def test_missing_minutes_are_added_up(twin: MemorySystem) -> None:
    assert system.quality(twin.quality(1)).note == "nothing is missing"
    assert system.quality(twin.quality(3)).note == "9 missing"


def test_counts_are_whole_numbers_under_plain_names_and_few() -> None:
    told = {
        "klines": 1,
        "last_event_ms": 2,
        "books": {"A": "synced"},
        "dead_letters": 0,
        "x": 1.5,
        "a": 1,
        "b": 2,
        "c": 3,
    }
    assert counted(told) == {"klines": 1, "dead letters": 0, "a": 1, "b": 2}


OUTPUTS = [
    (VERDICT, "children"), (VERDICT, "data-level"),
    *((name, prop) for panel in (STORES, PROCESSES, MARKETS, HISTORY)
      for name, prop in ((body_id(panel), "children"), (panel, "data-state"), (f"{panel}-note", "children"))),
    ("answered", "data"),
]  # fmt: skip


@pytest.fixture
def client(twin: MemorySystem) -> FlaskClient:
    server = Flask("system")
    cache = Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True})
    mount_system(server, twin, cache, source="simulator")
    return server.test_client()


def test_an_answer_over_http_tells_of_a_store_that_is_away_without_its_address(
    client: FlaskClient, twin: MemorySystem
) -> None:
    twin.down = ["Redis"]
    body = {
        "output": f"..{'...'.join('.'.join(output) for output in OUTPUTS)}..",
        "outputs": [{"id": name, "property": prop} for name, prop in OUTPUTS],
        "inputs": [{"id": "beat", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["beat.n_intervals"],
    }
    answer: Any = client.post("/system/_dash-update-component", json=body)
    assert answer.status_code == 200
    assert answer.json["response"][VERDICT]["data-level"] == "bad"
    assert answer.json["response"][f"{PROCESSES}-note"]["children"] == "Redis is away"
    assert "10.0.0.7" not in answer.get_data(as_text=True)

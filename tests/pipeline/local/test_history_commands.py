"""``./run backfill`` and ``./run reconcile``, as they are typed, on real servers and a simulated exchange."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from bson import Decimal128
from click.testing import CliRunner, Result
from pymongo import MongoClient

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.interval import DAY_MS
from pipeline.local.cli import command_line
from pipeline.local.state import ProcessRecord, StackRecord, lock_root, write_state
from pipeline.settings import Settings
from tests.pipeline.local.environments import simulator_environment
from tests.road.running import Road, running_road

BTC = ("--symbols", "BTCUSDT")


@pytest.fixture
def road(namespace: Settings, tmp_path: Path) -> Iterator[Road]:
    own = replace(namespace, data_dir=tmp_path / "data", symbols=("BTCUSDT", "ETHUSDT"))
    with running_road(own, tmp_path, processes=("exchange",), source="simulator") as road:
        yield road


def run(command: str, *words: str, road: Road) -> Result:
    variables = {name: value for name, value in road.environment.items() if not name.endswith("_PORT")}
    return CliRunner().invoke(command_line, [command, *words], env=variables)


def told(result: Result) -> dict[str, Any]:
    """The one object on standard output."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def hours_ago(hours: int) -> str:
    hour_ms = 3_600_000
    return str((time.time_ns() // 1_000_000 // hour_ms - hours) * hour_ms)


def minutes_in(settings: Settings) -> Any:
    return MongoClient[dict[str, Any]](settings.mongo_uri)[settings.mongo_db]["1m_kline"]


def test_history_is_filled_compared_spoiled_healed_and_compared_again(road: Road) -> None:
    span = ("--start", hours_ago(10), "--end", hours_ago(4), "--json")
    rehearsed = told(run("backfill", *span, "--dry-run", road=road))
    assert rehearsed["symbols"]["ETHUSDT"]["fetched"] == 360
    with minutes_in(road.settings).database.client as mongo:
        minutes = mongo[road.settings.mongo_db]["1m_kline"]
        assert minutes.count_documents({}) == 0
        filled = run("backfill", *span, road=road)
        assert (filled.exit_code, told(filled)["symbols"]["BTCUSDT"]["fetched"]) == (0, 360)
        assert minutes.count_documents({"revision": 2, "verifiedAt": {"$gt": 0}, "complete": True}) == 720
        again = told(run("backfill", *span, road=road))["symbols"]["BTCUSDT"]
        assert (again["asked"], again["present"], again["fetched"], again["repaired"]) == (360, 360, 0, 0)
        compared = run("reconcile", *span, road=road)
        assert (compared.exit_code, told(compared)["matched"]) == (0, True)
        _spoil(minutes, int(span[1]))
        off = run("reconcile", *span, road=road)
        counts = told(off)["symbols"]["BTCUSDT"]["1m"]
        assert (off.exit_code, told(off)["matched"]) == (1, False)
        assert (counts["differ"], counts["missing"], counts["healed"], counts["compared"]) == (1, 1, 2, 360)
        first = next(one for one in told(off)["differences"] if one["verdict"] == "differs")
        assert (first["ours"]["close"], first["ours"]["close"] == first["theirs"]["close"]) == (1, False)
        assert run("reconcile", *span, road=road).exit_code == 0
        assert minutes.count_documents({}) == 720
        gap = mongo[road.settings.mongo_db]["gaps"].find_one({"cause": "ours"}) or {}
    assert gap["start"] == int(span[1]) + 120 * 60_000
    assert gap["healedAt"]


def _spoil(minutes: Any, start_ms: int) -> None:
    """One minute wrong, one gone."""
    minutes.update_one({"symbol": "BTCUSDT", "openTime": start_ms + 60 * 60_000}, {"$set": {"close": Decimal128("1")}})
    minutes.delete_one({"symbol": "BTCUSDT", "openTime": start_ms + 120 * 60_000})


def test_people_get_a_table_the_differences_with_both_values_and_a_verdict(road: Road) -> None:
    span = ("--start", hours_ago(3), "--end", hours_ago(1))
    seen = run("reconcile", *BTC, *span, "--intervals", "1h,1m", "--dry-run", road=road)
    assert seen.exit_code == 1
    lines = seen.stdout.splitlines()
    assert lines[0].split() == [
        "symbol", "interval", "compared", "equal", "differ", "missing", "inconsistent", "gaps", "healed", "failed",
    ]  # fmt: skip
    assert lines[1].split() == ["BTCUSDT", "1m", "120", "0", "0", "120", "0", "0", "0", "0"]
    assert lines[2].split() == ["BTCUSDT", "1h", "2", "0", "0", "2", "0", "0", "0", "0"]
    assert "missing: we have none, the exchange has" in lines[3]
    assert lines[-1] == "122 candles were not as the exchange has them, 0 of them are healed"


def test_an_unknown_symbol_is_bad_input_with_what_may_have_been_meant(road: Road) -> None:
    for command in ("backfill", "reconcile"):
        refused = run(command, "--symbols", "BTCUSDT,BTC", road=road)
        assert refused.exit_code == 2
        assert "the exchange knows no BTC; did you mean BTCUSDT?" in refused.stderr
        assert refused.stdout == ""


def test_a_users_store_is_claimed_and_one_of_another_source_refused(road: Road) -> None:
    span = (*BTC, "--start", hours_ago(2), "--end", hours_ago(1))
    assert run("reconcile", *span, "--dry-run", road=road).exit_code == 1
    with minutes_in(road.settings).database.client as mongo:
        meta = mongo[road.settings.mongo_db]["meta"]
        assert (meta.find_one({"_id": "source"}) or {})["mark"] == "simulator:seed=1"
        meta.update_one({"_id": "source"}, {"$set": {"mark": "binance", "source": "binance"}})
        refused = run("backfill", *span, road=road).exception
        assert isinstance(refused, MisconfiguredError)
        assert "binance" in str(refused)
        assert mongo[road.settings.mongo_db]["1m_kline"].count_documents({}) == 0


def test_with_a_running_stack_its_archive_stores_what_is_sent(namespace: Settings, tmp_path: Path) -> None:
    root, me = tmp_path / "data", psutil.Process()
    own = replace(namespace, data_dir=root, symbols=("BTCUSDT",))
    with running_road(own, tmp_path, processes=("exchange", "archive"), source="simulator") as road, lock_root(root):
        archive = ProcessRecord(
            name="archive", pid=me.pid, state="running", restarts=0, port=None, started_at=me.create_time()
        )
        stack = StackRecord(
            pid=me.pid, started_at=me.create_time(), source="simulator", data_dir=str(root),
            environment={name: value for name, value in road.environment.items() if isinstance(value, str)},
            processes=(archive,),
        )  # fmt: skip
        write_state(root, stack)
        filled = CliRunner().invoke(
            command_line,
            ["backfill", "--start", hours_ago(2), "--json"],
            env=simulator_environment(root) | {"SOURCE": ""},
        )
        assert filled.exit_code == 0, filled.stderr
        assert "for the moment" not in filled.stderr
        with minutes_in(own).database.client as mongo:
            stored = mongo[own.mongo_db]["1m_kline"].count_documents({})
        assert stored == told(filled)["symbols"]["BTCUSDT"]["fetched"] >= 118


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("backfill", "--start", "yesterday"), "--start"),
        (("reconcile", "--start", "2021-01-02", "--end", "2021-01-01"), "--end"),
        (("reconcile", "--intervals", "1m,3m"), "expected some of 1m, 5m, 15m, 1h, 4h, 1d"),
        (("backfill", "--symbols", ","), "names no symbol"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    refused = CliRunner().invoke(command_line, words, env=simulator_environment(tmp_path / "data"))
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert not (tmp_path / "data").exists()


def test_a_replay_says_when_its_exchange_is_there(tmp_path: Path) -> None:
    recording = tmp_path / "session.gz"
    recording.write_bytes(b"")
    environment = {**simulator_environment(tmp_path / "data"), "SOURCE": f"replay:{recording}"}
    refused = CliRunner().invoke(command_line, ["reconcile"], env=environment).exception
    assert isinstance(refused, MisconfiguredError)
    assert "only while its stack runs" in str(refused)


@pytest.mark.servers
def test_without_a_stack_it_starts_what_it_needs_and_an_interruption_says_what_is_done(tmp_path: Path) -> None:
    environment = simulator_environment(tmp_path / "data")
    start = str(time.time_ns() // 1_000_000 - 90 * DAY_MS)
    words = [sys.executable, "-m", "pipeline.local", "backfill", *BTC, "--json", "--start"]
    with subprocess.Popen([*words, start], env=environment, stdout=-1, stderr=-1, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("up to"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    done = json.loads(out)
    assert (process.returncode, done["interrupted"]) == (130, True), err
    assert done["symbols"]["BTCUSDT"]["asked"] < 90 * 1_440
    whole = subprocess.run(
        [*words, hours_ago(1)], env=environment, capture_output=True, text=True, timeout=90, check=True
    )
    assert json.loads(whole.stdout)["symbols"]["BTCUSDT"]["failed"]["minutes"] == 0
    assert "starting mongod, kafka, exchange for the moment" in whole.stderr

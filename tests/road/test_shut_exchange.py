"""Ingest started while the exchange refuses it, and is shut: it waits, says why, and follows once there is a market."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.settings import Settings
from tests.road.running import Road, running_road
from tests.servers.waiting import wait_for

SYMBOLS = ("BTCUSDT", "ETHUSDT")


def test_a_refusing_and_shut_exchange_is_waited_out_and_said(namespace: Settings, tmp_path: Path) -> None:
    own = replace(namespace, symbols=SYMBOLS, history_days=0)
    with running_road(own, tmp_path, processes=("exchange",), source="simulator") as road:
        order(road, kind="rest", match="/exchangeInfo", status=403, count=1)
        for symbol in SYMBOLS:
            order(road, kind="lifecycle", match=symbol, becomes="HALT")
        with ingest(road, tmp_path / "ingest.log") as process:
            until(road, process, lambda told: "answered 403" in (told.get("marketsWait") or ""), "the refusal")
            until(road, process, lambda told: "BTCUSDT HALT, ETHUSDT HALT" in (told.get("marketsWait") or ""), "HALT")
            order(road, kind="lifecycle", match="ETHUSDT", becomes="TRADING")
            told = until(road, process, lambda told: told.get("trades", 0) > 0, "a trade")
            assert told["markets"] == {"BTCUSDT": "HALT", "ETHUSDT": "TRADING"}
            assert told["marketsWait"] is None


def until(road: Road, process: "subprocess.Popen[bytes]", condition: Any, what: str) -> Mapping[str, Any]:
    """The heartbeat that meets the condition, while the process lives."""

    def told() -> Mapping[str, Any] | None:
        assert process.poll() is None, f"ingest ended with {process.returncode}"
        beat = road.heartbeat("ingest")
        return beat if condition(beat) else None

    return wait_for(told, within_s=40, what=what)


def order(road: Road, **wish: Any) -> None:
    request = urllib.request.Request(road.environment["BINANCE_REST_URL"] + "/faults", json.dumps(wish).encode())
    urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def ingest(road: Road, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "ingest"], env=dict(road.environment), stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)

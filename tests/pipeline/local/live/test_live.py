"""``doctor --live`` against the exchange on this machine: every check holds, and a fault is found by its own check."""

import asyncio
import json
import os
import sys
from collections.abc import Callable

import pytest

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local import doctor
from pipeline.local.live.evidence import Evidence, Expected
from pipeline.local.live.report import ROOMS, Row, Verdict, are_good, closing_line, document, judged
from pipeline.local.live.run import Look, examine, preflight
from pipeline.settings import Settings
from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.rules import Limits
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms
from tests.pipeline.local.test_exchange import answering
from tests.servers.waiting import until

SECONDS = 7.0
QUICK = Expected(ping_every_s=1.0, ping_slack_s=0.6)
UNSEEN_HERE = {"candle.empty_minute"}
"""The seeded market began in 2024."""


def clock_before_a_minute(seconds: float) -> Callable[[], int]:
    """A clock that is off, so that a minute ends in so many seconds."""
    ahead_ms = 60_000 - wall_clock_ms() % 60_000 - int(seconds * 1_000)
    return lambda: wall_clock_ms() + ahead_ms


def exchange_of(clock: Callable[[], int]) -> Exchange:
    market = SeededMarket(["BTCUSDT"], seed=1, rate=1.0, clock_ms=clock)
    return Exchange(market, limits=Limits(ping_every_ms=1_000), clock_ms=clock)


def look_at(exchange: Exchange, seconds: float = SECONDS) -> Look:
    return Look(rest_url=exchange.rest_url, ws_url=exchange.ws_url, symbol="BTCUSDT", seconds=seconds)


def named(rows: list[Row], verdict: Verdict) -> dict[str, str]:
    return {row.check: row.found for row in rows if row.verdict is verdict}


async def amid_the_stream(exchange: Exchange) -> None:
    """Faults that show only between two good frames."""
    await until(lambda: exchange.hub.counts.events["frames"] > 150)
    exchange.order(Order(kind=Kind.SKIP_DEPTH, match="@depth"))
    exchange.order(Order(kind=Kind.DUPLICATE, match="btcusdt@trade"))
    exchange.order(Order(kind=Kind.MALFORMED, match="@aggtrade"))


async def test_every_assumption_holds_on_the_exchange_on_this_machine() -> None:
    clock, said = clock_before_a_minute(4), list[str]()
    async with exchange_of(clock).serving() as exchange:
        rows = await examine(look_at(exchange), say=said.append, expected=QUICK, clock=clock)
        broken = {rule: count for rule, count in exchange.violations.counts.items() if count}
    assert broken == {"unknown_parameter": 1}  # asked on purpose, to see the answer
    assert named(rows, Verdict.DIFFERS) == {}
    assert set(named(rows, Verdict.UNSEEN)) == UNSEEN_HERE
    assert are_good(rows)
    assert closing_line(rows) == f"{len(rows) - 1} of {len(rows)} assumptions hold, 0 differ, 1 could not be seen"
    assert said[0].endswith(f"answers from {exchange.rest_url}")


async def test_each_fault_is_found_by_the_check_that_names_it() -> None:
    clock = clock_before_a_minute(4)
    async with exchange_of(clock).serving() as exchange:
        exchange.order(Order(kind=Kind.OMIT_CLOSED))
        exchange.order(Order(kind=Kind.REST, match="colour", status=500))
        mischief = asyncio.create_task(amid_the_stream(exchange))
        rows = await examine(look_at(exchange), say=lambda _: None, expected=QUICK, clock=lambda: clock() - 5_000)
        await mischief
    differing = named(rows, Verdict.DIFFERS)
    assert set(differing) >= {
        "rest.clock", "rest.errors", "stream.wrapper", "stream.readable", "stream.trade_ids", "stream.aggregate_ids",
        "candle.closing", "book.continuity",
    }  # fmt: skip
    assert {name for name in differing if name.startswith("rest.")} == {"rest.clock", "rest.errors"}
    assert differing["candle.closing"].startswith("0 of 1 closed")
    assert "HTTP 500" in differing["rest.errors"]
    assert not are_good(rows)


async def test_a_limit_ends_the_look_in_one_line() -> None:
    async with exchange_of(wall_clock_ms).serving() as exchange:
        exchange.order(Order(kind=Kind.REST, match="klines", status=429, retry_after_s=7))
        with pytest.raises(TransientError, match="not to be asked for 7 s"):
            await examine(look_at(exchange), say=lambda _: None)


async def test_a_connection_that_is_cut_is_a_finding_and_no_traceback() -> None:
    async with exchange_of(wall_clock_ms).serving() as exchange:

        def drop_once(words: str) -> None:
            if not words.lstrip().startswith("0"):
                exchange.order(Order(kind=Kind.DROP))

        rows = await examine(look_at(exchange), say=drop_once, expected=QUICK)
    assert named(rows, Verdict.DIFFERS)["stream.connection_kept"].startswith("cut after")


@pytest.mark.parametrize(("status", "words"), [(451, "refuses to serve this place"), (503, "HTTP 503")])
def test_an_exchange_that_does_not_answer_is_one_line_with_the_next_step(status: int, words: str) -> None:
    with answering(status, "<html>") as place, pytest.raises(MisconfiguredError, match=words) as refused:
        preflight(Look(rest_url=f"http://{place}", ws_url=f"ws://{place}", symbol="BTCUSDT"))
    assert "SOURCE=simulator" not in str(refused.value)


def test_nothing_seen_is_no_failure_and_says_what_was_missing() -> None:
    rows = judged(Evidence(symbol="BTCUSDT", expected=Expected()))
    assert {row.verdict for row in rows} <= {Verdict.UNSEEN, Verdict.HOLDS, Verdict.DIFFERS}
    unseen = named(rows, Verdict.UNSEEN)
    assert unseen["book.continuity"] == "0 depth@100ms frames"
    assert unseen["rest.errors"] == "unknown symbol was not asked"


def test_every_check_says_what_it_assumes() -> None:
    rows = judged(Evidence(symbol="BTCUSDT", expected=Expected()))
    assert all(row.assumption.endswith((".", ").")) for row in rows)
    assert len({row.check for row in rows}) == len(rows) == sum(len(room.CHECKS) for room in ROOMS.values())


def test_json_names_the_exchange_and_has_a_row_a_check() -> None:
    rows = [Row("rest.clock", "The clock agrees.", "within 1000 ms", "+5 ms", Verdict.HOLDS)]
    said = json.loads(json.dumps(document(rows, rest_url="http://x", ws_url="ws://x", symbol="A", seconds=1)))
    assert said == {
        "ok": True, "rest": "http://x", "ws": "ws://x", "symbol": "A", "seconds": 1,
        "checks": [{
            "check": "rest.clock", "assumption": "The clock agrees.", "expected": "within 1000 ms", "found": "+5 ms",
            "verdict": "holds",
        }],
    }  # fmt: skip


def test_the_look_is_long_enough_for_a_whole_minute_wherever_it_begins() -> None:
    assert Look.of(Settings(), seconds=None).seconds > 120


def test_without_the_packages_it_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--live"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "./run status" in said.err


@pytest.mark.parametrize("as_json", [False, True], ids=["table", "json"])
async def test_the_command_prints_verdicts_on_standard_output_and_progress_beside(as_json: bool) -> None:
    async with exchange_of(wall_clock_ms).serving() as exchange:
        reach = {"BINANCE_REST_URL": exchange.rest_url, "BINANCE_WS_URL": exchange.ws_url, "SYMBOLS": "BTCUSDT"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline.local", "doctor", "--live", "--for", "4s", *["--json"][: int(as_json)],
            env=os.environ | reach, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
    assert b"frames of BTCUSDT" in err
    assert process.returncode == (1 if b"differs" in out else 0)
    if as_json:
        assert {check["verdict"] for check in json.loads(out)["checks"]} <= {"holds", "unseen", "differs"}
    else:
        assert "assumptions hold" in out.decode().splitlines()[-1]

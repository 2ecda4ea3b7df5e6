"""Which markets are followed, by what the exchange lists."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from pipeline.domain.faults import BadMessageError, Fault, MisconfiguredError, RefusedError, TransientError
from pipeline.domain.symbol import SymbolInfo
from pipeline.stages import backoff
from pipeline.stages import markets as module
from pipeline.stages.markets import Markets
from pipeline.stages.ports import Venue
from tests.servers.waiting import until


def listing(**statuses: str) -> dict[str, SymbolInfo]:
    return {
        symbol: SymbolInfo(symbol, status, symbol[:-4], "USDT", "0.01", "0.001") for symbol, status in statuses.items()
    }


def markets_of(*wanted: str) -> tuple[Markets, list[list[str]]]:
    told: list[list[str]] = []
    return Markets(cast("Venue", None), wanted, lambda markets: told.append(markets.followed)), told


def test_what_trades_is_followed_in_the_order_it_was_wanted() -> None:
    markets, told = markets_of("BTCUSDT", "ETHUSDT", "OLDUSDT")
    markets.take(listing(ETHUSDT="TRADING", BTCUSDT="TRADING", OLDUSDT="BREAK"))
    assert told == [["BTCUSDT", "ETHUSDT"]]


def test_a_market_that_opens_later_is_followed_from_then_on() -> None:
    markets, told = markets_of("BTCUSDT", "NEWUSDT")
    markets.take(listing(BTCUSDT="TRADING"))
    markets.take(listing(BTCUSDT="TRADING", NEWUSDT="TRADING"))
    assert told[-1] == ["BTCUSDT", "NEWUSDT"]


def test_a_market_only_halted_is_still_followed_and_nothing_is_expected_of_it() -> None:
    for status in ("HALT", "BREAK", "CANCEL_ONLY"):
        markets, told = markets_of("BTCUSDT")
        markets.take(listing(BTCUSDT="TRADING"))
        markets.take(listing(BTCUSDT=status))
        assert told[-1] == ["BTCUSDT"]
        assert markets.quiet == ["BTCUSDT"]


def test_a_market_the_exchange_lists_no_longer_is_let_go() -> None:
    markets, told = markets_of("BTCUSDT", "MATICUSDT")
    markets.take(listing(BTCUSDT="TRADING", MATICUSDT="TRADING"))
    markets.take(listing(BTCUSDT="TRADING"))
    assert told[-1] == ["BTCUSDT"]
    assert "MATICUSDT" not in markets.listed


def test_nothing_is_told_when_nothing_changed() -> None:
    markets, told = markets_of("BTCUSDT")
    for _ in range(3):
        markets.take(listing(BTCUSDT="TRADING"))
    assert len(told) == 1


class Exchange:
    """Answers, or fails, with each of these in turn; then it is asked in vain."""

    def __init__(self, *answers: Fault | dict[str, SymbolInfo]) -> None:
        self.answers = iter(answers)

    async def symbols(self, wanted: tuple[str, ...]) -> dict[str, SymbolInfo]:
        answer = next(self.answers, None)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Fault):
            raise answer
        return {symbol: info for symbol, info in (answer or {}).items() if symbol in wanted}


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASK_EVERY_S", "ASK_WHILE_SHUT_S"):
        monkeypatch.setattr(module, name, 0.001)
    monkeypatch.setattr(backoff, "REFUSED_WAIT_S", 0.0)


async def kept_until(markets: Markets, condition: Callable[[], bool]) -> None:
    """Ask as the process does, from its start, until the condition holds."""

    async def go() -> None:
        await markets.begin()
        await markets.keep()

    task = asyncio.create_task(go())
    try:
        await until(lambda: task.done() or condition(), within_s=5, what="the markets")
        assert not task.done(), task.exception()
    finally:
        task.cancel()


FAULTS = [TransientError("away"), BadMessageError("a page"), RefusedError("403"), RefusedError("451")]


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_an_exchange_that_does_not_answer_changes_nothing(fault: Fault) -> None:
    exchange = Exchange(listing(BTCUSDT="TRADING"), fault, listing(BTCUSDT="HALT"))
    markets = Markets(cast("Venue", exchange), ("BTCUSDT",), lambda _: None)
    await kept_until(markets, lambda: markets.quiet == ["BTCUSDT"])


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_first_answer_that_does_not_come_is_waited_for_and_said(fault: Fault) -> None:
    markets = Markets(cast("Venue", Exchange(fault, listing(BTCUSDT="TRADING"))), ("BTCUSDT",), lambda _: None)
    await kept_until(markets, lambda: markets.followed == ["BTCUSDT"])
    assert markets.detail()["marketsWait"] is None
    markets.patience.why = str(fault)
    assert markets.detail()["marketsWait"] == str(fault)


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
async def test_an_exchange_that_is_shut_at_the_start_is_waited_for_and_followed_once_it_opens(status: str) -> None:
    shut = listing(BTCUSDT=status, ETHUSDT=status)
    told: list[list[str]] = []
    exchange = Exchange(shut, shut, shut, listing(BTCUSDT=status, ETHUSDT="TRADING"))
    markets = Markets(cast("Venue", exchange), ("BTCUSDT", "ETHUSDT"), lambda one: told.append(one.followed))
    await markets.begin()
    assert markets.detail() == {
        "markets": {"BTCUSDT": status, "ETHUSDT": status},
        "marketsWait": f"none of SYMBOLS is trading on the exchange: BTCUSDT {status}, ETHUSDT {status}",
    }
    await kept_until(markets, lambda: bool(markets.followed))
    assert told == [[], ["ETHUSDT"]]
    assert markets.detail()["marketsWait"] is None


async def test_names_the_exchange_does_not_list_at_all_end_the_start() -> None:
    markets = Markets(cast("Venue", Exchange(listing(BTCUSDT="TRADING"))), ("BTC", "ETH"), lambda _: None)
    with pytest.raises(MisconfiguredError, match="lists none of SYMBOLS: BTC, ETH"):
        await markets.begin()


async def test_one_name_that_is_listed_is_enough() -> None:
    markets = Markets(cast("Venue", Exchange(listing(BTCUSDT="BREAK"))), ("BTCUSDT", "ETH"), lambda _: None)
    await markets.begin()
    assert markets.detail()["markets"] == {"BTCUSDT": "BREAK", "ETH": "not listed"}

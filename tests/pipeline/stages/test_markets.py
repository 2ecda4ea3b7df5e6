"""Which markets are followed, by what the exchange lists."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest

from pipeline.domain.faults import TransientError
from pipeline.domain.symbol import SymbolInfo
from pipeline.stages import markets as module
from pipeline.stages.markets import Markets
from pipeline.stages.ports import Venue


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


def test_an_exchange_that_does_not_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY_S", 0.001)
    answers: Iterator[TransientError | dict[str, SymbolInfo]]
    answers = iter([TransientError("away"), listing(BTCUSDT="HALT")])

    class Exchange:
        async def symbols(self, wanted: tuple[str, ...]) -> dict[str, SymbolInfo]:
            answer = next(answers)
            if isinstance(answer, TransientError):
                raise answer
            return answer

    changed = asyncio.Event()
    markets = Markets(cast("Venue", Exchange()), ("BTCUSDT",), lambda _: changed.set())
    markets.take(listing(BTCUSDT="TRADING"))
    changed.clear()

    async def run() -> None:
        task = asyncio.create_task(markets.keep())
        async with asyncio.timeout(5):
            await changed.wait()
        task.cancel()

    asyncio.run(run())
    assert markets.quiet == ["BTCUSDT"]

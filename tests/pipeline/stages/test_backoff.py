"""What is waited out, and what is not."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from pipeline.domain.faults import BadMessageError, Fault, MisconfiguredError, RefusedError, TransientError
from pipeline.stages import backoff
from pipeline.stages.backoff import Backoff, Patience


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "REFUSED_WAIT_S", 0.0)


def answers(*faults: Fault) -> "Exchange":
    return Exchange(iter(faults))


class Exchange:
    """Fails with each fault in turn, then answers; it notes what was said to be waited for when it was asked."""

    def __init__(self, faults: Iterator[Fault]) -> None:
        self.faults = faults
        self.patience = Patience(Backoff(first_s=0))
        self.seen: list[str | None] = []

    async def ask(self) -> int:
        self.seen.append(self.patience.why)
        fault = next(self.faults, None)
        if fault is not None:
            raise fault
        return 7


@pytest.mark.parametrize(
    "fault",
    [TransientError("away"), BadMessageError("a page, not an answer"), RefusedError("403")],
    ids=lambda fault: type(fault).__name__,
)
def test_what_may_pass_is_waited_out_and_said_while_it_lasts(fault: Fault) -> None:
    exchange = answers(fault, fault)
    assert asyncio.run(exchange.patience.outcome(exchange.ask)) == 7
    assert exchange.seen == [None, str(fault), str(fault)]
    assert exchange.patience.why is None


def test_what_will_never_work_is_not_waited_out() -> None:
    exchange = answers(MisconfiguredError("no such setting"))
    with pytest.raises(MisconfiguredError, match="no such setting"):
        asyncio.run(exchange.patience.outcome(exchange.ask))


def test_a_refusal_that_lasts_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    exchange = answers(*[RefusedError("403")] * 50)
    with caplog.at_level(logging.WARNING):
        asyncio.run(exchange.patience.outcome(exchange.ask))
    assert [record.message.partition(";")[0] for record in caplog.records] == ["403"]


def test_a_refusal_is_asked_about_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(backoff, "REFUSED_WAIT_S", 10.0)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    exchange = answers(*[RefusedError("403")] * 200)
    exchange.patience = Patience()
    asyncio.run(exchange.patience.outcome(exchange.ask))
    assert (min(waits) >= 10, max(waits) <= 30) == (True, True)

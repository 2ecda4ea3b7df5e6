"""Candles on their way into the store: waited for until they are there, and not for ever."""

import asyncio
from dataclasses import replace

import pytest

from pipeline.domain.candle import Revision
from pipeline.domain.faults import TransientError
from pipeline.domain.names import Topics
from pipeline.stages import shipment as module
from pipeline.stages.shipment import Shipment
from tests.pipeline.stages.memory_exchange import ArchivedLog
from tests.servers.waiting import until
from tests.words import a_candle


async def test_it_has_arrived_when_the_store_holds_it_or_something_later() -> None:
    log = ArchivedLog(archived=False)
    sent = [a_candle(n, revision=Revision.REST, event_ms=5, verified_ms=5) for n in range(2)]
    shipment = Shipment(log, log.stored, Topics())
    await shipment.send(sent)
    waiting = asyncio.create_task(shipment.arrived())
    log.stored.upsert([replace(sent[0], volume=sent[0].volume + 1, event_ms=6)])
    log.stored.upsert([a_candle(1)])
    await asyncio.wait({waiting}, timeout=3 * module.LOOK_EVERY_S)
    assert not waiting.done()
    log.stored.upsert([sent[1]])
    await until(waiting.done)
    assert shipment.under_way == 0


async def test_a_store_that_nobody_fills_is_a_fault_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ARRIVES_WITHIN_S", 0.0)
    log = ArchivedLog(archived=False)
    shipment = Shipment(log, log.stored, Topics())
    await shipment.send([a_candle(0)])
    with pytest.raises(TransientError, match="that archive runs"):
        await shipment.arrived()


async def test_no_more_is_sent_while_too_much_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 2)
    log = ArchivedLog(archived=False)
    shipment = Shipment(log, log.stored, Topics())
    await shipment.send([a_candle(0), a_candle(1)])
    third = asyncio.create_task(shipment.send([a_candle(2)]))
    await asyncio.wait({third}, timeout=3 * module.LOOK_EVERY_S)
    assert not third.done()
    log.stored.upsert([a_candle(0), a_candle(1)])
    await until(third.done)

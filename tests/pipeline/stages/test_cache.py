"""The cache on twins: what a crash, a wipe or a poisoned record leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.adapters.memory import MemoryCandles, MemoryPublisher, MemoryShelf
from pipeline.domain.faults import UndeliveredError
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.names import Topics
from pipeline.domain.records import encode_candle, encode_trade
from pipeline.stages.archive import Archive
from pipeline.stages.cache import BATCH, BEHIND_EVERY_MS, LOOK_EVERY_MS, Cache
from tests.words import NOON_MS, a_candle, a_trade, forming

TOPICS = Topics()


@dataclass(frozen=True)
class OneRecord:
    topic: str
    key: str
    value: bytes
    replayed: bool = False


@dataclass
class MemoryReader:
    """Hands out one batch after the other."""

    batches: list[list[OneRecord]] = field(default_factory=list)
    commits: int = 0

    def batch(self, *, limit: int, wait_s: float) -> Sequence[OneRecord]:
        return self.batches.pop(0) if self.batches else []

    def commit(self) -> None:
        self.commits += 1

    def close(self) -> None:
        pass


class Rig:
    """A cache on twins, with a clock that moves a step at a time."""

    def __init__(self, shelf: MemoryShelf, stored: MemoryCandles) -> None:
        self.now_ms = NOON_MS
        self.reader, self.dead = MemoryReader(), MemoryPublisher()
        self.cache = Cache(
            reader=self.reader,
            shelf=shelf,
            stored=stored,
            dead_letters=self.dead,
            topics=TOPICS,
            clock=lambda: self.now_ms,
        )

    def step(self, *records: OneRecord) -> None:
        self.now_ms += LOOK_EVERY_MS
        self.reader.batches.append(list(records))
        self.cache.step()


def kline(minute: int) -> OneRecord:
    return OneRecord(TOPICS.kline, "BTCUSDT", encode_candle(forming(minute)))


def stored_day() -> MemoryCandles:
    stored = MemoryCandles()
    stored.upsert([a_candle(minute) for minute in range(100)])
    return stored


def test_a_wiped_shelf_is_whole_again_even_if_the_cache_dies_before_it_saw_every_market() -> None:
    stored, shelf = stored_day(), MemoryShelf()
    Rig(shelf, stored).step()
    assert shelf.filled
    Rig(shelf, stored).step(kline(100))
    assert len(shelf.closed) == 100


def test_a_wipe_while_it_runs_is_noticed_within_a_look() -> None:
    stored, shelf = stored_day(), MemoryShelf()
    rig = Rig(shelf, stored)
    rig.step(kline(100), OneRecord(TOPICS.trades, "BTCUSDT", encode_trade(a_trade(5))))
    shelf.__init__()  # type: ignore[misc]
    rig.step()
    rig.step()
    assert len(shelf.closed) == 100
    assert shelf.latest["BTCUSDT"].open_ms == NOON_MS + 100 * MINUTE_MS
    assert 5 in shelf.trades["BTCUSDT"]


def test_a_cache_that_is_behind_writes_what_may_be_conflated_more_rarely_and_every_trade_all_the_same() -> None:
    shelf = MemoryShelf()
    rig = Rig(shelf, MemoryCandles())
    rig.step(kline(0))
    for batch in range(5):
        rig.now_ms += BEHIND_EVERY_MS // 5 - LOOK_EVERY_MS
        ids = range(1 + batch * BATCH, 1 + (batch + 1) * BATCH)
        rig.step(*(OneRecord(TOPICS.trades, "BTCUSDT", encode_trade(a_trade(i, time_ms=NOON_MS))) for i in ids))
    told = [(stream, push.kind) for stream, _, push in shelf.published]
    assert told.count(("trades", "realtime")) == 5 * BATCH
    assert told.count(("kline", "update")) == 2


def test_a_poisoned_record_is_kept_with_its_reason_and_the_next_is_folded() -> None:
    shelf = MemoryShelf()
    rig = Rig(shelf, MemoryCandles())
    rig.step(OneRecord(TOPICS.trades, "BTCUSDT", b"poison"), kline(0))
    assert rig.dead.topics[TOPICS.dead_letter] == [("BTCUSDT", b"poison")]
    assert {name for name, _ in rig.dead.headers[0]} == {"source", "reason", "receivedTime"}
    assert "BTCUSDT" in shelf.latest
    assert rig.reader.commits == 1


def test_a_poisoned_kline_is_kept_once_by_the_archive_and_not_again_by_the_cache() -> None:
    poison = OneRecord(TOPICS.kline, "BTCUSDT", b"poison")
    rig = Rig(MemoryShelf(), MemoryCandles())
    rig.step(poison)
    assert rig.dead.topics == {}
    dead, reader, candles = MemoryPublisher(), MemoryReader([[poison, kline(0)]]), MemoryCandles()
    Archive(reader=reader, candles=candles, dead_letters=dead, topics=TOPICS, clock=lambda: NOON_MS).step()
    assert dead.values(TOPICS.dead_letter) == [b"poison"]
    assert reader.commits == 1


class StuckLog(MemoryPublisher):
    """A log that never gets round to taking anything."""

    def flush(self, timeout_s: float = 10) -> int:
        return 1


def test_an_offset_is_not_committed_past_a_dead_letter_the_log_did_not_take() -> None:
    rig = Rig(MemoryShelf(), MemoryCandles())
    rig.cache.dead_letters = StuckLog()
    with pytest.raises(UndeliveredError):
        rig.step(OneRecord(TOPICS.trades, "BTCUSDT", b"poison"))
    assert rig.reader.commits == 0


def test_the_archive_keeps_closed_minutes_only() -> None:
    closed = OneRecord(TOPICS.kline, "BTCUSDT", encode_candle(a_candle(0)))
    candles = MemoryCandles()
    reader = MemoryReader([[kline(1), closed, closed]])
    archive = Archive(reader=reader, candles=candles, dead_letters=MemoryPublisher(), topics=TOPICS, clock=lambda: 1)
    archive.step()
    assert [candle.open_ms for candle in candles.held.values()] == [NOON_MS]

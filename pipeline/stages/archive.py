"""From the log to MongoDB: closed one-minute candles, committed only when they are stored."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Event
from typing import Any

from pipeline.domain.candle import Candle
from pipeline.domain.faults import BadMessageError
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_candle
from pipeline.stages.dead_letters import keep_record
from pipeline.stages.ports import Candles, Clock, Publisher, Reader, Record

log = logging.getLogger(__name__)

BATCH = 2_000
WAIT_S = 0.5


@dataclass(slots=True)
class Counts:
    """What went by."""

    records: int = 0
    closed: int = 0
    changed: int = 0
    dead_letters: int = 0


@dataclass(slots=True)
class Archive:
    """Follows the kline topic and keeps every closed candle."""

    reader: Reader
    candles: Candles
    dead_letters: Publisher
    topics: Topics
    clock: Clock
    counts: Counts = field(default_factory=Counts)

    def run(self, stopped: Event) -> None:
        """Follow until ``stopped``. Raises TransientError when a server is away."""
        self.candles.ensure_indexes()
        while not stopped.is_set():
            self.step()

    def step(self) -> None:
        """One batch: read, store, commit."""
        batch = self.reader.batch(limit=BATCH, wait_s=WAIT_S)
        if not batch:
            return
        closed = [candle for record in batch if (candle := self._candle(record)) is not None and candle.closed]
        self.counts.records += len(batch)
        self.counts.closed += len(closed)
        if closed:
            self.counts.changed += self.candles.upsert(closed)
        self.reader.commit()

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells."""
        return asdict(self.counts)

    def _candle(self, record: Record) -> Candle | None:
        try:
            return decode_candle(record.value)
        except BadMessageError as error:
            self.counts.dead_letters += 1
            log.warning("a record that is no candle: %s", error)
            keep_record(self.dead_letters, self.topics.dead_letter, record, reason=str(error), received_ms=self.clock())
            return None

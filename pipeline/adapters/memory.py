"""Twins of the real adapters in memory: the same behaviour, the same tests, no server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.domain import jsontext, names, views
from pipeline.domain.api_key import ApiKey
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Gap, Stream, healed, noted
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.pushes import Push
from pipeline.domain.recent_trades import row_of
from pipeline.domain.shelf import (
    Change,
    Published,
    PutBook,
    PutBookText,
    PutCandle,
    PutLatest,
    PutTradeRows,
    PutTrades,
    Shelved,
)
from pipeline.domain.trade import Trade


@dataclass(slots=True)
class MemoryPublisher:
    """A log that keeps what is appended, by topic."""

    topics: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    headers: list[Sequence[tuple[str, bytes]]] = field(default_factory=list)
    pressed: bool = False

    def append(self, topic: str, *, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Keep one record."""
        self.topics.setdefault(topic, []).append((key, value))
        self.headers.append(headers)

    def flush(self, timeout_s: float = 10) -> int:
        """Nothing ever waits."""
        return 0

    def values(self, topic: str) -> list[bytes]:
        """Every record's value, in order."""
        return [value for _key, value in self.topics.get(topic, [])]


@dataclass(slots=True)
class MemoryShelf:
    """Latest state, as Redis holds it."""

    latest: dict[str, Candle] = field(default_factory=dict)
    closed: dict[tuple[str, int], Candle] = field(default_factory=dict)
    trades: dict[str, dict[int, Trade]] = field(default_factory=dict)
    books: dict[str, BookSnapshot] = field(default_factory=dict)
    published: list[tuple[str, str, Push]] = field(default_factory=list)
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)
    filled: bool = False

    def apply(self, changes: Iterable[Change]) -> None:
        """Hold all changes."""
        for change in changes:
            self._take(change)

    def load(self, symbol: str) -> Shelved:
        """What is held of a symbol."""
        closed = sorted((c for c in self.closed.values() if c.symbol == symbol), key=lambda candle: candle.open_ms)
        book = self.books.get(symbol)
        return Shelved(
            latest=self.latest.get(symbol),
            book=book,
            trades=[row_of(trade) for _, trade in sorted(self.trades.get(symbol, {}).items())],
            sequences={s: seq for (s, known), seq in self.sequences.items() if known == symbol},
            closed=closed,
        )

    def mark_filled(self) -> None:
        """Everything is written."""
        self.filled = True

    def _take(self, change: Change) -> None:
        match change:
            case PutLatest(candle):
                self.latest[candle.symbol] = candle
            case PutCandle(candle, keep_from_ms):
                self.closed[(candle.symbol, candle.open_ms)] = candle
                old = [key for key in self.closed if key[0] == candle.symbol and key[1] < keep_from_ms]
                for key in old:
                    del self.closed[key]
            case PutTrades(symbol, trades):
                self._take_trades(symbol, trades)
            case PutTradeRows(symbol, rows, gone):
                for trade_id in gone:
                    self.trades.get(symbol, {}).pop(trade_id, None)
                self._take_trades(symbol, [views.trade_from_view(jsontext.loads_exact(row.text)) for row in rows])
            case PutBook(book):
                self.books[book.symbol] = book
            case PutBookText(symbol, text):
                self.books[symbol] = views.book_from_view(jsontext.loads_exact(text))
            case Published(stream, symbol, push):
                self.published.append((stream, symbol, push))
                self.sequences[(stream, symbol)] = push.seq

    def _take_trades(self, symbol: str, trades: Iterable[Trade]) -> None:
        held = self.trades.setdefault(symbol, {})
        held.update({trade.trade_id: trade for trade in trades})
        for trade_id in sorted(held)[: -names.REALTIME_TRADES]:
            del held[trade_id]


@dataclass(slots=True)
class MemoryCandles:
    """Closed candles, as MongoDB holds them."""

    held: dict[tuple[str, Interval, int], Candle] = field(default_factory=dict)

    def ensure_indexes(self) -> None:
        """A dict needs none."""

    def upsert(self, candles: Iterable[Candle]) -> int:
        """Merge each candle with what is held; how many changed."""
        batch = list(candles)
        before = {candle.key: self.held.get(candle.key) for candle in batch}
        for candle in batch:
            self.held[candle.key] = candle.merged(self.held.get(candle.key))
        return sum(self.held[key] != candle for key, candle in before.items())

    def candles(self, symbol: str, *, interval: Interval, start_ms: int, end_ms: int) -> list[Candle]:
        """The held candles opened in the half-open range, oldest first."""
        found = [c for c in self.held.values() if c.symbol == symbol and c.interval is interval]
        return sorted((c for c in found if start_ms <= c.open_ms < end_ms), key=lambda candle: candle.open_ms)

    def newest(self, symbol: str, *, count: int) -> list[Candle]:
        """The last ``count`` one-minute candles, oldest first."""
        return self.candles(symbol, interval=Interval.M1, start_ms=0, end_ms=2**62)[-count:]

    def oldest_ms(self, symbol: str) -> int | None:
        """When the first held minute opened; None if there is none."""
        return min((key[2] for key in self.held if key[:2] == (symbol, Interval.M1)), default=None)

    def missing_minutes(self, symbol: str, *, start_ms: int, end_ms: int) -> list[int]:
        """Open times in the half-open range that have no one-minute candle, oldest first."""
        return [
            open_ms for open_ms in range(start_ms, end_ms, MINUTE_MS) if (symbol, Interval.M1, open_ms) not in self.held
        ]


@dataclass(slots=True)
class MemoryGaps:
    """The ledger of gaps, as MongoDB holds it."""

    held: dict[tuple[str, Stream], list[Gap]] = field(default_factory=dict)

    def ensure_indexes(self) -> None:
        """A dict needs none."""

    def note(self, gaps: Iterable[Gap]) -> None:
        """Take gaps in."""
        for gap in gaps:
            self.held[gap.symbol, gap.stream] = noted(self.held.get((gap.symbol, gap.stream), []), gap)

    def heal(self, symbol: str, *, stream: Stream, start: int, end: int, healed_ms: int) -> None:
        """What was open in the half-open range is filled."""
        held = self.held.get((symbol, stream), [])
        self.held[symbol, stream] = healed(held, start=start, end=end, healed_ms=healed_ms)

    def open_gaps(self, symbols: Sequence[str], *, stream: Stream | None = None) -> list[Gap]:
        """What is ours and not yet filled."""
        return [gap for gap in self._of(symbols) if gap.is_open and stream in (None, gap.stream)]

    def between(self, symbols: Sequence[str], *, stream: Stream, start: int, end: int) -> list[Gap]:
        """Every gap that overlaps the half-open range, in the stream's own unit."""
        return [gap for gap in self._of(symbols) if gap.stream is stream and gap.start < end and gap.end > start]

    def detected(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> list[Gap]:
        """Every gap of any stream found in the half-open range of our clock."""
        return [gap for gap in self._of(symbols) if start_ms <= gap.detected_ms < end_ms]

    def _of(self, symbols: Sequence[str]) -> list[Gap]:
        return [gap for key in sorted(self.held) if key[0] in symbols for gap in self.held[key]]


@dataclass(slots=True)
class MemoryKeys:
    """API keys, as MongoDB holds them."""

    held: dict[str, ApiKey] = field(default_factory=dict)

    def add(self, key: ApiKey) -> None:
        """Keep a new key. Raises TransientError if its id is taken."""
        if key.key_id in self.held:
            raise TransientError(f"the id {key.key_id} is taken")
        self.held[key.key_id] = key

    def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked or not."""
        return self.held.get(key_id)

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        return sorted(self.held.values(), key=lambda key: (key.created_ms, key.key_id))

    def revoke(self, key_id: str, *, now_ms: int) -> ApiKey | None:
        """End a key, once; None for an id nobody knows."""
        key = self.held.get(key_id)
        if key and key.revoked_ms is None:
            self.held[key_id] = replace(key, revoked_ms=now_ms)
        return self.held.get(key_id)

"""A gap: where something is or was missing, whose fault it is, and how the ledger of gaps takes in a new word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from pipeline.domain.candle import Candle
from pipeline.domain.interval import MINUTE_MS, minute_runs


class Stream(StrEnum):
    """What is missing; it also says what ``start`` and ``end`` of a gap count."""

    KLINE = "kline"
    TRADES = "trades"
    ORDERBOOK = "orderbook"


class Cause(StrEnum):
    """Whose gap it is: the exchange was asked, answered, and has nothing either; or we missed it."""

    EXCHANGE = "exchange"
    OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something missing in one stream of one symbol, in the half-open range ``[start, end)``.

    The range is in open times (UTC epoch ms) of minutes for klines, in trade ids for trades, in UTC epoch ms for the
    order book. ``detected_ms`` and ``healed_ms`` (None: still open) are our clock.
    """

    symbol: str
    stream: Stream
    start: int
    end: int
    cause: Cause
    reason: str
    detected_ms: int
    healed_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled: a gap of the exchange never is."""
        return self.cause is Cause.OURS and self.healed_ms is None

    @property
    def said_ms(self) -> int:
        """When it was last spoken of."""
        return max(self.detected_ms, self.healed_ms or 0)


class Gaps(Protocol):
    """The ledger of gaps: the gaps of one stream of one symbol never overlap. Methods raise TransientError."""

    def ensure_indexes(self) -> None:
        """The unique natural key {symbol, stream, start}, before the first write."""
        ...

    def note(self, gaps: Iterable[Gap]) -> None:
        """Take gaps in: where ranges overlap the later word stays, bordering gaps of the exchange become one."""
        ...

    def heal(self, symbol: str, *, stream: Stream, start: int, end: int, healed_ms: int) -> None:
        """What was open in the half-open range is filled; a gap that reaches beyond stays open there."""
        ...

    def open_gaps(self, symbols: Sequence[str], *, stream: Stream | None = None) -> list[Gap]:
        """What is ours and not yet filled, by symbol, stream and start."""
        ...

    def between(self, symbols: Sequence[str], *, stream: Stream, start: int, end: int) -> list[Gap]:
        """Every gap that overlaps the half-open range, in the stream's own unit, by symbol and start."""
        ...

    def detected(self, symbols: Sequence[str], *, start_ms: int, end_ms: int) -> list[Gap]:
        """Every gap of any stream found in the half-open range of our clock, by symbol, stream and start."""
        ...


def noted(held: Sequence[Gap], new: Gap) -> list[Gap]:
    """What ``held`` (one stream of one symbol, disjoint) becomes with ``new``, by start."""
    if new.cause is Cause.OURS and new.healed_ms is not None:
        held = healed(held, start=new.start, end=new.end, healed_ms=new.healed_ms)
    kept: list[Gap] = []
    fresh = [new]
    for gap in held:
        if _stands(gap, new):
            kept.append(gap)
            fresh = [piece for part in fresh for piece in _without(part, gap.start, gap.end)]
        else:
            kept += _without(gap, new.start, new.end)
    return _joined([*kept, *fresh])


def healed(held: Sequence[Gap], *, start: int, end: int, healed_ms: int) -> list[Gap]:
    """What ``held`` (one stream of one symbol, disjoint) becomes when the half-open range is filled, by start."""
    after: list[Gap] = []
    for gap in held:
        inner = replace(gap, start=max(gap.start, start), end=min(gap.end, end), healed_ms=healed_ms)
        if gap.is_open and inner.start < inner.end:
            after += [*_without(gap, start, end), inner]
        else:
            after.append(gap)
    return _joined(after)


def minute_gaps(symbol: str, open_times: Iterable[int], *, cause: Cause, reason: str, now_ms: int) -> list[Gap]:
    """The fewest gaps that cover the minutes opened at ``open_times`` (oldest first); ours are healed at once.

    Ours, because a minute that we missed is noted when the exchange has given it.
    """
    healed_ms = now_ms if cause is Cause.OURS else None
    return [
        Gap(
            symbol=symbol, stream=Stream.KLINE, start=start, end=end,
            cause=cause, reason=reason, detected_ms=now_ms, healed_ms=healed_ms,
        )
        for start, end in minute_runs(open_times)
    ]  # fmt: skip


def caused(candle: Candle, gaps: Sequence[Gap]) -> Candle:
    """A short candle with ``cause`` ``exchange`` if the gaps of the exchange in ``gaps`` account for all it lacks.

    ``gaps`` are disjoint kline gaps of the candle's symbol; a candle that lacks nothing, or more, comes back as it was.
    """
    if candle.complete or candle.present is None:
        return candle
    end_ms = candle.open_ms + candle.interval.ms
    overlaps = (min(gap.end, end_ms) - max(gap.start, candle.open_ms) for gap in gaps if gap.cause is Cause.EXCHANGE)
    lacking = sum(overlap for overlap in overlaps if overlap > 0) // MINUTE_MS
    return replace(candle, cause=Cause.EXCHANGE.value) if lacking == candle.expected - candle.present else candle


def _stands(gap: Gap, new: Gap) -> bool:
    """Whether ``gap`` stays where ``new`` overlaps it: it says the same and said it first, or it is the later word."""
    same = gap.cause is new.cause and gap.healed_ms == new.healed_ms
    return same or gap.said_ms > new.said_ms


def _without(gap: Gap, start: int, end: int) -> list[Gap]:
    """What of ``gap`` lies outside the half-open range."""
    pieces = [replace(gap, end=min(gap.end, start)), replace(gap, start=max(gap.start, end))]
    return [piece for piece in pieces if piece.start < piece.end]


def _joined(gaps: Iterable[Gap]) -> list[Gap]:
    """The gaps by start, with what borders on each other and says the same as one."""
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.start):
        if joined and joined[-1].end == gap.start and _alike(joined[-1], gap):
            detected_ms = min(joined[-1].detected_ms, gap.detected_ms)
            joined[-1] = replace(joined[-1], end=gap.end, detected_ms=detected_ms)
        else:
            joined.append(gap)
    return joined


def _alike(one: Gap, other: Gap) -> bool:
    """Whether two bordering gaps are one: the exchange's are; ours if the same moment found and filled both."""
    if one.cause is Cause.EXCHANGE:
        return other.cause is Cause.EXCHANGE
    return replace(one, start=other.start, end=other.end) == other

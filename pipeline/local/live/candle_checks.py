"""Assumptions about candles: how often, when closed, equal to REST, made of the trades, and folded to longer ones."""

from collections.abc import Mapping
from itertools import pairwise
from statistics import median

from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_buckets
from pipeline.domain.interval import Interval
from pipeline.exchanges.binance import rest
from pipeline.local.live.evidence import Check, Evidence, Judgement, UnseenError, seen


def cadence(evidence: Evidence) -> Judgement:
    """A 1m kline comes every 2 s while there are trades."""
    events = evidence.of("kline_1m", least=3)
    gaps_s = [(later["E"] - earlier["E"]) / 1000 for earlier, later in pairwise(events)]
    every_s = evidence.expected.kline_every_s
    found_s = median(gaps_s)
    return Judgement(every_s / 2 <= found_s <= every_s * 1.5, f"every {every_s:g} s", f"every {found_s:.2f} s (median)")


def closing(evidence: Evidence) -> Judgement:
    """Each minute is closed by a frame with x:true, within seconds."""
    candles = evidence.candles()
    newest_ms = max(candle.open_ms for candle in candles)
    closed = {candle.open_ms: _late_ms(evidence, candle) for candle in candles if candle.closed}
    ended = {candle.open_ms for candle in candles if candle.open_ms < newest_ms or candle.closed}
    seen(sorted(ended), what="minutes that ended")
    within_ms, most_ms = evidence.expected.closed_within_ms, max(closed.values(), default=0)
    return Judgement(
        len(closed) == len(ended) and most_ms <= within_ms,
        f"within {within_ms} ms",
        f"{len(closed)} of {len(ended)} closed, the latest after {most_ms} ms",
    )


def forming(evidence: Evidence) -> Judgement:
    """Only the last frame of a minute says x:true, and none follows it."""
    last: dict[int, Candle] = {}
    after = 0
    for candle in evidence.candles():
        before = last.get(candle.open_ms)
        after += before is not None and before.closed
        last[candle.open_ms] = candle
    return Judgement(not after, "nothing after x:true", f"{after} frames after it" if after else "nothing after x:true")


def equal_to_rest(evidence: Evidence) -> Judgement:
    """A closed kline of the stream equals the REST row, digit by digit."""
    rows = {candle.open_ms: candle for candle in evidence.rows("klines after", Interval.M1)}
    closed = [candle for candle in evidence.candles() if candle.closed]
    pairs = [(candle, rows[candle.open_ms]) for candle in closed if candle.open_ms in rows]
    equal = sum(_digits(one) == _digits(other) for one, other in seen(pairs, what="closed minutes in both"))
    return Judgement(equal == len(pairs), "every digit", f"{equal} of {len(pairs)} minutes equal")


def made_of_trades(evidence: Evidence) -> Judgement:
    """A kline's f, L and n are its first and last trade and their number, and its trades are those of its minute."""
    times = {event["t"]: event["T"] for event in evidence.of("trade")}
    closed = seen([candle for candle in evidence.candles() if candle.closed and candle.trades], what="closed minutes")
    off = [f"{candle.open_ms}: {reason}" for candle in closed if (reason := _trades_off(candle, times))]
    return Judgement(not off, "as the trades", off[0] if off else f"{len(closed)} minutes as their trades")


def five_minutes(evidence: Evidence) -> Judgement:
    """Five 1m rows fold to the exchange's own 5m row."""
    minutes, official = evidence.rows("1m", Interval.M1), evidence.rows("5m", Interval.M5)
    ours = {candle.open_ms: candle for candle in fold_buckets(minutes, interval=Interval.M5) if candle.complete}
    pairs = [(candle, ours[candle.open_ms]) for candle in official if candle.open_ms in ours]
    equal = sum(one.values == other.values for one, other in seen(pairs, what="whole 5m rows"))
    return Judgement(equal == len(pairs), "equal", f"{equal} of {len(pairs)} equal")


def empty_minute(evidence: Evidence) -> Judgement:
    """A minute without trades sets no price of a longer candle (EGLDUSDT, 2021-06-01 03:10 UTC)."""
    answers = evidence.answer("empty 1m"), evidence.answer("empty 5m")
    if any(answer.status != 200 or not answer.json for answer in answers):
        raise UnseenError("this exchange has no EGLDUSDT of 2021")
    minutes, official = (
        rest.parse_klines(answer.body, symbol="EGLDUSDT", interval=interval, server_ms=2**52, received_ms=0)
        for answer, interval in zip(answers, (Interval.M1, Interval.M5), strict=True)
    )
    (ours,) = fold_buckets(minutes, interval=Interval.M5)
    found = f"1m opens at {minutes[0].open} with volume {minutes[0].volume}, 5m at {official[0].open}"
    return Judgement(not minutes[0].volume and ours.values == official[0].values, "5m opens at its first trade", found)


def _late_ms(evidence: Evidence, candle: Candle) -> int:
    return candle.received_ms + evidence.offset_ms - candle.close_ms


def _digits(candle: Candle) -> tuple[str, ...]:
    return tuple(str(value) for value in candle.values)


def _trades_off(candle: Candle, times: Mapping[int, int]) -> str:
    first, last = candle.first_trade_id, candle.last_trade_id
    if candle.trades != last - first + 1:
        return f"n is {candle.trades}, f…L has {last - first + 1}"
    inside = [number for number, time_ms in times.items() if candle.open_ms <= time_ms <= candle.close_ms]
    named = [number for number in times if first <= number <= last]
    return "" if sorted(inside) == sorted(named) else f"{len(inside)} trades in its time, {len(named)} in f…L"


CHECKS: tuple[Check, ...] = (
    cadence, closing, forming, equal_to_rest, made_of_trades, five_minutes, empty_minute
)  # fmt: skip

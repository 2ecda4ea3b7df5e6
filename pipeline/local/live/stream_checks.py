"""Assumptions about the WebSocket: how it speaks, its control messages, pings, trades."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from pipeline.domain.faults import BadMessageError
from pipeline.exchanges.binance import messages
from pipeline.local.live.evidence import KINDS, Check, Evidence, Judgement, seen

SUBSCRIBE, LIST, BAD_METHOD, UNSUBSCRIBE, LIST_AGAIN, NOT_JSON = range(1, 7)
"""The control messages, by the id each was sent under; the last can carry none and is answered without."""
FIELDS = {
    "kline_1m": set("eEsk"), "trade": set("eEstpqTmM"), "aggTrade": set("eEsapqflTmM"),
    "depth@100ms": set("eEsUuba"), "bookTicker": set("usbBaA"),
}  # fmt: skip
"""The fields each event must have; more are welcome."""


def wrapper(evidence: Evidence) -> Judgement:
    """A combined stream wraps each event as {"stream", "data"}, the stream named as it was asked for."""
    frames = seen(evidence.frames, what="frames")
    names = {f"{evidence.symbol.lower()}@{kind}" for kind in KINDS}
    off = sum(set(frame.wrapper) != {"stream", "data"} or frame.stream not in names for frame in frames)
    return Judgement(not off, "stream, data", f"{len(frames) - off} of {len(frames)} frames")


def fields(evidence: Evidence) -> Judgement:
    """Each event has the fields its kind is documented with."""
    lacking = {kind: FIELDS[kind] - set(evidence.of(kind)[0]) for kind in KINDS}
    off = ", ".join(f"{kind} lacks {''.join(sorted(names))}" for kind, names in lacking.items() if names)
    return Judgement(not off, f"{len(KINDS)} kinds of event", off or "all fields there")


def readable(evidence: Evidence) -> Judgement:
    """The client reads every frame."""
    frames = seen(evidence.frames, what="frames")
    refused = [reason for frame in frames if (reason := _refusal(frame.raw, frame.received_ms))]
    return Judgement(not refused, "every frame", refused[0] if refused else f"{len(frames):,} frames")


def uncompressed(evidence: Evidence) -> Judgement:
    """Who offers no permessage-deflate is sent none."""
    return Judgement(not evidence.compressed, "plain frames", "compressed" if evidence.compressed else "plain frames")


def pings(evidence: Evidence) -> Judgement:
    """The server pings every 20 s with a payload, and an answer with the same payload keeps the connection."""
    moments = [ms for ms, _ in seen(evidence.pings, least=2, what="pings")]
    gaps_s = [(later - earlier) / 1000 for earlier, later in pairwise(moments)]
    expected = evidence.expected
    steady = all(abs(gap_s - expected.ping_every_s) <= expected.ping_slack_s for gap_s in gaps_s)
    payloads = all(payload for _, payload in evidence.pings)
    found = f"{len(moments)} pings, every {median(gaps_s):.1f} s, {'with' if payloads else 'some without'} payload"
    return Judgement(
        steady and payloads and not evidence.cut, f"every {expected.ping_every_s:g} s, with payload",
        f"{found}; cut: {evidence.cut}" if evidence.cut else found,
    )  # fmt: skip


def connection_kept(evidence: Evidence) -> Judgement:
    """A connection that answers pings is not cut."""
    return Judgement(not evidence.cut, "open to the end", evidence.cut or "open to the end")


def subscribing(evidence: Evidence) -> Judgement:
    """SUBSCRIBE and UNSUBSCRIBE are answered {"result":null,"id"}, and LIST_SUBSCRIPTIONS with the names."""
    stream = f"{evidence.symbol.lower()}@trade"
    wanted = {SUBSCRIBE: None, LIST: [stream], UNSUBSCRIBE: None, LIST_AGAIN: []}
    found = {number: evidence.reply(number) for number in wanted}
    holds = all(found[number] == {"result": result, "id": number} for number, result in wanted.items())
    return Judgement(holds, "null, the name, null, nothing", "; ".join(str(reply) for reply in found.values()))


def control_errors(evidence: Evidence) -> Judgement:
    """A control message that can't be carried out is answered with an error's code and msg."""
    replies = [evidence.reply(BAD_METHOD), evidence.reply(NOT_JSON)]
    holds = all(_is_error(reply) for reply in replies)
    return Judgement(holds, "error with code and msg, twice", "; ".join(str(reply)[:90] for reply in replies))


def unknown_stream(evidence: Evidence) -> Judgement:
    """A stream of an unknown symbol opens and stays silent."""
    (frames,) = seen([evidence.silent_frames] if evidence.silent_frames is not None else [], what="such streams")
    return Judgement(not frames, "open and silent", f"{frames} frames" if frames else "open and silent")


def trade_ids(evidence: Evidence) -> Judgement:
    """Trade ids of a symbol are consecutive."""
    ids = [event["t"] for event in evidence.of("trade", least=2)]
    return _consecutive([(number, number) for number in ids], what="trades")


def aggregate_ids(evidence: Evidence) -> Judgement:
    """Aggregates leave no id out: each begins with the trade after the one before."""
    return _consecutive([(event["f"], event["l"]) for event in evidence.of("aggTrade", least=2)], what="aggregates")


def same_trades(evidence: Evidence) -> Judgement:
    """Aggregates and trades tell of the same ids and quantities."""
    amounts = {event["t"]: float(event["q"]) for event in evidence.of("trade")}
    whole = [event for event in evidence.of("aggTrade") if {event["f"], event["l"]} <= amounts.keys()]
    seen(whole, what="aggregates whose trades were all seen")
    off = sum(
        abs(sum(amounts.get(number, 0) for number in range(event["f"], event["l"] + 1)) - float(event["q"])) > 1e-6
        for event in whole
    )
    return Judgement(not off, "equal sums", f"{len(whole) - off} of {len(whole)} aggregates")


def _consecutive(ranges: Sequence[tuple[int, int]], *, what: str) -> Judgement:
    gaps = [(before[1], after[0]) for before, after in pairwise(ranges) if after[0] != before[1] + 1]
    first = (
        f"{len(gaps)} gaps, the first from {gaps[0][0]} to {gaps[0][1]}" if gaps else f"{len(ranges):,} {what}, no gap"
    )
    return Judgement(not gaps, "each the next", first)


def _refusal(raw: bytes, received_ms: int) -> str:
    try:
        messages.decode(raw, received_ms=received_ms)
    except BadMessageError as error:
        return str(error)
    return ""


def _is_error(reply: Any) -> bool:
    error = reply.get("error", reply) if isinstance(reply, dict) else {}
    return isinstance(error.get("code"), int) and isinstance(error.get("msg"), str)


CHECKS: tuple[Check, ...] = (
    wrapper, fields, readable, uncompressed, pings, connection_kept, subscribing, control_errors, unknown_stream,
    trade_ids, aggregate_ids, same_trades,
)  # fmt: skip

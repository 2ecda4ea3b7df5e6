"""Assumptions about REST: limits and weights, shapes, errors, and what the host serves."""

from collections.abc import Iterable

from pipeline.domain.weight import WeightLimits
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from pipeline.exchanges.binance.rest import parse_exchange_info
from pipeline.local.live.evidence import Answer, Check, Evidence, Judgement, UnseenError, seen

WEIGHTS = {
    "ping": 1, "time": 1, "exchangeInfo": 20, "klines": 2, "uiKlines": 2, "aggTrades": 4, "trades": 25,
    "depth 100": 5, "depth 500": 25, "depth 1000": 50, "depth 5000": 250, "avgPrice": 2, "ticker 24hr": 2,
}  # fmt: skip
"""What each request weighs, as documented."""
USED = ("ping", "time", "exchangeInfo", "klines", "depth 1000", "aggTrades")
"""Endpoints the client lives on."""
ERRORS = {
    "unknown symbol": (-1121,), "bad interval": (-1120,), "missing parameter": (-1102,),
    "unknown parameter": (-1104, -1101), "illegal characters": (-1100,), "symbols with an unknown name": (-1121,),
}  # fmt: skip
STATUSES = {"PRE_TRADING", "TRADING", "POST_TRADING", "END_OF_DAY", "HALT", "AUCTION_MATCH", "BREAK", "CANCEL_ONLY"}
LEAST_MS, MOST_MS = 1_500_000_000_000, 5_000_000_000_000
"""Between these a number is a time in milliseconds: 2017 to 2128."""


def clock(evidence: Evidence) -> Judgement:
    """The exchange's clock agrees with ours."""
    offset_ms = evidence.offset_ms
    return Judgement(
        abs(offset_ms) <= evidence.expected.offset_ms,
        f"within {evidence.expected.offset_ms} ms",
        f"{offset_ms:+} ms",
    )


def listed_limits(evidence: Evidence) -> Judgement:
    """exchangeInfo.rateLimits names the weight a minute and the raw requests."""
    limits = BinanceLimits().listed(evidence.answer("exchangeInfo").body)
    found = _limits_text(limits) if limits else "no limits that can be read"
    holds = limits is not None and (limits.weight, limits.weight_ms) == (evidence.expected.weight, 60_000)
    return Judgement(holds, f"{evidence.expected.weight:,} weight in 60 s, and raw requests", found)


def weight_header(evidence: Evidence) -> Judgement:
    """Every answer tells the weight used in the header X-MBX-USED-WEIGHT-1M."""
    answers = [answer for answer in evidence.answers.values() if answer.status == 200]
    without = [answer.target for answer in answers if BinanceLimits().used(answer.headers.get(WEIGHT_HEADER)) is None]
    found = f"{len(answers) - len(without)} of {len(answers)} answers"
    return Judgement(not without and bool(answers), "in every answer", found)


def weights(evidence: Evidence) -> Judgement:
    """Each request weighs what the documents say (by the header's growth; others on this address disturb it)."""
    spent = {name: evidence.answers[name].spent for name in WEIGHTS if _serves(evidence, name)}
    known = {name: weight for name, weight in spent.items() if weight is not None}
    if not known:
        raise UnseenError("the header told nothing")
    off = {name: weight for name, weight in known.items() if weight != WEIGHTS[name]}
    found = ", ".join(f"{name} {weight} (not {WEIGHTS[name]})" for name, weight in off.items())
    return Judgement(not off, f"{len(WEIGHTS)} documented weights", found or f"{len(known)} as documented")


def endpoints(evidence: Evidence) -> Judgement:
    """The host serves the endpoints the client asks."""
    served = [name for name in (*WEIGHTS, "historicalTrades") if _serves(evidence, name)]
    found = f"{', '.join(served) or 'none'}"
    return Judgement(set(USED) <= set(served), ", ".join(USED), found)


def errors(evidence: Evidence) -> Judgement:
    """A bad request is 400 with the documented code and a message."""
    off = [_error_text(name, evidence.answer(name)) for name in ERRORS if not _is_error(name, evidence.answer(name))]
    return Judgement(not off, f"{len(ERRORS)} documented codes", "; ".join(off) or f"{len(ERRORS)} as documented")


def kline_rows(evidence: Evidence) -> Judgement:
    """A klines row has twelve fields: times as numbers, prices and volumes as strings, oldest first."""
    rows = seen(evidence.answer("klines").json, least=2, what="rows")
    shapes = {"".join("n" if isinstance(value, int) else "s" for value in row) for row in rows}
    ordered = [row[0] for row in rows] == sorted(row[0] for row in rows)
    return Judgement(
        shapes == {"nsssssnsnsss"} and ordered, "nsssssnsnsss, oldest first",
        f"{', '.join(sorted(shapes))}, {'oldest first' if ordered else 'in no order'}",
    )  # fmt: skip


def open_row(evidence: Evidence) -> Judgement:
    """The last row of klines without an end is the minute in progress, not a final one."""
    answer = evidence.answer("klines")
    left_ms = answer.json[-1][6] - (answer.received_ms + evidence.offset_ms)
    return Judgement(
        0 < left_ms + 5_000 < 65_000, "it closes in the future", f"it closes {left_ms / 1000:+.1f} s from now"
    )


def times(evidence: Evidence) -> Judgement:
    """Times are in milliseconds, in REST and in frames."""
    found: dict[str, Iterable[int]] = {
        "klines": [row[0] for row in evidence.answer("klines").json],
        "serverTime": [evidence.answer("time").json["serverTime"]],
        "E": [frame.data["E"] for frame in evidence.frames if "E" in frame.data],
    }
    off = [name for name, values in found.items() if not all(LEAST_MS < value < MOST_MS for value in values)]
    return Judgement(not off, "all in ms", f"not in ms: {', '.join(off)}" if off else "all in ms")


def listing(evidence: Evidence) -> Judgement:
    """exchangeInfo lists the symbol with status, assets, tick and step, and knows only documented statuses."""
    markets = parse_exchange_info(evidence.answer("listing").body)
    unknown = {market.status for market in markets.values()} - STATUSES
    strange = sum(not market.symbol.isascii() for market in markets.values())
    found = f"{len(markets)} markets, {strange} of them not ASCII; unknown statuses: {', '.join(unknown) or 'none'}"
    return Judgement(evidence.symbol in markets and not unknown, f"{evidence.symbol} and known statuses", found)


def aggregates_by_id(evidence: Evidence) -> Judgement:
    """aggTrades with fromId gives back the aggregates the stream sent, digit for digit."""
    rows = seen(evidence.answer("aggTrades by id").json, what="rows")
    streamed = {event["a"]: event for event in evidence.of("aggTrade")}
    pairs = [(row, streamed[row["a"]]) for row in rows if row["a"] in streamed]
    equal = [all(row[key] == event[key] for key in "apqflTm") for row, event in seen(pairs, what="common aggregates")]
    asked = int(evidence.answer("aggTrades by id").target.partition("fromId=")[2].partition("&")[0])
    holds = all(equal) and rows[0]["a"] == asked
    return Judgement(
        holds, f"from id {asked}, as streamed", f"from id {rows[0]['a']}, {sum(equal)} of {len(equal)} as streamed"
    )


def _serves(evidence: Evidence, name: str) -> bool:
    return name in evidence.answers and evidence.answers[name].status == 200


def _is_error(name: str, answer: Answer) -> bool:
    return answer.status == 400 and answer.code in ERRORS[name] and bool(answer.json["msg"])


def _error_text(name: str, answer: Answer) -> str:
    return f"{name}: HTTP {answer.status}, {answer.body[:80].decode(errors='replace')}"


def _limits_text(limits: WeightLimits) -> str:
    return (
        f"{limits.weight:,} weight in {limits.weight_ms // 1000} s, "
        f"{limits.requests:,} raw requests in {limits.requests_ms // 1000} s"
    )


CHECKS: tuple[Check, ...] = (
    clock, listed_limits, weight_header, weights, endpoints, errors, listing, kline_rows, open_row, times,
    aggregates_by_id,
)  # fmt: skip

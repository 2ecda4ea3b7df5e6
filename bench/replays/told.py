"""What a recording itself says the final state must be, folded here from its lines alone."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.replays.state import BOOK_LEVELS, PARTS, State, Values, plain
from pipeline.domain.names import REALTIME_TRADES
from pipeline.simulator.replay.formats import Line, read_recording

MINUTE_MS = 60_000
Event = dict[str, Any]


def symbols_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """The symbols recorded, in alphabetical order."""
    return tuple(sorted({line.stream.partition("@")[0].upper() for line in _lines(paths) if line.stream}))


def told(paths: Sequence[Path]) -> State:
    """The final state by part and symbol.

    A minute has an official row if its closing frame was recorded or, where no klines were, if all of its trades were:
    so the first and the last minute of recorded trades have none, and the last one stays the forming candle.
    """
    lines, symbols = _lines(paths), symbols_of(paths)
    state: State = {part: {} for part in PARTS}
    for symbol in symbols:
        events = [orjson.loads(line.data) for line in lines if line.stream.startswith(f"{symbol.lower()}@")]
        trades = sorted((event for event in events if event.get("e") == "trade"), key=lambda event: event["t"])
        minutes = _recorded_minutes(events) or _folded_minutes(trades)
        closed = {open_ms: values for open_ms, values in minutes.items() if values["x"]}
        state["minutes"][symbol] = [_stored(open_ms, values) for open_ms, values in sorted(closed.items())]
        state["closed"][symbol] = state["minutes"][symbol]
        state["latest"][symbol] = minutes[max(minutes)] | {"openTime": max(minutes)} if minutes else None
        state["book"][symbol] = _book(events, _snapshots(lines, symbol, sole=len(symbols) == 1))
        state["trades"][symbol] = [_trade(event) for event in trades[-REALTIME_TRADES:]]
        state["log"][symbol] = [[event["t"], event["t"], plain(event["p"]), plain(event["q"])] for event in trades]
    return state


def _lines(paths: Sequence[Path]) -> list[Line]:
    return read_recording(",".join(map(str, paths)))


def _recorded_minutes(events: Iterable[Event]) -> dict[int, Values]:
    """The last kline frame of each minute."""
    found: dict[int, Values] = {}
    for k in (event["k"] for event in events if event.get("e") == "kline" and event["k"]["i"] == "1m"):
        found[k["t"]] = _values(*(k[name] for name in "ohlcvqnVQ"), closed=k["x"])
    return found


def _folded_minutes(trades: Sequence[Event]) -> dict[int, Values]:
    """Each minute of the trades; closed unless it is the first or the last."""
    by_minute: dict[int, list[Event]] = {}
    for event in trades:
        by_minute.setdefault(event["T"] - event["T"] % MINUTE_MS, []).append(event)
    ends = (min(by_minute, default=0), max(by_minute, default=0))
    return {open_ms: _folded(made, closed=open_ms not in ends) for open_ms, made in by_minute.items()}


def _folded(trades: Sequence[Event], *, closed: bool) -> Values:
    prices = [Decimal(event["p"]) for event in trades]
    sizes = [(Decimal(event["q"]), Decimal(event["p"]) * Decimal(event["q"]), not event["m"]) for event in trades]
    sums = (
        sum((size for size, _, _ in sizes), Decimal(0)),
        sum((quote for _, quote, _ in sizes), Decimal(0)),
        len(trades),
        sum((size for size, _, bought in sizes if bought), Decimal(0)),
        sum((quote for _, quote, bought in sizes if bought), Decimal(0)),
    )
    return _values(prices[0], max(prices), min(prices), prices[-1], *sums, closed=closed)


def _values(*figures: Any, closed: bool) -> Values:
    names = (
        "open", "high", "low", "close", "volume", "quoteVolume", "trades", "takerBuyVolume", "takerBuyQuoteVolume",
    )  # fmt: skip
    return {name: plain(figure) for name, figure in zip(names, figures, strict=True)} | {"x": closed}


def _stored(open_ms: int, values: Values) -> Values:
    return {"openTime": open_ms} | {name: value for name, value in values.items() if name != "x"}


def _trade(event: Event) -> list[Any]:
    return [event["t"], event["t"], plain(event["p"]), plain(event["q"]), event["T"], event["m"]]


def _snapshots(lines: Iterable[Line], symbol: str, *, sole: bool) -> Iterator[Event]:
    for line in lines:
        if "/depth" in line.rest:
            named = parse_qs(urlsplit(line.rest).query).get("symbol", [symbol if sole else ""])[0]
            if named == symbol:
                yield orjson.loads(line.data)


def _book(events: Iterable[Event], snapshots: Iterator[Event]) -> Values | None:
    """The first snapshot with every difference after it; no recording here has a gap."""
    snapshot = next(snapshots, None)
    if snapshot is None:
        return None
    update_id = snapshot["lastUpdateId"]
    sides: dict[str, dict[Decimal, str]] = {"b": {}, "a": {}}
    _change(sides, {"b": snapshot["bids"], "a": snapshot["asks"]})
    for event in events:
        if event.get("e") == "depthUpdate" and event["u"] > update_id:
            _change(sides, event)
            update_id = event["u"]
    bids, asks = (sorted(sides[side].items(), reverse=side == "b")[:BOOK_LEVELS] for side in "ba")
    return {
        "lastUpdateId": update_id, "state": "synced",
        "bids": [[plain(price), quantity] for price, quantity in bids],
        "asks": [[plain(price), quantity] for price, quantity in asks],
    }  # fmt: skip


def _change(sides: dict[str, dict[Decimal, str]], event: Event) -> None:
    for side, levels in sides.items():
        for price, quantity in event[side]:
            if Decimal(quantity):
                levels[Decimal(price)] = plain(quantity)
            else:
                levels.pop(Decimal(price), None)

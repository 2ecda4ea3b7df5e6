"""One symbol's trades, in the log and in Redis, against the exchange's own list of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis

from bench.chaos.exchange import Exchange


@dataclass(slots=True)
class Trades:
    """What did not come out even, from ``first_id``, the first one held, to the newest the exchange had."""

    symbol: str
    first_id: int = 0
    covered: int = 0
    redelivered: int = 0
    true_ids: set[int] = field(default_factory=set)
    missing: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    shelf_wrong: list[str] = field(default_factory=list)


Held = dict[int, tuple[int, dict[str, Any]]]
"""By trade id: how many others the record that covers it covers, and the record."""


def trades_of(
    symbol: str, exchange: Exchange, entries: Sequence[tuple[str, bytes]], *, newest_id: int, store: "redis.Redis"
) -> Trades:
    """The trades of one symbol among ``entries`` of the log, and the newest in Redis."""
    trades = Trades(symbol)
    held = _held(trades, (entry for key, entry in entries if key == symbol))
    if not held:
        trades.missing = [newest_id]
        return trades
    trades.first_id = min(held)
    rows = {row["id"]: row for row in _true_trades(exchange, symbol, trades.first_id, newest_id)}
    trades.true_ids = set(rows)
    trades.covered = len(held)
    trades.missing = [trade_id for trade_id in rows if trade_id not in held]
    trades.wrong = [f"{symbol} {trade_id}" for trade_id, row in rows.items() if not _is(held.get(trade_id), row)]
    made_up = [trade_id for trade_id in held if trade_id <= newest_id and trade_id not in rows]
    trades.wrong += [f"{symbol} {trade_id}: the exchange has none" for trade_id in made_up]
    trades.shelf_wrong = _shelf_wrong(symbol, store, trades.true_ids)
    return trades


def _held(trades: Trades, entries: Iterator[bytes]) -> Held:
    held: Held = {}
    delivered = 0
    for entry in entries:
        record = orjson.loads(entry)
        first, last = record.get("t", record.get("f")), record.get("t", record.get("l"))
        delivered += last - first + 1
        held |= dict.fromkeys(range(first, last + 1), (last - first, record))
    trades.redelivered = delivered - len(held)
    return held


def _true_trades(exchange: Exchange, symbol: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    while first <= last:
        rows = exchange.get(f"/truth/trades?symbol={symbol}&fromId={first}&toId={last}")
        yield from rows
        if not rows:
            return
        first = rows[-1]["id"] + 1


def _is(held: tuple[int, dict[str, Any]] | None, row: Mapping[str, Any]) -> bool:
    """Whether a held trade is the true one; of an aggregate only the price is known of each trade in it."""
    if held is None:
        return True  # it is counted among the missing
    beside, record = held
    return bool(record["p"] == row["price"] and (beside or record["q"] == row["qty"]))


def _shelf_wrong(symbol: str, store: "redis.Redis", true_ids: set[int]) -> list[str]:
    """What of the newest trades in Redis is there twice, or lacks between the first and the last."""
    shelf: Any = store.zrange(f"trades:{symbol}:list", 0, -1, withscores=True)
    ids = [int(score) for _, score in shelf]
    if not ids:
        return [f"{symbol}: none"]
    ends = [int(orjson.loads(text).get("lastTradeId", score)) for text, score in shelf]
    shown = {trade_id for first, last in zip(ids, ends, strict=True) for trade_id in range(first, last + 1)}
    twice = [f"{symbol}: a trade twice"] if len(ids) != len(set(ids)) else []
    lacking = [trade_id for trade_id in true_ids if ids[0] <= trade_id <= ends[-1] and trade_id not in shown]
    return twice + [f"{symbol}: trade {trade_id} lacks" for trade_id in sorted(lacking)[:1]]

"""The accounts after it all: what the stores and the log hold, against what the exchange says was."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from pymongo import MongoClient

from bench.chaos.candles import Candles, candles_of
from bench.chaos.exchange import Exchange
from bench.chaos.log import entries_of
from bench.chaos.trades import Trades, trades_of
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.domain.gap import Cause, Stream
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.jsontext import loads_exact
from pipeline.settings import Settings

HEALED_WITHIN_S = 60.0
BOOK_LEVELS = 100
_BIG = 2**53


@dataclass(slots=True)
class Accounts:
    """What did not come out even; of each list and count but the totals, nothing is to be there."""

    candles: int = 0
    candles_lost: list[str] = field(default_factory=list)
    candles_doubled: list[str] = field(default_factory=list)
    candles_wrong: list[str] = field(default_factory=list)
    candles_made_up: list[str] = field(default_factory=list)
    verified_wrongly: list[str] = field(default_factory=list)
    minutes_in_redis: int = 0
    minutes_in_redis_wrong: list[str] = field(default_factory=list)
    longer: int = 0
    longer_wrong: list[str] = field(default_factory=list)
    trades: int = 0
    trades_missing: dict[str, int] = field(default_factory=dict)
    trades_wrong: list[str] = field(default_factory=list)
    trades_redelivered: int = 0
    shelf_wrong: list[str] = field(default_factory=list)
    books: int = 0
    books_wrong: list[str] = field(default_factory=list)
    gaps: int = 0
    gaps_open: list[str] = field(default_factory=list)
    blamed_wrongly: list[str] = field(default_factory=list)
    gaps_unsaid: list[str] = field(default_factory=list)
    malformed: int = 0
    malformed_forms: list[str] = field(default_factory=list)
    malformed_lost: list[str] = field(default_factory=list)
    violations: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything is as it should be."""
        return all(passed for passed, _ in self.lines())

    def lines(self) -> list[tuple[bool, str]]:
        """Each account: whether it comes out even, and what it says."""
        wrong = self.candles_lost + self.candles_doubled + self.candles_wrong + self.candles_made_up
        return [
            _line(
                f"closed candles: {self.candles}, lost {len(self.candles_lost)}, doubled {len(self.candles_doubled)}, "
                f"wrong {len(self.candles_wrong)}, made up {len(self.candles_made_up)}",
                wrong, some=self.candles,
            ),
            _line("candles called verified that differ from the exchange's", self.verified_wrongly),
            _line(f"closed minutes in Redis: {self.minutes_in_redis}", self.minutes_in_redis_wrong,
                  some=self.minutes_in_redis),
            _line(f"5m candles of /ohlc: {self.longer}", self.longer_wrong, some=self.longer),
            _line(f"trade ids: {self.trades} covered, {self.trades_redelivered} delivered again (readers drop them), "
                  f"missing {self.trades_missing or 0}", [*self.trades_missing, *self.trades_wrong], some=self.trades),
            _line("newest trades in Redis", self.shelf_wrong),
            _line(f"final books: {self.books}", self.books_wrong, some=self.books),
            _line(f"gaps in the ledger: {self.gaps}, of ours still open", self.gaps_open),
            _line("gaps the exchange is blamed for though it has the data", self.blamed_wrongly),
            _line("minutes the exchange lacks that the ledger does not name", self.gaps_unsaid),
            _line(f"malformed frames: {self.malformed}, not in the dead letters", self.malformed_lost),
            _line(f"rules of the exchange broken: {self.violations or 0}", list(self.violations)),
        ]  # fmt: skip


def _line(what: str, wrong: Sequence[str], *, some: int = 1) -> tuple[bool, str]:
    return not wrong and some > 0, f"{what}: {len(wrong)} wrong {list(wrong[:3]) or ''}".rstrip()


def settle(environment: Mapping[str, str], exchange: Exchange, symbols: Sequence[str], *, since_ms: int) -> Accounts:
    """Compare everything, giving the last repairs a minute."""
    exchange.clear()
    exchange.remember()
    first_ms = -(-since_ms // Interval.M5.ms) * Interval.M5.ms
    deadline = time.monotonic() + HEALED_WITHIN_S
    while True:
        accounts = _compared(environment, exchange, symbols, first_ms)
        if accounts.clean or time.monotonic() > deadline:
            return accounts
        time.sleep(2)


def _compared(environment: Mapping[str, str], exchange: Exchange, symbols: Sequence[str], first_ms: int) -> Accounts:
    accounts = Accounts()
    settings = Settings.from_environment(environment)
    newest = {symbol: exchange.get(f"/api/v3/trades?symbol={symbol}&limit=1")[-1]["id"] for symbol in symbols}
    store = redis.Redis(settings.redis_host, settings.redis_port, password=settings.redis_password)
    web = f"http://127.0.0.1:{environment['HTTP_PORT']}"
    with MongoClient[dict[str, Any]](settings.mongo_uri) as client:
        minutes = client[settings.mongo_db]["1m_kline"]
        ledger = GapStore(client, settings.mongo_db)
        entries = list(entries_of(settings.kafka_bootstrap, settings.topics.trades))
        for symbol in symbols:
            candles = candles_of(symbol, exchange, first_ms=first_ms, minutes=minutes, store=store, web=web)
            trades = trades_of(symbol, exchange, entries, newest_id=newest[symbol], store=store)
            _add_candles(accounts, candles)
            _add_trades(accounts, trades)
            _add_gaps(accounts, ledger, candles, trades)
            _add_book(accounts, store, exchange, symbol)
    letters = {
        hashlib.sha256(entry).hexdigest()
        for _, entry in entries_of(settings.kafka_bootstrap, settings.topics.dead_letter)
    }
    accounts.malformed = len(exchange.malformed)
    accounts.malformed_forms = sorted(
        {f"{one['form']} {one['stream'].partition('@')[2]}" for one in exchange.malformed}
    )
    accounts.malformed_lost = [
        f"{one['form']} of {one['stream']}" for one in exchange.malformed if one["sha256"] not in letters
    ]
    accounts.violations = {rule: count for rule, count in exchange.violations.items() if count}
    return accounts


def _add_candles(accounts: Accounts, candles: Candles) -> None:
    accounts.candles += candles.held
    accounts.candles_lost += candles.lost
    accounts.candles_doubled += candles.doubled
    accounts.candles_wrong += candles.wrong
    accounts.candles_made_up += candles.made_up
    accounts.verified_wrongly += candles.verified_wrongly
    accounts.minutes_in_redis += candles.shelved
    accounts.minutes_in_redis_wrong += candles.shelved_wrong
    accounts.longer += candles.longer
    accounts.longer_wrong += candles.longer_wrong


def _add_trades(accounts: Accounts, trades: Trades) -> None:
    accounts.trades += trades.covered
    accounts.trades_redelivered += trades.redelivered
    accounts.trades_wrong += trades.wrong
    accounts.shelf_wrong += trades.shelf_wrong
    if trades.missing:
        accounts.trades_missing[trades.symbol] = len(trades.missing)


def _add_gaps(accounts: Accounts, ledger: GapStore, candles: Candles, trades: Trades) -> None:
    """Hold the ledger against what the exchange has: it lacks what it is blamed for, and what it lacks is said."""
    symbol = candles.symbol
    minutes = ledger.between([symbol], stream=Stream.KLINE, start=candles.first_ms, end=_BIG)
    ids = ledger.between([symbol], stream=Stream.TRADES, start=trades.first_id, end=_BIG)
    accounts.gaps += len(minutes) + len(ids)
    accounts.gaps_open += [f"{gap.stream} of {symbol} from {gap.start}" for gap in ledger.open_gaps([symbol])]
    theirs = [range(gap.start, gap.end, MINUTE_MS) for gap in minutes if gap.cause is Cause.EXCHANGE]
    blamed = [
        *(f"{symbol} minute {open_ms}" for gap in theirs for open_ms in gap if open_ms in candles.true_minutes),
        *(
            f"{symbol} trade {trade_id}"
            for gap in ids
            if gap.cause is Cause.EXCHANGE
            for trade_id in range(gap.start, gap.end)
            if trade_id in trades.true_ids
        ),
    ]
    accounts.blamed_wrongly += blamed
    accounts.gaps_unsaid += [
        f"{symbol} {open_ms}" for open_ms in candles.true_absent if not any(open_ms in gap for gap in theirs)
    ]


def _add_book(accounts: Accounts, store: "redis.Redis", exchange: Exchange, symbol: str) -> None:
    accounts.books += 1
    value = store.get(f"orderbook:{symbol}:latest")
    if value is None:
        accounts.books_wrong.append(f"{symbol}: no book")
        return
    held = loads_exact(value)
    true = exchange.get(f"/truth/book?symbol={symbol}&lastUpdateId={held['lastUpdateId']}")
    for side in ("bids", "asks"):
        ours = [(str(price), str(quantity)) for price, quantity in held[side][:BOOK_LEVELS]]
        theirs = [(price, quantity) for price, quantity in true[side][: len(ours)]]
        if ours != theirs or len(ours) < BOOK_LEVELS:
            accounts.books_wrong.append(f"{symbol}: {side} at {held['lastUpdateId']}")

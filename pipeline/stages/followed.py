"""One market as ingest follows it: its book, which trades and minutes have come, and when each stream last spoke."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.domain.candle import Candle
from pipeline.domain.coverage import Coverage
from pipeline.domain.frames import TickerFrame
from pipeline.domain.minutes import Minutes
from pipeline.stages.ports import BookSync

KLINE, TRADE, DEPTH, TICKER = "kline", "trade", "depth", "ticker"
SPOKE_WITHIN_MS = 2_000
SILENT_AFTER_MS = {KLINE: 5_000, DEPTH: 5_000, TICKER: 10_000}
"""A stream that says nothing for so long while others of its market speak is taken for silent."""
ALL_SILENT_AFTER_MS = 3_000
"""A market none of whose streams says anything for so long, while its connection carries others, is not subscribed."""
BEHIND_MS = 1_500
"""What one stream tells of another has come on that one within this, or it is silent."""
MOST_ROWS = 120
ASK_AGAIN_MS = (5_000, 600_000)
IN_VAIN = 2


@dataclass(slots=True)
class Told:
    """What another stream said this one should have by now, since when."""

    number: int = -1
    since_ms: int = 0

    def behind(self, have: int, number: int, now_ms: int) -> bool:
        """Whether ``have`` has stayed below a number told some time ago; then hears the new ``number``."""
        late = have < self.number and now_ms - self.since_ms >= BEHIND_MS
        if have >= self.number:
            self.number, self.since_ms = number, now_ms
        return late


@dataclass(slots=True)
class Followed:
    """Everything ingest knows of one symbol; times are our clock's milliseconds unless said otherwise."""

    symbol: str
    book: BookSync
    trades: Coverage
    since_ms: int
    minutes: Minutes = field(default_factory=Minutes)
    heard_ms: dict[str, int] = field(default_factory=dict)
    quiet: bool = False
    """The exchange says it sends nothing for now: a silent stream proves nothing."""
    unread_until_ms: int = 0
    """Until then nothing was read of what may have come: no silence is counted from before."""
    _rows: dict[int, Candle] = field(default_factory=dict)
    _kline: tuple[int, int, bool] = (0, 0, False)
    _trades_told: Told = field(default_factory=Told)
    _updates_told: Told = field(default_factory=Told)
    _behind: set[str] = field(default_factory=set)
    _asked: dict[str, tuple[int, int]] = field(default_factory=dict)

    def kline(self, candle: Candle, *, now_ms: int) -> bool:
        """Take a kline frame; False if it is the one before once more."""
        self.minutes.take(candle)
        last_id, newest = candle.last_trade_id, (self.trades.next_id or 0) - 1
        if self.trades.next_id is not None and self._trades_told.behind(newest, last_id, now_ms):
            self.trades.told(self._trades_told.number, now_ms=now_ms)
            self._behind.add(TRADE)
        identity = (candle.open_ms, candle.event_ms, candle.closed)
        known, self._kline = identity == self._kline, identity
        return not known

    def repair(self, row: Candle) -> None:
        """Take the exchange's own row of a minute that was not closed by its stream."""
        self.minutes.take(row)
        self._rows[row.open_ms] = row
        if len(self._rows) > MOST_ROWS:
            del self._rows[min(self._rows)]

    def compare(self, candle: Candle) -> None:
        """A closing frame that comes after all and says something else than the row: the row is asked for once more."""
        row = self._rows.pop(candle.open_ms, None) if candle.closed else None
        if row is not None and row.values != candle.values:
            self.minutes.again(candle.open_ms)

    def ticker(self, ticker: TickerFrame, *, now_ms: int) -> None:
        """Take the exchange's best prices."""
        held = self.book.last_update_id
        if held >= 0 and self._updates_told.behind(held, ticker.update_id, now_ms):
            self._behind.add(DEPTH)
        self.book.ticker(ticker, now_ms=now_ms)

    def heard(self, kind: str, now_ms: int) -> None:
        """A stream spoke."""
        self.heard_ms[kind] = now_ms
        if self._behind or self._asked:
            self._behind.discard(kind)
            self._asked.pop(kind, None)

    def silent(self, now_ms: int, *, line_heard_ms: int) -> list[str]:
        """The kinds of stream to subscribe to anew, each asked for again ever more rarely while nothing comes.

        ``line_heard_ms`` is when their connection last carried anything.
        """
        if self.quiet:
            return []
        return [kind for kind in self._silent(now_ms, line_heard_ms) if self._due(kind, now_ms)]

    def in_vain(self) -> bool:
        """Whether a stream that surely has something to say stays silent, often as it is asked; then counts anew."""
        vain = [kind for kind in self._behind if self._asked.get(kind, (0, 0))[0] > IN_VAIN]
        for kind in vain:
            self._asked[kind] = (1, self._asked[kind][1])
        return bool(vain)

    def _silent(self, now_ms: int, line_heard_ms: int) -> Iterator[str]:
        yield from self._behind
        heard_ms = max(self.heard_ms.values(), default=self.since_ms)
        if (
            line_heard_ms > now_ms - SPOKE_WITHIN_MS
            and now_ms - max(heard_ms, self.unread_until_ms) > ALL_SILENT_AFTER_MS
        ):
            yield from {KLINE, TRADE, DEPTH, TICKER} - self._behind
            return
        spoke = heard_ms > now_ms - SPOKE_WITHIN_MS
        for kind, after_ms in SILENT_AFTER_MS.items():
            heard_ms = max(self.heard_ms.get(kind, self.since_ms), self.unread_until_ms)
            if spoke and kind not in self._behind and now_ms - heard_ms > after_ms:
                yield kind

    def _due(self, kind: str, now_ms: int) -> bool:
        tries, next_ms = self._asked.get(kind, (0, 0))
        if now_ms < next_ms:
            return False
        first, most = ASK_AGAIN_MS
        self._asked[kind] = (tries + 1, now_ms + min(most, first << min(tries, 10)))
        return True

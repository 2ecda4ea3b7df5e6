"""The fold of one symbol's records onto the shelf."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryShelf
from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.names import REALTIME_MINUTES
from pipeline.domain.shelf import Published
from pipeline.domain.trade import Trade
from pipeline.stages.shelving import PUSH_EVERY_MS, SymbolShelf
from tests.words import NOON_MS, a_candle, a_diff, a_snapshot, a_trade, forming, levels

Word = Candle | Trade | BookDiff | BookSnapshot


class Desk:
    """A symbol's fold over a memory shelf, with a clock that only paces."""

    def __init__(self, shelf: MemoryShelf | None = None) -> None:
        self.shelf = shelf or MemoryShelf()
        self.fold = SymbolShelf("BTCUSDT", self.shelf.load("BTCUSDT"), first_seq=1_000)
        self.now_ms = 0

    def take(self, *words: Word, replayed: bool = False) -> None:
        for word in words:
            match word:
                case Candle():
                    self.fold.candle(word, replayed=replayed)
                case Trade():
                    self.fold.trade(word, replayed=replayed)
                case _:
                    self.fold.book(word)
        self.settle()

    def settle(self) -> None:
        self.now_ms += PUSH_EVERY_MS
        self.shelf.apply(self.fold.changes(self.now_ms))

    def sequence(self, stream: str) -> list[tuple[int, int]]:
        return [(push.from_seq, push.seq) for known, _, push in self.shelf.published if known == stream]


def test_late_candle_does_not_replace_a_closed_one() -> None:
    desk = Desk()
    desk.take(a_candle(0, close="101", high="101"), forming(0, event_ms=NOON_MS + 10 * MINUTE_MS))
    assert desk.shelf.closed[("BTCUSDT", NOON_MS)].close == Decimal(101)
    assert desk.shelf.latest["BTCUSDT"].closed


def test_a_rest_row_corrects_a_closed_candle_and_is_told() -> None:
    desk = Desk()
    desk.take(a_candle(0))
    desk.take(a_candle(0, volume=Decimal(9), revision=Revision.REST, source="rest"))
    assert desk.shelf.closed[("BTCUSDT", NOON_MS)].volume == 9
    assert [push.kind for _, _, push in desk.shelf.published] == ["realtime", "realtime"]


def test_history_far_behind_is_kept_but_not_told() -> None:
    desk = Desk()
    desk.take(a_candle(1_000))
    desk.take(a_candle(1, revision=Revision.REST))
    assert ("BTCUSDT", NOON_MS + MINUTE_MS) in desk.shelf.closed
    assert len(desk.shelf.published) == 1


def test_only_the_last_minutes_are_kept() -> None:
    desk = Desk()
    desk.take(*(a_candle(minute) for minute in range(REALTIME_MINUTES + 7)))
    assert len(desk.shelf.closed) == REALTIME_MINUTES
    assert min(open_ms for _, open_ms in desk.shelf.closed) == NOON_MS + 7 * MINUTE_MS


def test_the_forming_candle_moves_with_every_trade() -> None:
    desk = Desk()
    desk.take(forming(0, last_trade_id=10))
    desk.take(a_trade(11, price=Decimal(150)))
    assert desk.shelf.latest["BTCUSDT"].close == 150


def test_numbers_are_contiguous_and_a_conflated_message_says_from_where() -> None:
    desk = Desk()
    desk.take(forming(0, last_trade_id=0))
    for trade_id in (1, 2, 3):
        desk.fold.trade(a_trade(trade_id))
    desk.settle()
    assert desk.sequence("kline") == [(1_001, 1_001), (1_002, 1_004)]
    assert desk.sequence("trades") == [(1_001, 1_001), (1_002, 1_002), (1_003, 1_003)]


def test_forming_candles_are_paced_and_trades_are_not() -> None:
    desk = Desk()
    desk.take(forming(0, last_trade_id=0))
    desk.fold.trade(a_trade(1))
    told = [change for change in desk.fold.changes(desk.now_ms + 1) if isinstance(change, Published)]
    assert [change.stream for change in told] == ["trades"]


def test_a_gap_in_the_book_is_said_in_the_data() -> None:
    desk = Desk()
    desk.take(a_snapshot(100))
    desk.take(a_diff(105, 106))
    lost = desk.shelf.books["BTCUSDT"]
    assert (lost.state, lost.last_update_id) == (BookState.RESYNCING, 100)
    desk.take(a_snapshot(110))
    found = desk.shelf.books["BTCUSDT"]
    assert (found.state, found.last_update_id) == (BookState.SYNCED, 110)


def test_a_process_that_starts_again_goes_on_where_the_shelf_stands() -> None:
    first = Desk()
    first.take(a_candle(0), forming(1, last_trade_id=4), a_trade(5), a_snapshot(100), a_diff(101))
    told = len(first.shelf.published)
    again = Desk(first.shelf)
    again.take(a_candle(0), a_trade(4), a_trade(5), a_snapshot(90), replayed=True)
    assert first.shelf.books["BTCUSDT"].last_update_id == 101
    assert len([1 for stream, _, _ in first.shelf.published[told:] if stream == "trades"]) == 0
    again.take(a_trade(6))
    numbers = [push.seq for stream, _, push in first.shelf.published if stream == "trades"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_wiped_shelf_is_filled_again_from_memory_and_the_durable_minutes() -> None:
    desk = Desk()
    desk.take(a_candle(1), forming(2, last_trade_id=4), a_trade(5), a_snapshot(100))
    before = desk.shelf
    desk.shelf = MemoryShelf()
    desk.shelf.apply(desk.fold.rebuilt([a_candle(0), a_candle(1)]))
    assert {open_ms for _, open_ms in desk.shelf.closed} == {NOON_MS, NOON_MS + MINUTE_MS}
    assert desk.shelf.latest == before.latest
    assert desk.shelf.books == before.books
    assert desk.shelf.trades == before.trades


def story() -> list[Word]:
    words: list[Word] = [a_snapshot(100)]
    for minute in range(3):
        for step in range(4):
            trade_id = minute * 4 + step + 1
            time_ms = NOON_MS + minute * MINUTE_MS + step * 10_000
            words.append(a_trade(trade_id, time_ms=time_ms, price=Decimal(100 + trade_id)))
            words.append(a_diff(100 + trade_id, bids=levels((str(90 + step), str(trade_id)))))
            words.append(forming(minute, last_trade_id=trade_id, event_ms=time_ms + 1, close="100.00"))
        words.append(a_candle(minute, last_trade_id=minute * 4 + 4, volume=Decimal(minute + 1)))
    return words


STORY = story()
crashes = st.lists(st.tuples(st.integers(1, len(STORY)), st.integers(0, 12), st.booleans()), max_size=4)


@settings(deadline=None, max_examples=60)
@given(crashes)
def test_any_redelivery_leaves_the_shelf_as_it_was(crashes: list[tuple[int, int, bool]]) -> None:
    """Kafka may hand out any earlier stretch again, to the same process or to one that starts anew."""
    straight, shaken = Desk(), Desk()
    straight.take(*STORY)
    position = 0
    for until, back, restarts in sorted(crashes):
        shaken.take(*STORY[position:until])
        position = max(0, until - back)
        if restarts:
            shaken = Desk(shaken.shelf)
            shaken.take(*(word for word in STORY[:position] if not isinstance(word, Candle)), replayed=True)
    shaken.take(*STORY[position:])
    assert shaken.shelf.latest == straight.shelf.latest
    assert shaken.shelf.closed == straight.shelf.closed
    assert shaken.shelf.trades == straight.shelf.trades
    assert shaken.shelf.books == straight.shelf.books

"""The fold of one symbol's records onto the shelf."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryShelf
from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.domain.book_texts import decode_book_texts
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.jsontext import loads
from pipeline.domain.names import REALTIME_MINUTES
from pipeline.domain.records import encode_book
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
                    self.fold.book(decode_book_texts(encode_book(word)))
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


def test_an_unsynced_difference_leaves_the_last_synced_book_there_and_marked() -> None:
    desk = Desk()
    desk.take(a_snapshot(100), a_diff(101))
    desk.take(a_diff(102, bids=levels(("100", "5")), state=BookState.FAILED))
    desk.take(a_diff(103, bids=levels(("100.5", "5"))))
    lost = desk.shelf.books["BTCUSDT"]
    assert (lost.state, lost.last_update_id) == (BookState.FAILED, 101)
    assert lost.bids[0][0] == 99


def test_a_book_that_crosses_is_never_shown() -> None:
    desk = Desk()
    desk.take(a_snapshot(100))
    desk.take(a_diff(101, bids=levels(("101", "5"))))
    desk.take(a_snapshot(102, bids=levels(("103", "5"))))
    lost = desk.shelf.books["BTCUSDT"]
    assert (lost.state, lost.last_update_id) == (BookState.RESYNCING, 100)
    assert lost.bids[0][0] == 99
    desk.take(a_snapshot(103))
    assert desk.shelf.books["BTCUSDT"].state is BookState.SYNCED


def test_a_process_that_starts_into_an_unsynced_book_marks_the_one_that_is_there() -> None:
    first = Desk()
    first.take(a_snapshot(100))
    again = Desk(first.shelf)
    again.take(a_diff(99, 100, state=BookState.RESYNCING), replayed=True)
    assert first.shelf.books["BTCUSDT"].state is BookState.SYNCED
    again.take(a_diff(101, state=BookState.RESYNCING))
    assert (first.shelf.books["BTCUSDT"].state, first.shelf.books["BTCUSDT"].last_update_id) == (
        BookState.RESYNCING,
        100,
    )


def test_a_book_whose_pushed_levels_stand_still_is_pushed_once_a_second() -> None:
    desk = Desk()
    desk.take(a_snapshot(100, bids=levels(*((str(99 - n), "1") for n in range(30)))))
    for update_id in range(101, 201):
        desk.take(a_diff(update_id, bids=levels(("70", str(update_id)))))
    assert len(desk.sequence("orderbook")) == 1 + 100 * PUSH_EVERY_MS // 1_000
    assert desk.shelf.books["BTCUSDT"].last_update_id > 190
    firsts = [first for first, _ in desk.sequence("orderbook")]
    assert firsts[1:] == [last + 1 for _, last in desk.sequence("orderbook")[:-1]]


def test_a_missed_trade_that_comes_late_is_told_with_its_own_id() -> None:
    desk = Desk()
    desk.take(forming(0, last_trade_id=0))
    desk.take(a_trade(1), a_trade(4))
    desk.take(a_trade(2, last_id=3, aggregate_id=9, price=Decimal(150)))
    told = [loads(push.body)["trade"] for stream, _, push in desk.shelf.published if stream == "trades"]
    assert [(trade["tradeId"], trade.get("lastTradeId")) for trade in told] == [(1, None), (4, None), (2, 3)]
    assert sorted(desk.shelf.trades["BTCUSDT"]) == [1, 2, 4]
    assert desk.shelf.latest["BTCUSDT"].high == 150
    assert desk.shelf.latest["BTCUSDT"].close == 100


orders = st.permutations(range(1, 31))
repeats = st.lists(st.integers(1, 30), max_size=10)


@settings(deadline=None, max_examples=60)
@given(orders, repeats, st.sets(st.integers(0, 40), max_size=2))
def test_trades_in_any_order_leave_the_same_shelf(order: list[int], again: list[int], restarts: set[int]) -> None:
    straight, shaken = Desk(), Desk()
    straight.take(forming(0, last_trade_id=0), *(a_trade(i) for i in range(1, 31)))
    shaken.take(forming(0, last_trade_id=0))
    for number, trade_id in enumerate([*order, *again]):
        if number in restarts:
            shaken = Desk(shaken.shelf)
            shaken.take(*(a_trade(i) for i in order[:number]), replayed=True)
        shaken.take(a_trade(trade_id))
    assert shaken.shelf.trades == straight.shelf.trades
    if not restarts:  # one that starts takes the bar it finds for the exchange's, until the next frame
        assert shaken.shelf.latest["BTCUSDT"].values == straight.shelf.latest["BTCUSDT"].values
    told = [push for stream, _, push in shaken.shelf.published if stream == "trades"]
    assert len(told) == 30
    assert [push.seq for push in told] == list(range(told[0].seq, told[0].seq + 30))


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

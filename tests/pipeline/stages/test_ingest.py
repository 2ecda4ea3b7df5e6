"""Ingest on twins: every frame becomes a record or a dead letter, and what the streams leave out is made good."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import pytest

from pipeline.adapters.memory import MemoryGaps, MemoryPublisher
from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.coverage import Coverage
from pipeline.domain.faults import UndeliveredError
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_book, decode_candle, decode_trade
from pipeline.exchanges.binance.venue import Binance
from pipeline.stages import followed, ingest, line, repairs
from pipeline.stages.asking import SURE_MS
from pipeline.stages.gap_notes import GapNotes
from pipeline.stages.ingest import Ingest
from tests.frames import combined, depth_data, kline_data, trade_data
from tests.pipeline.stages.exchange_twin import ExchangeTwin, a_row, an_aggregate
from tests.words import NOON_MS

TOPICS = Topics()
Play = Callable[["World"], Awaitable[None]]


class RefusingLog(MemoryPublisher):
    """A log that takes nothing."""

    def append(self, topic: str, *, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        raise UndeliveredError("no room")


class World:
    """An ingest of BTCUSDT and everything around it; the clock stands still unless a test moves it."""

    def __init__(self, log: MemoryPublisher | None = None, covered: dict[str, Coverage] | None = None) -> None:
        self.now_ms = NOON_MS
        self.log = log or MemoryPublisher()
        self.exchange = ExchangeTwin()
        self.gaps = MemoryGaps()
        self.notes = GapNotes(self.gaps)
        self.ingest = Ingest(
            venue=Binance(self.exchange, ws_url="ws://exchange"), publisher=self.log, topics=TOPICS,
            open=self.exchange.open, clock=lambda: self.now_ms, notes=self.notes, covered=covered or {},
        )  # fmt: skip
        self.ingest.follow(["BTCUSDT"])

    def say(self, kind: str, data: dict[str, Any]) -> None:
        self.exchange.socket.say(combined(kind, data))

    def trades(self) -> list[tuple[int, int]]:
        return [(t.trade_id, t.last_id) for t in map(decode_trade, self.log.values(TOPICS.trades))]

    def closed(self) -> list[Candle]:
        return [candle for candle in map(decode_candle, self.log.values(TOPICS.kline)) if candle.closed]

    def ledger(self) -> list[Gap]:
        self.notes.flush()
        return self.gaps.detected(["BTCUSDT"], start_ms=0, end_ms=1 << 53)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


def play(scene: Play, world: World | None = None) -> World:
    """Run an ingest and, beside it, a scene."""
    world = world or World()

    async def run() -> None:
        task = asyncio.create_task(world.ingest.run())
        acting = asyncio.create_task(_act(scene, world))
        await asyncio.wait({task, acting}, return_when=asyncio.FIRST_COMPLETED)
        for each in (task, acting):
            each.cancel()
        await asyncio.wait({task, acting})
        for each in (task, acting):
            if not each.cancelled() and each.exception() is not None:
                raise each.exception() or AssertionError

    asyncio.run(run())
    return world


async def _act(scene: Play, world: World) -> None:
    await world.until(lambda: world.exchange.sockets)
    await scene(world)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around without pauses."""
    for module, name in (
        (line, "LOOK_EVERY_S"), (line, "OVERLAP_S"), (repairs, "LOOK_EVERY_S"), (ingest, "WATCH_EVERY_S"),
        (ingest, "RETIRE_AFTER_S"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 0.001)


def test_a_frame_that_cannot_be_read_is_kept_byte_for_byte_and_the_next_is_taken() -> None:
    async def scene(world: World) -> None:
        world.exchange.socket.say(b'{"e":"moon"}', b"\xff")
        world.say("trade", trade_data(7))

    world = play(scene)
    assert world.log.values(TOPICS.dead_letter) == [b'{"e":"moon"}', b"\xff"]
    assert {name for name, _ in world.log.headers[0]} == {"source", "reason", "receivedTime"}
    assert world.trades() == [(7, 7)]


def test_a_frame_from_another_age_is_a_dead_letter_and_moves_nothing() -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(7))
        world.say("trade", trade_data(8, E=NOON_MS + 86_400_000, T=NOON_MS + 86_400_000))
        world.say("trade", trade_data(9))

    world = play(scene)
    assert world.trades() == [(7, 7), (9, 9)]
    assert len(world.log.values(TOPICS.dead_letter)) == 1


def test_a_symbol_nobody_asked_for_is_a_dead_letter_one_let_go_is_not() -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(1, s="ETHUSDT"))
        world.ingest.follow([])
        world.say("trade", trade_data(1))

    world = play(scene)
    assert len(world.log.values(TOPICS.dead_letter)) == 1
    assert world.ingest.counts.foreign == 1


def test_a_lost_connection_is_followed_by_another_and_what_was_missed_comes_over_rest() -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(1))
        world.exchange.answers["aggTrades"] = [an_aggregate(50, 1, 1), an_aggregate(51, 2, 3), an_aggregate(52, 4, 4)]
        world.exchange.socket.cut()
        await world.until(lambda: len(world.exchange.sockets) == 2)
        world.say("trade", trade_data(4))
        world.now_ms += repairs.GRACE_MS
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    world = play(scene)
    assert world.trades() == [(1, 1), (4, 4), (2, 3)]
    (gap,) = world.ledger()
    assert (gap.stream, gap.start, gap.end, gap.cause) == (Stream.TRADES, 2, 4, Cause.OURS)
    assert gap.healed_ms is not None
    assert world.ingest.repairs.counts.trades == 2


def test_a_gap_that_the_stream_fills_after_all_is_closed_in_the_ledger() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = None  # no answer
        for number in (1, 4):
            world.say("trade", trade_data(number))
        world.now_ms += repairs.GRACE_MS
        await world.until(lambda: world.ingest.repairs.counts.failures)
        for number in (2, 3):
            world.say("trade", trade_data(number))
        await world.until(lambda: [gap for gap in world.ledger() if gap.healed_ms is not None])

    assert [gap.is_open for gap in play(scene).ledger()] == [False]


def test_what_the_log_lacks_at_a_start_comes_over_rest() -> None:
    known = Coverage()
    for trade_id in (5, 8):
        known.take(trade_id, trade_id, time_ms=NOON_MS, now_ms=NOON_MS - 1_000)

    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = [an_aggregate(n, n, n) for n in range(5, 13)]
        world.say("trade", trade_data(11))
        world.now_ms += repairs.GRACE_MS
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    world = play(scene, World(covered={"BTCUSDT": known}))
    assert sorted(world.trades()) == [(n, n) for n in (6, 7, 9, 10, 11)]


def test_trades_out_of_order_are_no_gap() -> None:
    async def scene(world: World) -> None:
        for trade_id in (1, 3, 2, 4):
            world.say("trade", trade_data(trade_id))
        world.now_ms += repairs.GRACE_MS
        for _ in range(20):
            await asyncio.sleep(0.001)

    world = play(scene)
    assert world.trades() == [(1, 1), (3, 3), (2, 2), (4, 4)]
    assert world.exchange.times_asked("aggTrades") == 0


def test_ids_the_exchange_has_not_either_are_the_exchange_s_gap_when_that_is_sure() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = [an_aggregate(50, 1, 1), an_aggregate(51, 4, 4)]
        world.say("trade", trade_data(1))
        world.say("trade", trade_data(4))
        for asked in range(1, repairs.TRIES + 1):
            assert [gap.cause for gap in world.ledger()] in ([], [Cause.OURS])
            world.now_ms += SURE_MS // 2
            await world.until(lambda asked=asked: world.exchange.times_asked("aggTrades") == asked)  # type: ignore[misc]
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    world = play(scene)
    assert world.trades() == [(1, 1), (4, 4)]
    (gap,) = world.ledger()
    assert (gap.start, gap.end, gap.cause) == (2, 4, Cause.EXCHANGE)


def test_one_answer_that_lacks_trades_does_not_make_it_the_exchange_s_gap() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = [an_aggregate(50, 1, 1), an_aggregate(51, 4, 4)]
        world.say("trade", trade_data(1))
        world.say("trade", trade_data(4))
        world.now_ms += repairs.GRACE_MS
        await world.until(lambda: world.exchange.times_asked("aggTrades") == 1)
        world.exchange.answers["aggTrades"] = [an_aggregate(n, n, n) for n in range(1, 5)]
        world.now_ms += repairs.AGAIN_MS[1]
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    assert sorted(play(scene).trades()) == [(1, 1), (2, 2), (3, 3), (4, 4)]


@pytest.mark.parametrize("kind", ["trade", "kline_1m"])
def test_an_id_from_nowhere_opens_no_hole(kind: str) -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(7))
        if kind == "trade":
            world.say("trade", trade_data(8) | {"t": 10**15})
        for _ in range(3):
            world.say("kline_1m", kline_data(0, last_id=10**15 if kind == "kline_1m" else 7, event_ms=world.now_ms))
            world.now_ms += followed.BEHIND_MS
        world.say("trade", trade_data(8))

    world = play(scene)
    assert world.trades() == [(7, 7), (8, 8)]
    assert world.ingest.followed["BTCUSDT"].trades.missing == 0
    assert len(world.log.values(TOPICS.dead_letter)) == (kind == "trade")


def test_ids_that_really_jumped_far_are_followed_from_there() -> None:
    async def scene(world: World) -> None:
        for number in (7, 10**15, 10**15 + 1, 10**15 + 2, 10**15 + 3):
            world.say("trade", trade_data(7) | {"t": number})

    world = play(scene)
    assert [first for first, _ in world.trades()] == [7, 10**15 + 2, 10**15 + 3]
    assert world.ingest.followed["BTCUSDT"].trades.jumps == 1


@pytest.mark.parametrize("price", ["abc", "NaN", "-99", "1e5", " 99", "inf", "1.2.3", ""])
def test_a_best_price_that_is_no_number_is_a_dead_letter_and_ends_nothing(price: str) -> None:
    async def scene(world: World) -> None:
        world.say("depth@100ms", depth_data(95, 101))
        await world.until(lambda: len(world.log.values(TOPICS.orderbook)) == 2)
        world.say("bookTicker", {"u": 101, "s": "BTCUSDT", "b": price, "B": "1", "a": "101", "A": "1"})
        world.say("trade", trade_data(7))

    world = play(scene)
    assert len(world.log.values(TOPICS.dead_letter)) == 1
    assert world.trades() == [(7, 7)]


def test_frames_from_the_future_are_dead_letters_and_hold_nothing_up() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["klines"] = [a_row(minute) for minute in range(3)]
        world.say("kline_1m", kline_data(0))
        for number in range(20):
            world.say("trade", trade_data(8 + number, E=NOON_MS + 315_360_000_000))
        for minute in range(4):
            world.now_ms = NOON_MS + 60_000 * minute + 4_000
            world.say("kline_1m", kline_data(minute, event_ms=world.now_ms))
        await world.until(lambda: len(world.closed()) == 3)

    world = play(scene)
    assert len(world.log.values(TOPICS.dead_letter)) == 20


def test_a_closing_frame_that_contradicts_the_row_has_the_row_asked_for_again() -> None:
    async def scene(world: World) -> None:
        world.say("kline_1m", kline_data(0))
        world.exchange.answers["klines"] = [a_row(0, "123.00")]
        world.now_ms += 64_000
        world.say("kline_1m", kline_data(1, event_ms=world.now_ms))
        await world.until(world.closed)
        world.exchange.answers["klines"] = [a_row(0, "100.00")]
        world.exchange.answers["time"] = {"serverTime": NOON_MS + 7_200_000}
        world.say("kline_1m", kline_data(0, closed=True, event_ms=NOON_MS + 63_000))
        world.now_ms += repairs.AGAIN_MS[1]
        await world.until(lambda: len(world.closed()) == 3)

    world = play(scene)
    newest = max(world.closed(), key=lambda candle: candle.rank)
    assert (str(newest.close), newest.revision) == ("100.00", Revision.REST)


def test_an_exchange_that_is_only_late_is_asked_again() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = [an_aggregate(50, 1, 1)]
        world.say("trade", trade_data(1))
        world.say("trade", trade_data(3))
        world.now_ms += repairs.GRACE_MS
        await world.until(lambda: world.exchange.times_asked("aggTrades") == 1)
        world.exchange.answers["aggTrades"] = [an_aggregate(50, 1, 1), an_aggregate(51, 2, 2), an_aggregate(52, 3, 3)]
        world.now_ms += repairs.AGAIN_MS[1]
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    world = play(scene)
    assert world.trades() == [(1, 1), (3, 3), (2, 2)]


def test_a_trade_stream_that_lags_behind_the_candles_is_found_out_and_subscribed_to_anew() -> None:
    async def scene(world: World) -> None:
        world.exchange.answers["aggTrades"] = [an_aggregate(n, n, n) for n in range(1, 6)]
        world.say("trade", trade_data(1))
        for _ in range(2):
            world.say("kline_1m", kline_data(last_id=4, event_ms=world.now_ms))
            world.now_ms += followed.BEHIND_MS
        await world.until(lambda: world.exchange.socket.sent)
        await world.until(lambda: not world.ingest.followed["BTCUSDT"].trades.holes)

    world = play(scene)
    assert sorted(world.trades()) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert [(said["method"], said["params"]) for said in world.exchange.socket.sent[:2]] == [
        ("UNSUBSCRIBE", ["btcusdt@trade"]), ("SUBSCRIBE", ["btcusdt@trade"]),
    ]  # fmt: skip


def test_a_stream_that_stays_silent_gets_another_connection() -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(1))
        last_id = 4
        while len(world.exchange.sockets) == 1:
            last_id += 1
            world.say("kline_1m", kline_data(last_id=last_id, event_ms=world.now_ms))
            world.now_ms += followed.BEHIND_MS
            await asyncio.sleep(0.01)

    play(scene)


def test_a_minute_whose_closing_frame_never_came_is_closed_by_rest() -> None:
    async def scene(world: World) -> None:
        world.say("kline_1m", kline_data(0))
        world.exchange.answers["klines"] = [a_row(0, "123.00")]
        world.now_ms += 64_000
        world.say("kline_1m", kline_data(1, event_ms=world.now_ms))
        await world.until(world.closed)

    world = play(scene)
    (candle,) = world.closed()
    assert (candle.open_ms, candle.revision, str(candle.close)) == (NOON_MS, Revision.REST, "123.00")
    (gap,) = world.ledger()
    assert (gap.stream, gap.start, gap.healed_ms) == (Stream.KLINE, NOON_MS, world.now_ms)


def test_a_minute_the_exchange_has_not_either_is_the_exchange_s_gap_when_that_is_sure() -> None:
    async def scene(world: World) -> None:
        world.say("kline_1m", kline_data(0))
        while not any(gap.cause is Cause.EXCHANGE for gap in world.ledger()):
            world.now_ms += 1_000
            world.say("kline_1m", kline_data(max(1, (world.now_ms - NOON_MS) // 60_000), event_ms=world.now_ms))
            world.exchange.answers["klines"] = [a_row(minute) for minute in range(1, 10)]
            await asyncio.sleep(0.002)

    world = play(scene)
    gap = next(gap for gap in world.ledger() if gap.cause is Cause.EXCHANGE)
    assert (gap.start, gap.end) == (NOON_MS, NOON_MS + 60_000)
    assert world.now_ms >= NOON_MS + 60_000 + SURE_MS
    assert world.exchange.times_asked("klines") >= repairs.TRIES
    assert NOON_MS not in world.ingest.followed["BTCUSDT"].minutes.missing


def test_the_end_of_a_connection_that_is_announced_leaves_no_gap_and_doubles_nothing() -> None:
    async def scene(world: World) -> None:
        first = world.exchange.socket
        world.say("trade", trade_data(1))
        first.say(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
        await world.until(lambda: len(world.exchange.sockets) == 2)
        assert first.is_open
        for trade_id in (2, 3):
            for socket in world.exchange.sockets:
                socket.say(combined("trade", trade_data(trade_id)))
        await world.until(lambda: not first.is_open)
        world.say("trade", trade_data(4))

    world = play(scene)
    assert world.trades() == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert world.ingest.counts.known == 2


def test_a_connection_a_day_old_is_replaced_before_the_exchange_cuts_it() -> None:
    async def scene(world: World) -> None:
        first = world.exchange.socket
        await asyncio.sleep(0.01)
        world.now_ms += int(line.LIFE_S * 1_000) + 1
        await world.until(lambda: len(world.exchange.sockets) == 2)
        assert first.is_open
        world.say("trade", trade_data(1))
        await world.until(lambda: not first.is_open)

    play(scene)


def test_what_waits_on_a_connection_is_taken_before_it_is_closed() -> None:
    async def scene(world: World) -> None:
        first = world.exchange.socket
        first.all_said.clear()
        await asyncio.sleep(0.01)
        world.now_ms += int(line.LIFE_S * 1_000) + 1
        await world.until(lambda: len(world.exchange.sockets) == 2)
        world.say("trade", trade_data(3))
        await asyncio.sleep(0.05)  # much longer than the two go on beside each other here
        assert first.is_open
        first.say(combined("trade", trade_data(1)), combined("trade", trade_data(2)))
        first.all_said.set()
        await world.until(lambda: not first.is_open)

    assert play(scene).ingest.counts.trades == 3


def test_what_we_do_not_read_is_no_silence() -> None:
    log = MemoryPublisher(pressed=True)

    async def scene(world: World) -> None:
        for number in range(1, ingest.LOOK_AT_PRESSURE_EVERY + 1):
            world.say("trade", trade_data(number))
        await world.until(lambda: world.exchange.socket.paused)
        world.now_ms += 10 * line.SILENT_MS[0]
        await asyncio.sleep(0.05)  # fifty looks
        log.pressed = False
        await world.until(lambda: not world.exchange.socket.paused)
        await asyncio.sleep(0.05)
        assert len(world.exchange.sockets) == 1
        assert not world.exchange.socket.sent

    play(scene, World(log))


def test_both_connections_read_on_where_one_is_being_replaced() -> None:
    log = MemoryPublisher(pressed=True)

    async def scene(world: World) -> None:
        first = world.exchange.socket
        for number in range(1, ingest.LOOK_AT_PRESSURE_EVERY + 1):
            world.say("trade", trade_data(number))
        first.all_said.clear()
        await asyncio.sleep(0.01)
        world.now_ms += int(line.LIFE_S * 1_000) + 1
        await world.until(lambda: len(world.exchange.sockets) == 2)
        assert first.paused
        assert world.exchange.socket.paused
        log.pressed = False
        await world.until(lambda: not first.paused and not world.exchange.socket.paused)

    play(scene, World(log))


def test_a_connection_that_speaks_is_not_given_up_for_one_that_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "SPEAKS_WITHIN_S", 0.05)
    monkeypatch.setattr(line, "AGAIN_AFTER_S", 0.05)

    async def scene(world: World) -> None:
        first = world.exchange.socket
        first.say(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}')
        await world.until(lambda: len(world.exchange.sockets) == 2)
        mute = world.exchange.socket
        number = 0
        while mute.is_open:
            number, world.now_ms = number + 1, world.now_ms + 10
            first.say(combined("trade", trade_data(number)))
            await asyncio.sleep(0.001)
        assert first.is_open
        await world.until(lambda: len(world.exchange.sockets) == 3)
        world.say("trade", trade_data(number + 1))
        await world.until(lambda: not first.is_open)

    play(scene)


def test_a_connection_on_which_nothing_comes_is_replaced() -> None:
    async def scene(world: World) -> None:
        await asyncio.sleep(0.01)
        world.now_ms += line.SILENT_MS[0] + 1
        await world.until(lambda: len(world.exchange.sockets) == 2)

    play(scene)


def test_an_exchange_that_refuses_is_tried_until_it_takes_us() -> None:
    world = World()
    world.exchange.refusals = 3

    async def scene(world: World) -> None:
        world.say("trade", trade_data(1))

    assert play(scene, world).trades() == [(1, 1)]


def test_a_book_is_told_in_full_as_soon_as_snapshot_and_stream_meet() -> None:
    async def scene(world: World) -> None:
        world.say("depth@100ms", depth_data(95, 101))
        await world.until(lambda: len(world.log.values(TOPICS.orderbook)) == 2)
        world.say("depth@100ms", depth_data(102, 103))

    world = play(scene)
    told = [decode_book(value) for value in world.log.values(TOPICS.orderbook)]
    assert world.exchange.times_asked("depth") == 1
    assert [type(record) for record in told] == [BookDiff, BookSnapshot, BookDiff]
    assert [record.state for record in told] == [BookState.RESYNCING, BookState.SYNCED, BookState.SYNCED]


def test_a_gap_in_the_book_is_told_and_healed_by_another_snapshot() -> None:
    async def scene(world: World) -> None:
        world.say("depth@100ms", depth_data(95, 101))
        await world.until(lambda: len(world.log.values(TOPICS.orderbook)) == 2)
        world.exchange.answers["depth"] = {"lastUpdateId": 501, "bids": [["99", "1"]], "asks": [["101", "1"]]}
        world.say("depth@100ms", depth_data(500, 502))
        await world.until(lambda: len(world.log.values(TOPICS.orderbook)) == 4)

    world = play(scene)
    states = [decode_book(value).state for value in world.log.values(TOPICS.orderbook)]
    assert states == [BookState.RESYNCING, BookState.SYNCED, BookState.RESYNCING, BookState.SYNCED]
    assert world.ingest.detail()["resyncs"] == 1


def test_a_mistake_of_ours_while_a_book_is_fetched_ends_the_process_and_hides_nowhere() -> None:
    async def scene(world: World) -> None:
        def broken(_params: object) -> None:
            raise TypeError("unhashable type: 'list'")

        world.exchange.answers["depth"] = broken
        world.say("depth@100ms", depth_data(95, 101))
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        play(scene)
    assert caught.value.subgroup(TypeError)


def test_the_heartbeat_says_how_often_each_book_was_the_exchange_s() -> None:
    async def scene(world: World) -> None:
        world.say("depth@100ms", depth_data(95, 100))
        await world.until(lambda: len(world.log.values(TOPICS.orderbook)) == 2)
        world.say("bookTicker", {"u": 100, "s": "BTCUSDT", "b": "99", "B": "1", "a": "101", "A": "1"})

    match = play(scene).ingest.detail()["bookMatch"]["BTCUSDT"]
    assert match["state"] == "synced"
    assert match["ticker"] == {"checked": 1, "matched": 1}
    assert match["audit"]["levels"] == 0


def test_a_log_under_pressure_stops_the_reading_until_it_has_caught_up() -> None:
    log = MemoryPublisher(pressed=True)

    async def scene(world: World) -> None:
        world.say("trade", trade_data(1))
        for number in range(2, ingest.LOOK_AT_PRESSURE_EVERY + 1):
            world.say("trade", trade_data(number))
        assert world.exchange.socket.paused
        log.pressed = False
        await world.until(lambda: not world.exchange.socket.paused)

    play(scene, World(log))


def test_a_log_that_takes_nothing_ends_the_process() -> None:
    async def scene(world: World) -> None:
        world.say("trade", trade_data(1))
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        play(scene, World(RefusingLog()))
    assert caught.value.subgroup(UndeliveredError)


def test_the_detail_is_json() -> None:
    async def scene(world: World) -> None:
        world.say("kline_1m", kline_data(0))

    assert orjson.loads(orjson.dumps(play(scene).ingest.detail()))["klines"] == 1

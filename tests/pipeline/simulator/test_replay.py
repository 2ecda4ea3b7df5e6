"""A replay gives back what was recorded: once, in order, digit for digit."""

import os
import re
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.domain.book import OrderBook
from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.folds import fold_trades
from pipeline.domain.interval import DAY_MS, Interval
from pipeline.simulator.market import Frame, KlineQuery, TradeQuery
from pipeline.simulator.replay.books import diff_of, snapshot_of
from pipeline.simulator.replay.formats import parse_line, read_recording
from pipeline.simulator.replay.klines import words_of
from pipeline.simulator.replay.market import BOOK_ON_ITS_WAY_MS, UNHEARD_MS, ReplayMarket
from pipeline.simulator.replay.tape import playing_times, sessions_of, shifted
from tests.pipeline.simulator.worlds import (
    BTC,
    DOT,
    NOON_MS,
    Clock,
    by_minute,
    events,
    frame_digits,
    play,
    replay,
    row_digits,
    rows_of,
    trade_of,
)

STREAMS = [f"btcusdt@{kind}" for kind in ("trade", "depth@100ms", "bookTicker", "kline_1m", "kline_5m")]
TICKERS = 193
MINUTE_2355 = 1_723_161_300_000
captures = Path(os.environ.get("MARKET_DATA_DIR") or "-") / "captures"
whole_session = pytest.mark.skipif(not captures.is_dir(), reason="MARKET_DATA_DIR names no folder with captures/ in it")


def test_every_recorded_frame_is_sent_once_byte_for_byte() -> None:
    clock = Clock()
    sent = play(replay(BTC, clock), clock, streams=STREAMS)
    recorded = [(line.stream, line.data) for line in read_recording(str(BTC)) if line.stream]
    assert [(frame.stream, frame.data) for frame in sent if "@kline" not in frame.stream] == recorded


def test_a_minute_folded_from_trades_is_closed_and_the_partial_ones_are_not() -> None:
    clock = Clock()
    market = replay(BTC, clock)
    frames = play(market, clock, streams=STREAMS)
    klines = [event["k"] for event in events(frames, "@kline_1m")]
    assert [k["t"] for k in klines if k["x"]] == [MINUTE_2355]
    assert {k["t"] for k in klines if not k["x"]} == {MINUTE_2355 - 60_000, MINUTE_2355, MINUTE_2355 + 60_000}
    minutes = by_minute([trade_of(event) for event in events(frames, "@trade")])
    closed = next(k for k in klines if k["x"])
    assert frame_digits(closed) == row_digits(rows_of([words_of(fold_trades(minutes[MINUTE_2355])).row()])[0])
    assert [row[0] for row in rows_of(market.klines(KlineQuery(symbol="BTCUSDT")))] == [
        MINUTE_2355,
        MINUTE_2355 + 60_000,
    ]


def test_a_closed_frame_comes_after_the_last_trade_of_its_minute() -> None:
    clock = Clock()
    frames = play(replay(BTC, clock), clock, streams=["btcusdt@trade", "btcusdt@kline_1m"])
    place = next(i for i, frame in enumerate(frames) if b'"x":true' in frame.data)
    last_id = orjson.loads(frames[place].data)["k"]["L"]
    assert max(event["t"] for event in events(frames[:place], "@trade")) >= last_id


def test_forming_frames_come_every_two_seconds() -> None:
    clock = Clock()
    frames = play(replay(BTC, clock), clock, streams=["btcusdt@kline_1m"])
    times = [event["E"] for event in events(frames, "@kline_1m") if event["k"]["t"] == MINUTE_2355]
    assert len(times) == 30
    assert all(1_500 <= after - before <= 2_500 for before, after in pairwise(times))


def test_the_clock_stands_until_somebody_subscribes() -> None:
    clock = Clock()
    market = replay(BTC, clock)
    begin_ms = market.now_ms()
    clock.now_ms += 60_000
    assert market.due(STREAMS) == []
    assert market.now_ms() == begin_ms
    market.start()
    clock.now_ms += 5_000
    assert market.due(STREAMS)
    while market.due(STREAMS):
        pass
    assert begin_ms + 4_900 <= market.now_ms() <= begin_ms + 5_000


@pytest.mark.parametrize("speed", [1.0, 20.0, 1e9])
def test_with_nobody_listening_it_goes_on_for_ten_seconds_and_waits(speed: float) -> None:
    clock = Clock()
    market = replay(BTC, clock, speed=speed)
    market.start()
    clock.now_ms += 20
    market.due(STREAMS)
    clock.now_ms += 3_600_000
    while not market.due(STREAMS) or market.now_ms() < market.status()["start"] + 20_000:
        pass
    left_ms = market.now_ms()
    for _ in range(40):
        clock.now_ms += 600_000
        assert market.due(()) == []
    waits_ms = market.now_ms()
    assert left_ms + UNHEARD_MS - 500 <= waits_ms <= left_ms + UNHEARD_MS + 500
    clock.now_ms += 100
    assert all(waits_ms - 500 < frame.time_ms for frame in market.due(STREAMS))
    clock.now_ms += 3_600_000
    while market.due(STREAMS):
        pass
    assert market.status()["done"]


def test_it_waits_for_a_reader_also_where_the_clock_ticks_in_between() -> None:
    ticks = count(NOON_MS)
    market = replay(BTC, lambda: next(ticks), speed=1e9)
    market.start()
    market.due(STREAMS)
    left_ms = market.now_ms()
    for _ in range(200):
        market.due(())
    assert market.now_ms() <= left_ms + UNHEARD_MS + 500


def test_while_a_book_is_on_its_way_it_plays_no_faster_than_it_was_recorded() -> None:
    clock = Clock()
    market = replay(BTC, clock, speed=1e9)
    market.start()
    clock.now_ms += 1
    market.due(STREAMS)
    asked_ms = market.now_ms()
    market.depth("BTCUSDT", limit=5)
    for _ in range(BOOK_ON_ITS_WAY_MS - 1):
        clock.now_ms += 1
        market.due(STREAMS)
    assert market.now_ms() <= asked_ms + BOOK_ON_ITS_WAY_MS
    clock.now_ms += 2
    while market.due(STREAMS):
        pass
    assert market.status()["done"]


def test_a_held_replay_goes_on_where_it_stood_when_it_is_released() -> None:
    clock = Clock()
    market = ReplayMarket.of_files(str(BTC), speed=20, shift=False, clock_ms=clock, hold=0.5)
    market.start()
    before = after = 0
    while not market.status()["held"]:
        clock.now_ms += 100
        before += len(market.due(STREAMS))
    clock.now_ms += 60_000
    assert market.due(STREAMS) == []
    stood_ms = market.now_ms()
    market.release()
    clock.now_ms += 100
    after += len(market.due(STREAMS))
    assert stood_ms + 1_500 <= market.now_ms() <= stood_ms + 2_100
    while not market.status()["done"]:
        clock.now_ms += 100
        after += len(market.due(STREAMS))
    whole = Clock()
    assert before + after == len(play(replay(BTC, whole), whole, streams=STREAMS))


def test_a_minute_that_is_over_has_no_row_before_its_closing_frame(tmp_path: Path) -> None:
    lines = read_recording(str(DOT))
    closing = next(line for line in lines if b'"x":true' in line.data)
    open_ms = orjson.loads(closing.data)["k"]["t"]
    path = tmp_path / "unclosed.txt"
    kept = [line for line in lines if line.stream and line is not closing]
    path.write_bytes(b"".join(our_line(line.received_ns, line.stream, line.data) for line in kept))
    told: dict[str, list[int]] = {}
    for name, source in (("closed", DOT), ("unclosed", path)):
        clock = Clock()
        market = replay(source, clock)
        play(market, clock, streams=["dotusdt@kline_1m"])
        told[name] = [row[0] for row in rows_of(market.klines(KlineQuery(symbol="DOTUSDT")))]
    assert open_ms in told["closed"]
    assert told["unclosed"] == [other for other in told["closed"] if other != open_ms]


def test_the_rest_book_is_the_snapshot_first_and_then_follows_the_differences() -> None:
    clock = Clock()
    market = replay(BTC, clock)
    snapshot = next(orjson.loads(line.data) for line in read_recording(str(BTC)) if line.rest)
    assert orjson.loads(market.depth("BTCUSDT", limit=5_000)) == snapshot
    frames = play(market, clock, streams=["btcusdt@depth@100ms"])
    book = OrderBook(snapshot_of("BTCUSDT", snapshot))
    for event in events(frames, "@depth@100ms"):
        book.apply(diff_of("BTCUSDT", event))
    body = orjson.loads(market.depth("BTCUSDT", limit=20))
    assert body["lastUpdateId"] == book.last_update_id
    assert body["bids"] == [[f"{price:f}", f"{quantity:f}"] for price, quantity in book.bids(20)]


def test_the_book_equals_the_recorded_ticker_at_the_same_id() -> None:
    assert ticker_agreement(str(BTC)) == (TICKERS, TICKERS)


def test_a_shifted_recording_ends_before_now_and_keeps_the_time_of_day() -> None:
    clock = Clock()
    market = replay(BTC, clock, shift=True)
    moved_ms = market.status()["start"] - replay(BTC, Clock()).status()["start"]
    assert moved_ms > 0
    assert moved_ms % DAY_MS == 0
    assert NOON_MS - DAY_MS < market.status()["end"] <= NOON_MS


def test_shifting_moves_times_and_nothing_else() -> None:
    still, moved = Clock(), Clock()
    before = play(replay(BTC, still), still, streams=STREAMS)
    after = play(replay(BTC, moved, shift=True), moved, streams=STREAMS)
    days = (orjson.loads(after[0].data)["E"] - orjson.loads(before[0].data)["E"]) // DAY_MS
    assert [unshifted(frame, days) for frame in after] == [frame.data for frame in before]


def unshifted(frame: Frame, days: int) -> bytes:
    letters = rb"tTE" if "@kline" in frame.stream else rb"TE"

    def back(found: re.Match[bytes]) -> bytes:
        return b'"%b":%d' % (found[1], int(found[2]) - days * DAY_MS)

    return re.sub(rb'"([' + letters + rb'])":(\d{13})(?=[,}])', back, frame.data)


def test_recorded_klines_pass_through_and_answer_rest() -> None:
    clock = Clock()
    market = replay(DOT, clock)
    frames = play(market, clock, streams=["dotusdt@kline_1m", "dotusdt@aggTrade", "dotusdt@trade"])
    recorded = [line.data for line in read_recording(str(DOT)) if line.stream == "dotusdt@kline_1m"]
    assert [frame.data for frame in frames if frame.stream == "dotusdt@kline_1m"] == recorded
    assert not events(frames, "@trade")
    closed = next(event["k"] for event in events(frames, "@kline_1m") if event["k"]["x"])
    rows = {row[0]: row_digits(row) for row in rows_of(market.klines(KlineQuery(symbol="DOTUSDT")))}
    assert rows[closed["t"]] == frame_digits(closed)


def test_recorded_aggregates_answer_rest_from_an_id() -> None:
    clock = Clock()
    market = replay(DOT, clock)
    aggregates = events(play(market, clock, streams=["dotusdt@aggTrade"]), "@aggTrade")
    rows = rows_of(market.aggregates(TradeQuery(symbol="DOTUSDT", from_id=aggregates[5]["a"], limit=3)))
    assert [(row["a"], row["f"], row["l"], row["p"]) for row in rows] == [
        (event["a"], event["f"], event["l"], event["p"]) for event in aggregates[5:8]
    ]


def test_a_lost_trade_keeps_its_minute_open(tmp_path: Path) -> None:
    lines = [line for line in read_recording(str(BTC)) if line.stream.endswith("@trade")]
    lost = next(place for place, line in enumerate(lines) if orjson.loads(line.data)["T"] > MINUTE_2355 + 20_000)
    path = tmp_path / "gap.txt"
    path.write_bytes(
        b"".join(our_line(line.received_ns, line.stream, line.data) for line in lines[:lost] + lines[lost + 1 :])
    )
    clock = Clock()
    klines = events(play(replay(path, clock), clock, streams=["btcusdt@kline_1m"]), "@kline_1m")
    assert klines
    assert not any(event["k"]["x"] for event in klines)


def our_line(received_ns: int, stream: str, data: bytes) -> bytes:
    return b'%d {"stream":"%b","data":%b}\n' % (received_ns, stream.encode(), data)


NS = 1_723_161_253_937_085_768


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'%d {"stream":"a@trade","data":{"p":"1.0"}}' % NS, (NS, "a@trade", "", b'{"p":"1.0"}')),
        (b'%d {"e":"trade","s":"ABC"}' % NS, (NS, "abc@trade", "", b'{"e":"trade","s":"ABC"}')),
        (b'%d {"rest":"/api/v3/time","body":{"a":1}}' % NS, (NS, "", "/api/v3/time", b'{"a":1}')),
        (b'1617566591.5: {"stream":"a@trade","data":{}}', (1_617_566_591_500_000_000, "a@trade", "", b"{}")),
        (
            b'https://x.y/a?b=C -> 1617566592.25: {"d":1}',
            (1_617_566_592_250_000_000, "", "https://x.y/a?b=C", b'{"d":1}'),
        ),
    ],
)
def test_every_recorders_line_is_understood(text: bytes, expected: tuple[Any, ...]) -> None:
    assert parse_line(text) == expected


@pytest.mark.parametrize(
    "text", [b"", b"configuration: x", b"wss://a/stream?streams=b <-> 1617566590.3", b'%d {"result":null,"id":1}' % NS]
)
def test_lines_without_a_message_are_skipped(text: bytes) -> None:
    assert parse_line(text) is None


def test_a_missing_recording_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="is not there"):
        read_recording(str(tmp_path / "nothing.gz"))
    (tmp_path / "empty.txt").write_text("nothing\n")
    with pytest.raises(MisconfiguredError, match="no recorded stream frames"):
        read_recording(str(tmp_path))


@whole_session
def test_the_whole_session_gives_every_trade_and_both_official_candles() -> None:
    clock = Clock()
    source = f"{captures / 'btcusdt_20240809.gz'},{captures / 'btcusdt_20240808.gz'}"
    market = replay(source, clock)
    frames = play(market, clock, streams=STREAMS)
    ids = [event["t"] for event in events(frames, "@trade")]
    assert ids == list(range(ids[0], ids[0] + 19_904))
    closed = {e["k"]["t"]: frame_digits(e["k"])[:5] for e in events(frames, "@kline_5m") if e["k"]["x"]}
    official = {
        1_723_161_300_000: ("61828.00000000", "61860.80000000", "61583.22000000", "61685.99000000", "199.42863000"),
        1_723_161_600_000: ("61686.00000000", "61744.37000000", "61556.04000000", "61607.99000000", "221.61722000"),
    }
    assert closed == official
    rows = rows_of(market.klines(KlineQuery(symbol="BTCUSDT", interval=Interval.M5)))
    assert {row[0]: tuple(row[1:6]) for row in rows[:2]} == official


@whole_session
def test_a_session_in_three_files_is_one_market_with_its_recorded_listings() -> None:
    parts = ("four_pairs_20211012.ws.txt.gz", "four_pairs_20211012.http.txt.gz", "exchange_info_20211012.json.gz")
    source = ",".join(str(captures / name) for name in parts)
    clock = Clock()
    market = replay(source, clock)
    assert set(market.symbols()) == {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}
    assert market.symbol_info("BLZETH")["quoteAsset"] == "ETH"
    streams = {line.stream for line in read_recording(source) if line.stream}
    sent = [frame.data for frame in play(market, clock, streams=streams)]
    assert sent == [line.data for line in read_recording(source) if line.stream]
    assert orjson.loads(market.depth("LRCBTC", limit=1))["lastUpdateId"] >= 259_345_543


def test_the_silence_between_two_sessions_is_cut_to_a_second() -> None:
    (session,) = sessions_of(read_recording(str(DOT)))
    (later,) = shifted([session], days=3)
    times = playing_times([*session.moments, *later.moments])
    length_ms = session.end_ms - session.start_ms
    assert times[len(session.moments) - 1] == length_ms
    assert times[len(session.moments)] == length_ms + 1_000
    assert times[-1] == 2 * length_ms + 1_000


def test_no_minute_reaches_across_two_sessions(tmp_path: Path) -> None:
    lines = [line for line in read_recording(str(BTC)) if line.stream.endswith("@trade")]
    pause = 3 * DAY_MS * 1_000_000
    early, late = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    path = tmp_path / "two.txt"
    text = [our_line(line.received_ns, line.stream, line.data) for line in early]
    path.write_bytes(b"".join(text + [our_line(line.received_ns + pause, line.stream, line.data) for line in late]))
    clock = Clock()
    frames = play(replay(path, clock), clock, streams=["btcusdt@trade", "btcusdt@kline_1m"])
    assert len(events(frames, "@trade")) == len(lines)
    assert not any(event["k"]["x"] for event in events(frames, "@kline_1m"))


@whole_session
def test_the_whole_sessions_book_equals_the_recorded_tickers() -> None:
    equal, compared = ticker_agreement(f"{captures / 'btcusdt_20240808.gz'},{captures / 'btcusdt_20240809.gz'}")
    assert compared > 1_000
    assert equal / compared >= 0.999


def ticker_agreement(source: str) -> tuple[int, int]:
    """(equal, compared) best prices and quantities, at the update ids both streams name."""
    clock = Clock()
    market = replay(source, clock)
    book = OrderBook(snapshot_of("BTCUSDT", orjson.loads(market.depth("BTCUSDT", limit=5_000))))
    frames = play(market, clock, streams=STREAMS)
    tickers = {event["u"]: [event[letter] for letter in "bBaA"] for event in events(frames, "@bookTicker")}
    equal = compared = 0
    for event in events(frames, "@depth@100ms"):
        if book.apply(diff_of("BTCUSDT", event)) and event["u"] in tickers:
            best = [f"{number:f}" for level in (book.bids(1)[0], book.asks(1)[0]) for number in level]
            equal, compared = equal + (best == tickers[event["u"]]), compared + 1
    return equal, compared

"""Which streams are opened over how many connections, and what is said on them."""

from urllib.parse import parse_qs, urlsplit

import orjson

from pipeline.exchanges.binance.streams import KINDS, MOST_NAMES, connections, resubscription, stream_of

SYMBOLS = [f"COIN{number}USDT" for number in range(200)]


def test_two_hundred_symbols_are_sharded_far_below_the_limits() -> None:
    found = connections("wss://exchange", SYMBOLS)
    streams = [parse_qs(urlsplit(url).query)["streams"][0].split("/") for url, _ in found]
    assert max(map(len, streams)) <= 200 < 1_024
    assert max(len(url) for url, _ in found) < 8_000
    assert sorted(symbol for _, carried in found for symbol in carried) == sorted(SYMBOLS)
    assert sorted(name for names in streams for name in names) == sorted(
        f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in KINDS
    )


def test_one_symbol_is_carried_by_one_connection() -> None:
    for url, carried in connections("wss://exchange", SYMBOLS):
        names = parse_qs(urlsplit(url).query)["streams"][0].split("/")
        assert {name.partition("@")[0] for name in names} == {symbol.lower() for symbol in carried}


def test_a_name_that_is_not_ascii_survives_the_url() -> None:
    ((url, _),) = connections("wss://exchange", ["币安USDT"])
    assert url.isascii()
    assert parse_qs(urlsplit(url).query)["streams"][0].split("/")[0] == "币安usdt@kline_1m"


def test_silent_streams_are_ended_and_begun_anew() -> None:
    messages = [orjson.loads(text) for text in resubscription({"BTCUSDT": ["trade", "depth"]}, number=6)]
    names = ["btcusdt@trade", "btcusdt@depth@100ms"]
    assert messages == [
        {"method": "UNSUBSCRIBE", "params": names, "id": 6},
        {"method": "SUBSCRIBE", "params": names, "id": 7},
    ]


def test_a_control_message_names_no_more_streams_than_are_heard() -> None:
    silent = {symbol: ["trade", "depth"] for symbol in SYMBOLS}
    for text in resubscription(silent, number=1):
        assert len(orjson.loads(text)["params"]) == MOST_NAMES


def test_the_stream_of_a_frame_is_read_without_its_data() -> None:
    assert stream_of(b'{"stream":"btcusdt@depth@100ms","data":{') == ("BTCUSDT", "depth@100ms")
    assert stream_of(b'{"result":null,"id":1}') == ("", "")

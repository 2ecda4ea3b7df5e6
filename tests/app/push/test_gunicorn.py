"""The push room under a real gunicorn: what rests on its internals is checked here."""

from collections.abc import Mapping
from contextlib import ExitStack
from threading import Thread

import psutil
import pytest
import requests

from tests.app.push.conftest import Launch, Server
from tests.app.push.reader import HANDSHAKE, Reader, open_socket
from tests.app.push.world import until

TRADES = "/ws/trades?symbol=BTCUSDT"


def refused(server: Server, path: str = TRADES, headers: Mapping[str, str] | None = None) -> requests.Response:
    sent = {**HANDSHAKE, **(headers or {})}
    return requests.get(f"{server.url}{path}", headers=sent, timeout=5)


def test_taken_over_sockets_are_no_longer_gunicorns(shared: Server) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(open_socket(shared.port, TRADES))
        until(lambda: shared.stat()["clients"] == 50)
        # one connection is the question itself; kept-alive ones of earlier questions are closed by the client
        until(lambda: 0 < shared.stat()["nr_conns"] <= 3, what="gunicorn's count")
        assert shared.stat()["threads"] < 50
    until(lambda: shared.stat()["clients"] == 0)
    assert shared.stat()["nr_conns"] > 0


def test_published_messages_arrive_in_order(shared: Server) -> None:
    with open_socket(shared.port, "/ws/trades?symbol=ETHUSDT") as client:
        first = next(client.texts())
        last = shared.publish("trades", "ETHUSDT", count=100)
        got = client.until_seq(last)
    assert first["type"] == "initial"
    assert [message["seq"] for message in got] == list(range(first["seq"] + 1, last + 1))
    assert all(message["eventTime"] for message in [first, *got])


def test_no_compression_is_agreed_on(shared: Server) -> None:
    with open_socket(shared.port, TRADES) as client:
        assert "permessage-deflate" in HANDSHAKE["Sec-WebSocket-Extensions"]
        assert "sec-websocket-extensions" not in client.head.lower()


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/ws/trades", 400, "symbol"),
        ("/ws/trades?symbol=%24gt", 400, "symbol"),
        ("/ws/trades?symbol=NOPE", 404, "symbol"),
        ("/ws/trades?symbol=BTCUSDT&limit=0", 400, "limit"),
        ("/ws/trades?symbol=BTCUSDT&limit=101", 400, "limit"),
        ("/ws/kline?symbol=BTCUSDT&interval=7m", 400, "interval"),
        ("/ws/kline?symbol=BTCUSDT&limit=501", 400, "limit"),
        ("/ws/kline?symbol=BTCUSDT&limit=%D9%A3", 400, "limit"),
        ("/ws/orderbook?symbol=BTCUSDT&since=-1", 400, "since"),
        ("/ws/orderbook?symbol=BTCUSDT&limit=5", 400, "limit"),
        ("/ws/orderbook?symbol=BTCUSDT&interval=1m", 400, "interval"),
        ("/ws/trades?symbol=BTCUSDT&interval=1m", 400, "interval"),
        ("/ws/trades?symbol=BTCUSDT&symbol=ETHUSDT", 400, "symbol"),
        ("/ws/kline?symbol=BTCUSDT&limit=5&limit=5", 400, "limit"),
        ("/ws/kline?symbol=BTCUSDT&foo=1", 400, "foo"),
    ],
)
def test_a_bad_question_is_refused_before_the_handshake_by_field(
    shared: Server, path: str, status: int, field: str
) -> None:
    answer = refused(shared, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:8050", True),
        ("http://localhost:3000", True),
        ("https://page.example.org", True),
        ("https://evil.example", False),
        ("https://127.0.0.1.evil.example", False),
        ("null", False),
        ("http://127.0.0.1:port", False),
    ],
)
def test_only_pages_of_this_host_or_the_list_may_connect(shared: Server, origin: str | None, allowed: bool) -> None:
    if allowed:
        with open_socket(shared.port, TRADES, origin=origin):
            return
    assert refused(shared, headers={"Origin": str(origin)}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 426),
        ({"Upgrade": "websocket", "Connection": "Upgrade"}, 426),
        ({"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}, 400),
        (
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "short"},
            400,
        ),
    ],
)  # fmt: skip
def test_a_request_that_is_no_handshake_is_the_clients_fault(
    shared: Server, headers: dict[str, str], status: int
) -> None:
    assert requests.get(f"{shared.url}{TRADES}", headers=headers, timeout=5).status_code == status
    assert shared.stat()["clients"] == 0


def test_a_full_house_answers_503_with_retry_after_and_has_room_again(launch: Launch) -> None:
    server = launch(MAX_CLIENTS="2")
    with open_socket(server.port, TRADES), open_socket(server.port, TRADES):
        answer = refused(server)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    until(lambda: server.stat()["clients"] == 0)
    for _ in range(3):
        assert refused(server, "/ws/trades?symbol=NOPE").status_code == 404
    with open_socket(server.port, TRADES), open_socket(server.port, TRADES):
        until(lambda: server.stat()["clients"] == 2)


def test_http_answers_during_a_storm_of_closes(shared: Server) -> None:
    silent = [open_socket(shared.port, TRADES) for _ in range(40)]
    for reader in silent:
        reader.sock.sendall(b"\x81\x01x")  # unmasked: the server closes first, the client stays silent
    assert requests.get(f"{shared.url}/livez", timeout=1).text == "ok"
    until(lambda: shared.stat()["clients"] == 0)
    for reader in silent:
        reader.sock.close()


def test_who_never_reads_is_given_up_while_others_go_on(shared: Server) -> None:
    before = shared.stat()["closed"].get("slow", 0)
    path = "/ws/trades?symbol=LTCUSDT"
    stuck = [open_socket(shared.port, path, receive_buffer=4_096) for _ in range(5)]
    with open_socket(shared.port, path) as client:
        for _ in range(10):
            got = client.until_seq(shared.publish("trades", "LTCUSDT", count=10, pad=4_000))
            assert {message["type"] for message in got} <= {"initial", "realtime"}
        until(lambda: shared.stat()["closed"].get("slow", 0) - before == 5)
    for reader in stuck:
        reader.sock.close()


def test_sigterm_closes_everybody_with_1001(launch: Launch) -> None:
    server = launch()
    readers = [open_socket(server.port, TRADES) for _ in range(100)]
    stopping = Thread(target=server.stop)
    stopping.start()
    assert {_close_code(reader) for reader in readers} == {1001}
    stopping.join(10)
    assert server.process.poll() == 0


def _close_code(reader: Reader) -> int | None:
    with reader:
        reader.rest()
    return reader.closed[0] if reader.closed else None


def test_a_worker_dies_with_a_master_that_was_killed_without_having_to_notice_it(launch: Launch) -> None:
    master = launch().process
    (worker,) = psutil.Process(master.pid).children()
    worker.suspend()  # so that it can't
    master.kill()
    master.wait(5)
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, what="end of the worker")

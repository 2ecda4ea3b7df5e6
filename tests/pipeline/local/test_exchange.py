"""The exchange's standing: served, refused, intercepted, busy or unreachable, each with a way out."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.local.exchange import Preflight, Standing, ask_exchange, ask_stream
from pipeline.local.http import get, reason


@contextmanager
def answering(status: int, body: str = "{}", **headers: str) -> Iterator[str]:
    """The address of a server that answers everything with ``status`` and ``body``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing on the test's terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_exchange_that_pings_back_serves_us() -> None:
    with answering(200, "{}") as place:
        assert ask_exchange(f"http://{place}/").standing is Standing.ANSWERS


@pytest.mark.parametrize("status", [403, 451])
def test_a_refused_country_is_told_from_a_fault_and_lasts(status: int) -> None:
    with answering(status, "<html>") as place:
        preflight = ask_exchange(f"http://{place}")
    assert preflight == Preflight(
        Standing.REFUSED,
        f"{place} refuses to serve this place (HTTP {status})",
        "set BINANCE_REST_URL and BINANCE_WS_URL to hosts that serve you, or SOURCE=simulator",
    )
    assert preflight.standing.is_lasting


def test_a_log_in_page_with_status_200_is_not_the_exchange() -> None:
    with answering(200, "<html>Welcome to the hotel</html>") as place:
        preflight = ask_exchange(f"http://{place}")
    assert preflight.standing is Standing.INTERCEPTED
    assert (
        preflight.said == f"{place} is answered by something between, a proxy or a log-in page, and not by the exchange"
    )
    assert preflight.way_out == "log in to this network, or set HTTPS_PROXY, or SOURCE=simulator"


@pytest.mark.parametrize("body", ["[" * 200_000, '{"error": "please log in"}', "[]", "\0\x1b[2J"])
def test_what_is_not_the_exchanges_own_answer_is_not_the_exchange(body: str) -> None:
    with answering(200, body) as place:
        assert ask_exchange(f"http://{place}").standing is Standing.INTERCEPTED


def test_words_of_a_stranger_are_made_printable() -> None:
    assert "\x1b" not in reason(OSError("\x1b[2J and so on"))
    assert len(reason(OSError("x" * 5000))) == 200


def test_a_redirect_to_a_log_in_page_is_not_the_exchange() -> None:
    with answering(200, "<html>") as hotel, answering(302, "", Location=f"http://{hotel}/") as place:
        assert ask_exchange(f"http://{place}").standing is Standing.INTERCEPTED


def test_a_proxy_that_wants_a_log_in_says_where_it_goes() -> None:
    with answering(407) as place:
        preflight = ask_exchange(f"http://{place}")
    assert preflight.said == f"the proxy before {place} wants a log-in (HTTP 407)"
    assert "HTTPS_PROXY" in preflight.way_out


def test_a_busy_exchange_is_worth_another_try() -> None:
    with answering(503) as place:
        preflight = ask_exchange(f"http://{place}")
    assert (preflight.standing, preflight.said) == (Standing.BUSY, f"{place} answers HTTP 503")
    assert not preflight.standing.is_lasting


def test_an_exchange_nobody_answers_for_is_unreachable_in_the_systems_words() -> None:
    preflight = ask_exchange("http://127.0.0.1:1")
    assert preflight.standing is Standing.UNREACHABLE
    assert preflight.said == "127.0.0.1:1 can't be reached (Connection refused)"
    assert preflight.way_out == "check the network, or HTTPS_PROXY, or SOURCE=simulator"


def test_an_exchange_that_accepts_and_stays_silent_is_unreachable_within_its_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        status, said = get(f"http://{place}", timeout_s=0.2)
        assert (status, said) == (0, "timed out")
        assert ask_exchange(f"http://{place}", lambda url: get(url, timeout_s=0.2)).standing is Standing.UNREACHABLE


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    with answering(200, "x" * 3_000_000) as place:
        status, text = get(f"http://{place}")
    assert (status, len(text)) == (200, 1_000_000)


@pytest.mark.parametrize(
    ("text", "said", "way_out"),
    [
        ("Tunnel connection failed: 407 Log in", "the proxy does not let us through", "HTTPS_PROXY"),
        ("certificate verify failed", "shows a certificate this machine does not trust", "SSL_CERT_FILE"),
    ],
)
def test_what_a_proxy_does_to_an_encrypted_connection_is_named(text: str, said: str, way_out: str) -> None:
    preflight = ask_exchange("https://exchange.example", lambda _: (0, text))
    assert said in preflight.said
    assert way_out in preflight.way_out


def test_a_stream_that_opens_serves_us_and_one_that_does_not_is_named() -> None:
    with answering(101) as place:
        assert ask_stream(f"ws://{place}").standing is Standing.ANSWERS
    with answering(451) as place:
        assert ask_stream(f"ws://{place}").standing is Standing.REFUSED
    with answering(200, "<html>") as place:
        assert ask_stream(f"ws://{place}").said == f"{place} opens no WebSocket (HTTP 200)"
    assert ask_stream("ws://127.0.0.1:1").standing is Standing.UNREACHABLE

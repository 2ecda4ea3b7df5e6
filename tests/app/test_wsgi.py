"""gunicorn gets the app it names, and a refusal is one line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse

import pytest

from pipeline.local.ports import PortBook
from tests.servers.waiting import wait_for

NO_STORES = {"SOURCE": "simulator", "REDIS_PORT": "9", "MONGO_URI": "mongodb://127.0.0.1:9"}


def load(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import app.wsgi; print(sorted(app.wsgi.{name}.blueprints), sorted(vars(app.wsgi).keys() & {{'web', 'push'}}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **NO_STORES, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(("name", "blueprint"), [("web", "api"), ("push", "operations")])
def test_only_the_app_that_is_asked_for_is_built(name: str, blueprint: str) -> None:
    done = load(name)
    assert done.returncode == 0, done.stderr
    assert f"'{blueprint}'" in done.stdout
    assert done.stdout.strip().endswith(f"['{name}']")


def test_an_open_door_is_refused_in_one_line() -> None:
    done = load("web", HTTP_HOST="0.0.0.0")
    assert done.returncode == 4
    assert done.stderr.strip().splitlines()[-1].startswith("candlestream: HTTP_HOST is 0.0.0.0")
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_refused_in_one_line() -> None:
    done = load("web", HTTP_PORT="eighty")
    assert done.returncode == 4
    assert "candlestream: HTTP_PORT is 'eighty'" in done.stderr


def test_another_name_is_no_attribute() -> None:
    assert "AttributeError" in load("application").stderr


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """gunicorn with the web app and no stores."""
    chosen = PortBook().any()
    words = ("-c", "python:app.gunicorn", "--bind", f"127.0.0.1:{chosen}", "app.wsgi:web")
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", *words], env={**os.environ, **NO_STORES})
    try:
        wait_for(lambda: answers(chosen), within_s=30, what="gunicorn's first answer")
        yield chosen
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    try:
        return ask(port, "/livez").status == 200
    except OSError:
        return False


def ask(port: int, path: str, method: str = "GET") -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def test_served_by_gunicorn_nothing_says_what_serves(port: int) -> None:
    for path in ("/", "/livez", "/nothing", "/assets/candlestream.css"):
        response = ask(port, path)
        assert response.getheader("Server") is None
        assert response.getheader("X-Data-Source") == "simulator"


def test_served_by_gunicorn_an_absent_store_is_503_in_time(port: int) -> None:
    assert ask(port, "/ohlc?symbol=BTCUSDT").status == 503
    assert ask(port, "/ws/kline?symbol=BTCUSDT&interval=1m").status in (400, 426)

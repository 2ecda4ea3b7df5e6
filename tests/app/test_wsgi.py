"""gunicorn gets the app it names, and a refusal is one line."""

import os
import subprocess
import sys

import pytest


def load(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import app.wsgi; print(sorted(app.wsgi.{name}.blueprints), sorted(vars(app.wsgi).keys() & {{'web', 'push'}}))"
    )
    no_stores = {"SOURCE": "simulator", "REDIS_PORT": "9", "MONGO_URI": "mongodb://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **no_stores, **environment},
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

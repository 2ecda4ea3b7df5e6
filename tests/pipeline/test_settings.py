"""Settings: every variable is read, documented, and refused by name when it is off."""

import re
from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import plan
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTED = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def variables_read_by(*paths: str) -> set[str]:
    text = "".join((ROOT / path).read_text() for path in paths)
    asked = re.findall(r"""(?:env|environment|said)\.get\(\s*"([A-Z_]+)\"""", text)
    asked += re.findall(r"""(?:variable=|env, |\.port\()"([A-Z_]+)\"""", text)
    return set(asked) - {"PATH"}


def test_every_variable_that_is_read_is_documented() -> None:
    local = [str(path.relative_to(ROOT)) for path in (ROOT / "pipeline" / "local").rglob("*.py")]
    read = variables_read_by("pipeline/settings.py", *local)
    assert len(read) > 20
    assert read - {"CANDLESTREAM_BEGAN", "CANDLESTREAM_SETUP_BYTES"} <= DOCUMENTED


def test_every_variable_settings_read_reaches_the_processes_of_a_stack() -> None:
    decided = {"SOURCE", "DATA_DIR", "MONGO_URI", "REDIS_HOST", "REDIS_PORT", "HTTP_PORT", "PUSH_PORT"}
    decided |= {"KAFKA_BOOTSTRAP", "KAFKA_BROKER"}
    assert variables_read_by("pipeline/settings.py") - decided <= set(plan.PASSED_ON)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings(source="binance")


def test_an_empty_variable_is_an_unset_one() -> None:
    assert Settings.from_environment(dict.fromkeys(DOCUMENTED, "")) == Settings(source="binance")


def test_kafka_broker_is_another_name_for_kafka_bootstrap() -> None:
    assert Settings.from_environment({"KAFKA_BROKER": "a:1"}).kafka_bootstrap == "a:1"
    assert Settings.from_environment({"KAFKA_BROKER": "a:1", "KAFKA_BOOTSTRAP": "b:2"}).kafka_bootstrap == "b:2"


def test_symbols_are_trimmed_put_in_capitals_and_named_once() -> None:
    assert Settings.from_environment({"SYMBOLS": " btcusdt,ETHUSDT,,BTCUSDT "}).symbols == ("BTCUSDT", "ETHUSDT")


def test_a_prefix_and_a_renamed_topic_work_together() -> None:
    topics = Settings.from_environment({"TOPIC_PREFIX": "mine_", "KAFKA_TOPIC": "klines"}).topics
    assert topics.all == ("mine_klines", "mine_crypto_orderbook", "mine_crypto_trades", "mine_crypto_dead_letter")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOURCE", "kraken"),
        ("SOURCE", "replay:"),
        ("HISTORY_DAYS", "-1"),
        ("HTTP_PORT", "70000"),
        ("REDIS_PORT", "0"),
        ("REPLAY_SPEED", "0"),
        ("SIMULATOR_RATE", "nan"),
    ],
)
def test_a_value_that_is_off_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(MisconfiguredError, match=f"^{variable} is '?{value}"):
        Settings.from_environment({variable: value})


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Settings.from_environment({"REDIS_PASSWORD": "secret"}))


def test_settings_once_read_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().http_port = 1  # type: ignore[misc]

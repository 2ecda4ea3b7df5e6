"""The source: decided once, its data kept apart, what does not exist said in one line."""

from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.source import Source, decide


def decided(root: Path, *, answer: tuple[int, str] = (0, "no network"), **environment: str) -> tuple[Source, list[str]]:
    told: list[str] = []
    return decide(environment, root, tell=told.append, ask=lambda _: answer), told


def test_auto_is_binance_where_it_answers(tmp_path: Path) -> None:
    source, told = decided(tmp_path, answer=(200, "{}"))
    assert (source.setting, source.data_dir, source.simulated) == ("binance", tmp_path, False)
    assert told == ["source: Binance answers, so this is the live market"]


@pytest.mark.parametrize(("answer", "why"), [((0, "no network"), "no network"), ((451, "a page"), "HTTP 451")])
def test_auto_is_the_simulator_where_binance_does_not_answer_and_says_why(
    tmp_path: Path, answer: tuple[int, str], why: str
) -> None:
    source, told = decided(tmp_path, answer=answer)
    assert (source.setting, source.data_dir, source.simulated) == ("simulator", tmp_path / "sim", True)
    assert f"({why})" in told[0]


def test_binance_that_was_asked_for_is_not_asked_whether_it_answers(tmp_path: Path) -> None:
    source, told = decided(tmp_path, SOURCE="binance")
    assert (source.setting, told) == ("binance", [])


def test_two_seeds_are_two_sources(tmp_path: Path) -> None:
    first, _ = decided(tmp_path, SOURCE="simulator")
    second, _ = decided(tmp_path, SOURCE="simulator", SIMULATOR_SEED="2")
    assert first.mark == "simulator:seed=1"
    assert second.mark == "simulator:seed=2"


def test_a_replay_lives_in_a_folder_named_after_its_recordings(tmp_path: Path) -> None:
    for name in ("one day.gz", "two.gz"):
        (tmp_path / name).write_text("")
    source, _ = decided(tmp_path, SOURCE=f"replay:{tmp_path}/one day.gz,{tmp_path}/two.gz")
    assert source.setting == f"replay:{tmp_path}/one day.gz,{tmp_path}/two.gz"
    assert source.data_dir == tmp_path / "replay" / "one-day-gz+two-gz"
    assert source.mark == "replay:one-day-gz+two-gz"


def test_long_lists_of_recordings_get_short_names_that_differ(tmp_path: Path) -> None:
    names = [tmp_path / f"{'recording' * 5}{number}" for number in range(6)]
    for path in names:
        path.write_text("")
    first, _ = decided(tmp_path, SOURCE=f"replay:{','.join(map(str, names))}")
    second, _ = decided(tmp_path, SOURCE=f"replay:{','.join(map(str, names[:-1]))}")
    assert len(first.data_dir.name) <= 80
    assert first.data_dir != second.data_dir


def test_a_recording_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError) as error:
        decided(tmp_path, SOURCE=f"replay:{tmp_path}/nothing.gz")
    assert str(error.value) == (
        f"SOURCE=replay: {tmp_path}/nothing.gz does not exist; give a file, a comma list or a folder"
    )


@pytest.mark.parametrize("text", ["kraken", "replay:", "simulator:7"])
def test_a_source_nobody_knows_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MisconfiguredError, match="expected auto, binance, simulator or replay:PATH"):
        decided(tmp_path, SOURCE=text)

"""The source: decided once, its data kept apart, what does not exist said in one line."""

import re
from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.source import Source, begin_anew, decide


def decided(root: Path, *, answer: tuple[int, str] = (0, "no network"), **environment: str) -> tuple[Source, list[str]]:
    told: list[str] = []
    return decide(environment, root, tell=told.append, ask=lambda _: answer), told


def recording(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "day.gz").write_text("")
    return folder / "day.gz"


def test_auto_is_binance_where_it_answers(tmp_path: Path) -> None:
    source, told = decided(tmp_path, answer=(200, "{}"))
    assert (source.setting, source.data_dir, source.simulated) == ("binance", tmp_path, False)
    assert told == ["source: Binance answers, so this is the live market"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((0, "no network"), "can't be reached (no network)"),
        ((451, "a page"), "refuses to serve this place (HTTP 451)"),
        ((200, "<html>log in</html>"), "is answered by something between, a proxy or a log-in page"),
    ],
)
def test_auto_is_the_simulator_where_binance_does_not_answer_and_says_why(
    tmp_path: Path, answer: tuple[int, str], why: str
) -> None:
    source, told = decided(tmp_path, answer=answer)
    assert (source.setting, source.data_dir, source.simulated) == ("simulator", tmp_path / "sim", True)
    assert told[0].startswith("source: simulator, because ")
    assert why in told[0]


@pytest.mark.parametrize(("answer", "why"), [((451, ""), "refuses to serve this place"), ((200, "<html>"), "between")])
def test_binance_that_was_insisted_on_and_will_never_serve_us_is_refused_with_the_way_out(
    tmp_path: Path, answer: tuple[int, str], why: str
) -> None:
    with pytest.raises(MisconfiguredError, match=rf"{why}.*; .*SOURCE=simulator"):
        decided(tmp_path, answer=answer, SOURCE="binance")


@pytest.mark.parametrize("answer", [(0, "no network"), (503, "")])
def test_binance_that_was_insisted_on_and_is_away_is_waited_for(tmp_path: Path, answer: tuple[int, str]) -> None:
    source, told = decided(tmp_path, answer=answer, SOURCE="binance")
    assert source.setting == "binance"
    assert told[0].startswith("source: Binance, though ")
    assert told[0].endswith("ingest goes on trying, ./run doctor says more")


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
    assert source.data_dir.parent == tmp_path / "replay"
    assert re.fullmatch(r"one-day-gz\+two-gz-[0-9a-f]{8}", source.data_dir.name)
    assert source.mark == f"replay:{source.data_dir.name}"


def test_recordings_of_one_name_in_two_folders_are_two_sources(tmp_path: Path) -> None:
    sources = [decided(tmp_path, SOURCE=f"replay:{recording(tmp_path / name)}")[0] for name in ("monday", "tuesday")]
    assert sources[0].mark != sources[1].mark
    assert sources[0].data_dir != sources[1].data_dir


def test_a_recording_with_its_times_shifted_is_another_source(tmp_path: Path) -> None:
    text = f"replay:{recording(tmp_path)}"
    plain, _ = decided(tmp_path, SOURCE=text)
    shifted, _ = decided(tmp_path, SOURCE=text, REPLAY_SHIFT="1")
    said_no, _ = decided(tmp_path, SOURCE=text, REPLAY_SHIFT="0")
    assert plain == said_no
    assert plain.mark != shifted.mark


def test_a_replay_begins_with_its_own_folder_empty_and_touches_no_other(tmp_path: Path) -> None:
    root = tmp_path / "data"
    source, _ = decided(root, SOURCE=f"replay:{recording(tmp_path)}")
    others = [recording(root), recording(root / "sim"), recording(root / "replay" / "another"), tmp_path / "day.gz"]
    recording(source.data_dir / "kafka")
    (source.data_dir / "link").symlink_to(root / "sim")
    assert begin_anew(source, root)
    assert not source.data_dir.exists()
    assert all(path.exists() for path in others)
    assert not begin_anew(source, root)


@pytest.mark.parametrize("name", ["binance", "simulator"])
def test_a_source_that_is_no_replay_keeps_its_data(tmp_path: Path, name: str) -> None:
    source, _ = decided(tmp_path, answer=(200, "{}"), SOURCE=name)
    kept = recording(source.data_dir)
    assert not begin_anew(source, tmp_path)
    assert kept.exists()


def test_a_replay_folder_that_leads_elsewhere_is_not_emptied(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "data", recording(tmp_path / "elsewhere")
    source, _ = decided(root, SOURCE=f"replay:{elsewhere}")
    source.data_dir.parent.mkdir(parents=True)
    source.data_dir.symlink_to(elsewhere.parent)
    with pytest.raises(MisconfiguredError, match="leads elsewhere, so it was not emptied"):
        begin_anew(source, root)
    assert elsewhere.exists()


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

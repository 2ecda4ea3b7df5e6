"""A recording's file: whole after every write, never written over, whole again after a write that failed."""

import gzip
import os
from pathlib import Path

import pytest

from pipeline.adapters import recording
from pipeline.adapters.recording import RecordingFile
from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.recording import RestAnswer, answer_line, frame_line, remark_line
from pipeline.simulator.replay.formats import parse_line


def text_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("name", ["day.gz", "day.txt"])
def test_the_file_can_be_read_after_every_write(tmp_path: Path, name: str) -> None:
    file = RecordingFile(tmp_path / "new" / name)
    for count in range(1, 4):
        file.append(b"a line\n")
        assert text_of(file.path) == b"a line\n" * count
        assert (file.size, file.lines) == (file.path.stat().st_size, count)
    file.close()


def test_there_is_no_file_before_the_first_write(tmp_path: Path) -> None:
    RecordingFile(tmp_path / "day.gz").close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "day.gz")
    file.path.write_text("mine")
    with pytest.raises(MisconfiguredError, match="is there already and is not written over; name another file"):
        file.append(b"a line\n")
    assert file.path.read_text() == "mine"


@pytest.mark.parametrize("name", ["day.gz", "day.txt"])
def test_half_a_write_is_undone(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RecordingFile(tmp_path / name)
    file.append(b"a line\n")

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "_write", half)
    with pytest.raises(MisconfiguredError, match=r"\(No space left on device\); its 1 lines so far are kept"):
        file.append(b"another\n")
    assert text_of(file.path) == b"a line\n"


def test_a_line_says_byte_for_byte_what_came() -> None:
    data = b'{"e":"trade","s":"A","p":"1.00"}'
    line = parse_line(frame_line(b'{"stream":"a@trade","data":' + data + b"}", received_ns=10**18).rstrip())
    assert line == (10**18, "a@trade", "", data)
    answer = RestAnswer("/api/v3/depth?symbol=A&limit=1000", b'{"lastUpdateId":7}')
    line = parse_line(answer_line(answer, received_ns=10**18).rstrip())
    assert line == (10**18, "", answer.target, answer.body)


def test_line_ends_between_tokens_do_not_break_a_line() -> None:
    line = frame_line(b'{"stream":"a@trade","data":{"p":\r\n"1"}}\n', received_ns=10**18)
    assert line.count(b"\n") == 1
    assert (parse_line(line.rstrip()) or [b""])[-1] == b'{"p":  "1"}'


def test_a_remark_is_no_message() -> None:
    assert parse_line(remark_line("two\nlines").rstrip()) is None

"""A recording torn at its end, wherever: every whole line is read and nothing else."""

import gzip
from pathlib import Path

import pytest

from pipeline.simulator.replay.formats import read_recording

LINES = (
    b'1723161253937085768 {"stream":"btcusdt@trade","data":{"e":"trade","t":1}}\n',
    b'1723161253937085769 {"stream":"btcusdt@kline_1m","data":{"e":"kline","k":{"t":1,"x":false}}}\n',
    b'1723161253937085770 {"rest":"/api/v3/depth?symbol=BTCUSDT","body":{"lastUpdateId":7,"bids":[["1","2"]]}}\n',
)
FIRST, LAST = b"".join(LINES[:1]), b"".join(LINES[1:])


def lines_read(path: Path) -> int:
    return len(read_recording(str(path)))


@pytest.mark.parametrize("cut", range(len(LAST) + 1))
def test_a_plain_file_is_read_up_to_its_last_whole_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "torn.txt"
    path.write_bytes(FIRST + LAST[:cut])
    assert lines_read(path) == 1 + (cut >= len(LINES[1]) - 1) + (cut >= len(LAST) - 1)


def test_a_packed_file_is_read_up_to_its_last_whole_member_at_least(tmp_path: Path) -> None:
    whole, torn = gzip.compress(FIRST), gzip.compress(LAST)
    path = tmp_path / "torn.gz"
    for cut in range(len(torn)):
        path.write_bytes(whole + torn[:cut])
        assert 1 <= lines_read(path) <= 3, f"cut after {cut} of {len(torn)} bytes"
    path.write_bytes(whole + torn)
    assert lines_read(path) == 3


def test_what_was_torn_is_said_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "torn.gz"
    path.write_bytes(gzip.compress(FIRST) + gzip.compress(LAST)[:-9])
    read_recording(str(path))
    assert f"{path} is torn" in caplog.text


def test_a_torn_file_does_not_keep_its_folder_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "1.gz").write_bytes(gzip.compress(FIRST)[:-3])
    (tmp_path / "2.gz").write_bytes(gzip.compress(LAST))
    assert lines_read(tmp_path) == 3

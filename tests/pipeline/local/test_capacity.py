"""Disk and memory: how much is left, and the one line where it is too little."""

import errno
import os
import re
from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import capacity
from pipeline.local.processes import OWN, SERVERS


def test_room_is_asked_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert capacity.standing(tmp_path / "not" / "yet") == tmp_path
    assert capacity.free_bytes(tmp_path / "not" / "yet") > 0


def test_too_little_disk_says_how_much_is_needed_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError) as error:
        capacity.require_disk(tmp_path / "new", 10**9, what="a stack's data", way_out="free some")
    said = str(error.value)
    assert said.startswith(f"a stack's data needs about {10**9} MB of disk and {tmp_path} has ")
    assert said.endswith(" MB left; free some")
    capacity.require_disk(tmp_path, 0, what="nothing", way_out="")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, r"the disk of .* is full \(\d+ MB left\); free some, or or else"),
        (errno.EDQUOT, r"is full"),
        (errno.EROFS, r"x can't be written \(Read-only file system\); or else"),
        (errno.EACCES, r"x can't be written \(Permission denied\); or else"),
        (errno.ENOTDIR, r"x can't be written \(Not a directory\); or else"),
    ],
)
def test_a_write_that_cannot_succeed_is_a_fault_with_the_way_out(tmp_path: Path, code: int, said: str) -> None:
    fault = capacity.disk_fault(OSError(code, os.strerror(code)), tmp_path / "x", way_out="or else")
    assert re.search(said, str(fault))


def test_an_error_of_another_kind_is_nobodys_disk(tmp_path: Path) -> None:
    assert capacity.disk_fault(OSError(errno.ECONNRESET, "reset"), tmp_path, way_out="") is None


def test_available_memory_counts_swap_and_what_gives_way(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable: 100000 kB\nSwapFree: 20000 kB\nHuge: 0\n")
    assert capacity.available_mb(tmp_path / "meminfo") == 122


def test_too_little_memory_names_both_figures_and_three_ways_out() -> None:
    with pytest.raises(MisconfiguredError) as error:
        capacity.require_memory(("kafka", "mongod"), available=609)
    assert str(error.value) == (
        "too little memory: this start needs about 610 MB and 609 MB are free; end other programs, "
        "leave parts out (--without web,push,…), or use servers elsewhere (KAFKA_BOOTSTRAP, MONGO_URI, REDIS_HOST)"
    )
    capacity.require_memory(("kafka", "mongod"), available=610)


def test_the_need_of_every_process_is_known() -> None:
    assert set(capacity.RESIDENT_MB) == {*SERVERS, *OWN}


def test_a_folder_is_writable_if_a_file_can_be_made_in_it_and_nothing_stays(tmp_path: Path) -> None:
    assert capacity.is_writable(tmp_path / "new" / "folder")
    assert not capacity.is_writable(Path("/proc/1"))
    assert list(tmp_path.iterdir()) == []


def test_links_to_one_file_take_its_room_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 3_000_000)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert capacity.size_mb(tmp_path) == 3


def test_kills_for_lack_of_memory_are_counted_by_the_system(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free 1\noom_kill 7\n")
    assert capacity.oom_kills(tmp_path / "vmstat") == 7
    assert capacity.oom_kills(tmp_path / "none") == 0

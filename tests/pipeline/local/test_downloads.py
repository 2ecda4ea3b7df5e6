"""Downloads: resumed within a file, verified before a file gets its name, fetched anew when harmed."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local import downloads
from pipeline.local.downloads import RemoteFile, bytes_to_come, missing
from tests.pipeline.local.alone import in_world, small_disk

CONTENT = b"class files, ten thousand of them" * 300


@dataclass
class Repository:
    """A server of one file: what it sends, after how many bytes it hangs up, whether it knows ranges."""

    content: bytes = CONTENT
    breaks_after: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""

    @property
    def file(self) -> RemoteFile:
        return RemoteFile("thing.jar", f"{self.url}/thing.jar", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))

    def fetch(self, folder: Path, *, tries: int = 2) -> int:
        arrived: list[int] = []
        downloads.fetch([self.file], folder, advance=arrived.append, tries=tries)
        return sum(arrived)


@pytest.fixture
def repository() -> Iterator[Repository]:
    told = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"] if told.knows_ranges else None
            told.ranges.append(self.headers["Range"])
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            found = self.path == "/thing.jar"
            code = 404 if not found else 416 if start >= len(told.content) else 206 if wanted else 200
            body = told.content[start:] if code in (200, 206) else b""
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: told.breaks_after.pop(0)] if told.breaks_after else body)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told.url = f"http://127.0.0.1:{server.server_port}"
        yield told
        server.shutdown()


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path, repository: Repository) -> None:
    assert repository.fetch(tmp_path) == len(CONTENT)
    assert repository.fetch(tmp_path) == 0
    assert len(repository.ranges) == 1


def test_a_cut_off_file_is_fetched_anew(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "thing.jar").write_bytes(CONTENT[:100])
    assert missing([repository.file], tmp_path) == [repository.file]
    repository.fetch(tmp_path)
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_a_file_that_a_disk_has_harmed_is_fetched_anew(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "thing.jar").write_bytes(CONTENT[::-1])
    assert repository.fetch(tmp_path) == len(CONTENT)
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_a_full_disk_is_said_once_and_what_fits_is_kept(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "cache").mkdir()
    file = repository.file
    script = (
        "from pathlib import Path; from pipeline.local import downloads\n"
        f"file = downloads.RemoteFile({file.name!r}, {file.url!r}, {file.sha256!r}, {file.size})\n"
        f"folder = Path({str(tmp_path / 'cache')!r})\n"
        "try: downloads.fetch([file], folder, advance=lambda _: None)\n"
        "except downloads.MisconfiguredError as error: print(error, (folder / 'thing.jar.part').stat().st_size)\n"
    )
    world = in_world(small_disk(tmp_path / "cache", "8k"))
    done = subprocess.run([*world, sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"the disk of {tmp_path}/cache is full (0 MB left); free some, or set CANDLESTREAM_CACHE to another "
        "place, then start again: what has come is kept 8192\n"
    )
    assert repository.ranges == [None]


def test_a_download_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "thing.jar.part").write_bytes(CONTENT[:1000])
    assert bytes_to_come([repository.file], tmp_path) == len(CONTENT) - 1000
    assert repository.fetch(tmp_path) == len(CONTENT) - 1000
    assert repository.ranges == ["bytes=1000-"]
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_taken_up_again_within_the_same_fetch(
    tmp_path: Path, repository: Repository
) -> None:
    repository.breaks_after = [4000]
    assert repository.fetch(tmp_path) == len(CONTENT)
    assert repository.ranges == [None, "bytes=4000-"]
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_what_came_before_the_last_try_failed_is_kept_for_the_next_start(
    tmp_path: Path, repository: Repository
) -> None:
    repository.breaks_after = [4000]
    with pytest.raises(TransientError, match=f"thing.jar broke off after 4000 of {len(CONTENT)} bytes"):
        repository.fetch(tmp_path, tries=1)
    assert (tmp_path / "thing.jar.part").read_bytes() == CONTENT[:4000]


def test_a_server_without_ranges_sends_all_again(tmp_path: Path, repository: Repository) -> None:
    repository.knows_ranges = False
    (tmp_path / "thing.jar.part").write_bytes(CONTENT[:1000])
    assert repository.fetch(tmp_path) == len(CONTENT) - 1000
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_a_download_killed_before_its_last_step_needs_no_byte_more(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "thing.jar.part").write_bytes(CONTENT)
    assert repository.fetch(tmp_path) == 0
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_bytes_with_another_hash_never_get_the_name(tmp_path: Path, repository: Repository) -> None:
    repository.content = CONTENT[::-1]
    with pytest.raises(TransientError, match=f"thing.jar: expected sha256 {repository.file.sha256}, got "):
        repository.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_file_harmed_while_it_was_cut_off_comes_again_whole(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "thing.jar.part").write_bytes(b"?" * 1000)
    assert repository.fetch(tmp_path) == len(CONTENT) - 1000
    assert repository.ranges == ["bytes=1000-", None]
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT


def test_a_file_the_server_does_not_have_is_named_with_its_answer(tmp_path: Path, repository: Repository) -> None:
    other = RemoteFile("other.jar", f"{repository.url}/other.jar", "", 1)
    with pytest.raises(TransientError, match=r"other\.jar could not be downloaded: HTTP 404"):
        downloads.fetch([other], tmp_path, advance=print, tries=1)


def test_a_server_that_is_not_there_is_said_in_its_own_words(tmp_path: Path) -> None:
    away = RemoteFile("thing.jar", "http://127.0.0.1:1/thing.jar", "", 1)
    with pytest.raises(TransientError, match=r"thing\.jar could not be downloaded: Connection refused"):
        downloads.fetch([away], tmp_path, advance=print, tries=1)


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MisconfiguredError, match=r"file can't be written \(.*set CANDLESTREAM_CACHE"):
        repository.fetch(tmp_path / "file")


def test_two_starts_that_want_one_file_fetch_it_once(tmp_path: Path, repository: Repository) -> None:
    starts = [threading.Thread(target=repository.fetch, args=(tmp_path,)) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join(20)
    assert len(repository.ranges) == 1
    assert (tmp_path / "thing.jar").read_bytes() == CONTENT

"""Jars: verified before they get their name, fetched anew when harmed, an interrupted download goes on."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jgo.maven import MavenContext

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local import jars, maven
from pipeline.local.jars import Advance, Jar

CONTENT = b"class files, ten thousand of them" * 300
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class MemoryRepository:
    """A repository whose answers are given one after the other."""

    def __init__(self, *answers: bytes) -> None:
        self.asked = 0
        self._answers = answers

    def download(self, jar: Jar, partial: Path, advance: Advance) -> None:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        partial.write_bytes(answer)
        advance(len(answer))


def fetch(folder: Path, repository: MemoryRepository) -> int:
    arrived: list[int] = []
    jars.fetch([JAR], folder, download=repository.download, advance=arrived.append)
    return sum(arrived)


def test_the_lock_file_names_kafka_and_all_it_needs() -> None:
    locked = jars.read_lock()
    assert ("org.apache.kafka", "kafka_2.13", "4.1.0") in {(jar.group, jar.artifact, jar.version) for jar in locked}
    assert len(locked) == len({jar.file_name for jar in locked}) == 46
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    repository = MemoryRepository(CONTENT)
    assert fetch(tmp_path, repository) == len(CONTENT)
    assert fetch(tmp_path, repository) == 0
    assert repository.asked == 1


def test_a_cut_off_jar_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / JAR.file_name).write_bytes(CONTENT[:100])
    assert jars.missing([JAR], tmp_path) == [JAR]
    fetch(tmp_path, MemoryRepository(CONTENT))
    assert (tmp_path / JAR.file_name).read_bytes() == CONTENT


def test_bytes_with_another_hash_never_get_the_name_and_come_again(tmp_path: Path) -> None:
    repository = MemoryRepository(CONTENT[::-1], CONTENT)
    assert fetch(tmp_path, repository) == len(CONTENT)
    assert repository.asked == 2
    assert (tmp_path / JAR.file_name).read_bytes() == CONTENT
    assert not list(tmp_path.glob("*.part"))


def test_a_repository_that_only_has_other_bytes_ends_in_an_error_naming_both_hashes(
    tmp_path: Path,
) -> None:
    repository = MemoryRepository(CONTENT[::-1])
    with pytest.raises(TransientError, match=f"thing-1.0.jar: expected sha256 {JAR.sha256}"):
        jars.fetch([JAR], tmp_path, download=repository.download, advance=lambda _: None, tries=2)
    assert repository.asked == 2
    assert not (tmp_path / JAR.file_name).exists()


def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MisconfiguredError, match="set CANDLESTREAM_CACHE"):
        fetch(tmp_path / "file", MemoryRepository(CONTENT))


@pytest.fixture
def served() -> Iterator[tuple[MavenContext, list[str | None]]]:
    """A repository over HTTP that knows ranges, and the ranges it was asked for."""
    ranges: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            ranges.append(wanted)
            found = self.path == "/org/example/thing/1.0/thing-1.0.jar"
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            self.send_response((206 if wanted else 200) if found else 404)
            self.end_headers()
            self.wfile.write(CONTENT[start:] if found else b"")

        def log_message(self, *_: object) -> None:
            """Nothing on the test's terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield MavenContext(remote_repos={"here": f"http://127.0.0.1:{server.server_port}"}), ranges
        server.shutdown()


def test_an_interrupted_download_goes_on_where_it_stopped(
    tmp_path: Path, served: tuple[MavenContext, list[str | None]]
) -> None:
    context, ranges = served
    partial, arrived = tmp_path / "thing.part", list[int]()
    partial.write_bytes(CONTENT[:1000])
    maven.download(JAR, partial, arrived.append, context=context)
    assert partial.read_bytes() == CONTENT
    assert ranges == ["bytes=1000-"]
    assert sum(arrived) == len(CONTENT) - 1000


def test_a_jar_the_repository_does_not_have_is_named(
    tmp_path: Path, served: tuple[MavenContext, list[str | None]]
) -> None:
    with pytest.raises(TransientError, match=r"other-1\.0\.jar could not be downloaded: 404"):
        maven.download(Jar("org.example", "other", "1.0", "", 1), tmp_path / "part", print, context=served[0])

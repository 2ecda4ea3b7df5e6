"""The pinned packages: what is to be fetched, and what a failed installation means to the person who waits."""

import pytest

from pipeline.domain.faults import Fault
from pipeline.local.downloads import RemoteFile
from pipeline.local.packages import last_line, locked_files, meaning, pinned_file
from tests.pipeline.local.index import WHEEL, serving_index

LOCK = """
lock-version = "1.0"
[[packages]]
name = "thing"
version = "1"
wheels = [
    { url = "https://index.example/a/thing-1-py3-none-any.whl", size = 7, hashes = { sha256 = "aa" } },
    { url = "https://index.example/b/thing-1-cp311-cp311-linux.whl", size = 9, hashes = { sha256 = "bb" } },
]
"""


def test_the_wheel_made_for_this_platform_goes_before_the_one_for_any() -> None:
    assert locked_files(LOCK, pins="sha256:aa sha256:bb") == [
        RemoteFile("thing-1-cp311-cp311-linux.whl", "https://index.example/b/thing-1-cp311-cp311-linux.whl", "bb", 9)
    ]


def test_only_a_wheel_whose_hash_is_pinned_is_fetched() -> None:
    (file,) = locked_files(LOCK, pins="sha256:aa")
    assert file.sha256 == "aa"
    with pytest.raises(Fault, match="has no wheel of thing whose hash is pinned"):
        locked_files(LOCK, pins="sha256:cc")


def test_the_pinned_file_is_found_by_its_hash_in_the_index() -> None:
    with serving_index() as index:
        pin = index.requirements
        file = pinned_file(pin, index.url)
        assert (file.name, file.size) == (WHEEL, len(index.wheel))
        assert file.url == f"{index.url.removesuffix('/simple')}/files/{WHEEL}"
        with pytest.raises(Fault, match="does not list nothing==1 with its pinned hash"):
            pinned_file("nothing==1 --hash=sha256:00", index.url)


def test_an_index_that_is_not_there_says_what_to_check() -> None:
    with pytest.raises(Fault, match=r"the packages can't be fetched: .*HTTPS_PROXY.*127\.0\.0\.1: Connection refused"):
        pinned_file("nothing==1 --hash=sha256:00", "http://127.0.0.1:1/simple")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("error: Failed to install\n  Caused by: No space left on device (os error 28)", "the disk is full"),
        ("× Failed to download `x`\n╰─▶ Hash mismatch for `x`", "does not have its pinned hash"),
        ("error: Request failed after 3 retries\n  Caused by: dns error", "check the network, or the proxy"),
        ("error: something new", "see its last words"),
    ],
)
def test_the_words_of_pip_and_uv_are_translated(said: str, means: str) -> None:
    assert means in meaning(said)


def test_the_last_words_are_one_line_without_the_drawing_around_them() -> None:
    assert last_line("  × No solution found\n  ╰─▶ Because x\n\n    hint: try y\n") == "Because x"

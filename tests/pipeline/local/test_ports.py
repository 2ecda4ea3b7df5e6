"""Ports: a taken default moves on, a taken port that was asked for is an error, no two stacks choose the same one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.ports import PortBook, is_free, is_listening


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def book(tmp_path: Path) -> PortBook:
    return PortBook(tmp_path)


def test_a_port_somebody_listens_on_is_not_free(taken: int) -> None:
    assert is_listening("127.0.0.1", taken)
    assert not is_free("127.0.0.1", taken)


def test_a_taken_default_moves_to_the_next_free_port_and_says_so(book: PortBook, taken: int) -> None:
    told: list[str] = []
    port = book.choose({}, variable="HTTP_PORT", default=taken, tell=told.append)
    assert port > taken
    assert told == [f"port {taken} is taken; HTTP_PORT is {port}"]


def test_a_free_default_is_taken_in_silence(book: PortBook, tmp_path: Path) -> None:
    free, told = PortBook(tmp_path / "other").any(), list[str]()
    assert book.choose({}, variable="HTTP_PORT", default=free, tell=told.append) == free
    assert told == []


def test_a_taken_port_that_was_asked_for_is_an_error_naming_the_variable(book: PortBook, taken: int) -> None:
    with pytest.raises(MisconfiguredError, match=f"HTTP_PORT is {taken}, and that port is taken"):
        book.choose({"HTTP_PORT": str(taken)}, variable="HTTP_PORT", default=1, tell=print)


@pytest.mark.parametrize("text", ["0", "65536", "eighty", "-1"])
def test_what_is_no_port_is_refused(book: PortBook, text: str) -> None:
    with pytest.raises(MisconfiguredError, match="expected a port from 1 to 65535"):
        book.choose({"HTTP_PORT": text}, variable="HTTP_PORT", default=1, tell=print)


def test_two_stacks_that_start_together_get_different_ports(tmp_path: Path) -> None:
    first, second = PortBook(tmp_path), PortBook(tmp_path)
    port = first.any()
    assert not second.claim(port)
    assert second.choose({}, variable="HTTP_PORT", default=port, tell=lambda _: None) != port


def test_a_claim_holds_against_another_stack_until_it_is_given_back(tmp_path: Path) -> None:
    mine, others = PortBook(tmp_path), PortBook(tmp_path)
    port = mine.any()
    assert not others.claim(port)
    mine.close()
    assert others.claim(port)

"""Progress of a download: lines that are worth reading, or a bar where there is a terminal."""

import io

from pipeline.local.progress import DownloadBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def downloaded(out: io.StringIO, *, seconds_a_step: float) -> str:
    now = [0.0]
    with DownloadBar("packages", 100_000_000, out=out, clock=lambda: now[0]) as bar:
        for _ in range(100):
            now[0] += seconds_a_step
            bar.advance(1_000_000)
    return out.getvalue()


def test_elsewhere_it_is_a_line_every_tenth_with_speed_and_time_left() -> None:
    lines = downloaded(io.StringIO(), seconds_a_step=0.5).splitlines()
    assert len(lines) == 10
    assert lines[0] == "packages: 10.0 of 100.0 MB, 2.0 MB/s, 45 s left"
    assert lines[-1] == "packages: 100.0 of 100.0 MB, 2.0 MB/s"


def test_a_download_of_a_moment_is_one_line() -> None:
    assert len(downloaded(io.StringIO(), seconds_a_step=0.001).splitlines()) == 1


def test_on_a_terminal_the_bar_stays_on_its_line_and_ends_full() -> None:
    drawn = downloaded(Terminal(), seconds_a_step=0.5)
    assert drawn.count("\n") == 1
    assert drawn.endswith(f"[{'#' * 30}] packages: 100.0 of 100.0 MB, 2.0 MB/s\n")
    assert f"[{'#' * 15}{'.' * 15}] packages: 50.0 of" in drawn


def test_bytes_that_have_to_come_again_take_the_bar_back() -> None:
    bar = DownloadBar("packages", 100, out=io.StringIO())
    bar.advance(60)
    bar.advance(-60)
    assert bar.arrived == 0
    assert bar.line().startswith("packages: 0.0 of 0.0 MB")

"""``./run record PATH``: the exchange's own bytes, kept for ``SOURCE=replay:PATH``."""

import os
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from pipeline.adapters.recording import refuse_existing
from pipeline.domain.faults import MisconfiguredError
from pipeline.local.commands.stage import stage_environment
from pipeline.local.meter import Meter, size
from pipeline.recording import Recording
from pipeline.settings import Settings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600}


@click.command
@click.argument("path", metavar="PATH")
@click.option("--for", "length", metavar="DURATION", help="Stop after so long: 30s, 10m, 2h. Without it, Ctrl-C stops.")
@click.option("--symbols", metavar="A,B", help="What to record; SYMBOLS if left out.")
@click.option("--dry-run", is_flag=True, help="See that the exchange answers and say what would be recorded; no file.")
def command(path: str, length: str | None, symbols: str | None, dry_run: bool) -> None:
    """Keep the exchange's raw frames, byte for byte, for SOURCE=replay:PATH.

    Kept are klines, depth differences, trades and best prices of each symbol, what the exchange lists of it, and a full
    book each time its differences begin. PATH is a new file (packed if it ends in .gz), or a folder (one that is there,
    or a name ending in /), in which each start makes a file named after the moment.

    The exchange is that of BINANCE_WS_URL and BINANCE_REST_URL, else that of the stack on this DATA_DIR, else Binance.
    No Kafka, MongoDB or Redis is needed. A kill or a full disk leaves a recording up to the last second.
    """
    for_s = seconds_of(length) if length else None
    file = destination(path, datetime.now(UTC))
    settings = exchange_settings(os.environ, symbols)
    if dry_run:
        _rehearse(Recording(settings, file, tell=partial(click.echo, err=True)))
    else:
        _record(settings, file, for_s)


def exchange_settings(environment: Mapping[str, str], symbols: str | None) -> Settings:
    """The settings of the exchange to record: the environment's, else the running stack's, else Binance.

    Raises MisconfiguredError where a simulated exchange is asked for and none runs.
    """
    words = stage_environment(environment)
    settings = Settings.from_environment({**words, "SYMBOLS": symbols or words.get("SYMBOLS") or ""})
    if settings.source_kind in ("simulator", "replay") and not words.get("BINANCE_WS_URL"):
        raise MisconfiguredError(
            f"SOURCE is {settings.source}, and no stack runs on this DATA_DIR that offers it; start one with ./run, "
            "or leave SOURCE out to record Binance"
        )
    return settings


def destination(text: str, now: datetime) -> Path:
    """The file to record into. Raises MisconfiguredError if it is there already or could not be replayed."""
    if "," in text:
        raise MisconfiguredError(f"{text} holds a comma, which separates recordings in SOURCE=replay:; name it without")
    path = Path(text).expanduser()
    if text.endswith(os.sep) or path.is_dir():
        path = path / f"{now:%Y%m%dT%H%M%SZ}.gz"
    path = path.absolute()
    refuse_existing(path)
    return path


def seconds_of(text: str) -> float:
    """A duration such as 30s, 10m or 2h in seconds. Raises MisconfiguredError."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not float(found[1]):
        raise MisconfiguredError(f"--for is {text!r}; expected a duration such as 30s, 10m or 2h")
    return float(found[1]) * _SECONDS[found[2]]


def summary(recording: Recording) -> str:
    """One line: frames by kind, books, duration, file, and how to replay it."""
    kept, file = recording.kept, recording.file
    if not file.lines:
        return "nothing came, and nothing was recorded"
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kept.frames.items()))
    return (
        f"recorded {kept.total:,} frames ({kinds}) and books of {len(kept.books)} of {len(recording.symbols)} symbols "
        f"in {recording.elapsed_s:.0f} s, {kept.reconnects} reconnects: {size(file.size)} in {file.path}; "
        f"replay it with SOURCE=replay:{shlex.quote(str(file.path))} ./run"
    )


def _rehearse(recording: Recording) -> None:
    recording.check()
    click.echo(
        f"the exchange answers; would record klines, depth, trades and best prices of {', '.join(recording.symbols)} "
        f"into {recording.file.path}; nothing was written"
    )


def _record(settings: Settings, file: Path, for_s: float | None) -> None:
    meter = Meter()
    recording = Recording(settings, file, tell=meter.tell)
    try:
        recording.run(for_s=for_s, watch=meter.show)
    finally:
        meter.close()
    click.echo(summary(recording))

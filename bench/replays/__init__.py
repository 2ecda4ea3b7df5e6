"""Replays of every recording: whatever their speed and whatever is killed half-way, they end in one and the same state.

That state is what the recording itself says it must be, folded from its lines without the road (``told``). Needs
``MARKET_DATA_DIR``. ``REPLAY_SPEEDS`` (default ``20,1e9``; 1e9 is as fast as it is read) and ``REPLAY_CAPTURES``
(names, default all) choose: at speed 1 the long session takes eleven minutes, and there all three are killed once.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.machine import Unavailable, machine_now
from bench.recorded import SESSION
from bench.replays.play import played
from bench.replays.state import PARTS, State, differences, hashes
from bench.replays.told import symbols_of, told
from bench.stack import Stack, running_stack
from pipeline.settings import Settings

CAPTURES: Mapping[str, tuple[str, ...]] = {
    "session": SESSION,
    "btc_eth_dot": ("btc_eth_dot_20210404.txt.gz",),
    "four_pairs": (
        "four_pairs_20211012.ws.txt.gz",
        "four_pairs_20211012.http.txt.gz",
        "exchange_info_20211012.json.gz",
    ),
}
SPEEDS = "20,1e9"
ALL = ("ingest", "cache", "archive")
KILLS = ((), ("ingest",), ("cache",), ("archive",), ALL)
BRIEF = ("btc_eth_dot", "four_pairs")
"""Over before a kill hits them half-way at full speed: they are held there. The session is killed in full flight."""
MOST_S = 900.0
NARROWEST = 12


class Recording(NamedTuple):
    """Files that are played as one."""

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One replay: what was killed half-way, the hash of each part, what differs from the recording's own state."""

    capture: str
    speed: str
    kill: str
    played_s: float
    healed_s: float
    hashes: Mapping[str, str]
    equal: bool
    differs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Supervised:
    """A stack that ``./run up`` looks after."""

    stack: Stack

    @property
    def settings(self) -> Settings:
        """Where its processes write."""
        return Settings.from_environment(self.stack.environment)

    def kill(self, process: str) -> None:
        """End a process with SIGKILL."""
        row = next(row for row in self.stack.processes() if row["name"] == process)
        with suppress(ProcessLookupError):
            os.kill(row["pid"], signal.SIGKILL)

    def look(self) -> None:
        """Its supervisor does."""


def run() -> dict[str, Any]:
    """Every recording at every speed with every kill; the result as JSON. Raises Unavailable without recordings."""
    recordings, speeds = list(_recordings()), (os.environ.get("REPLAY_SPEEDS") or SPEEDS).split(",")
    before = machine_now()
    print(f"{before.line()}\nspeeds {', '.join(speeds)}; each part as the first digits of its hash", flush=True)
    print(_line("capture", "speed", "killed", "played", "healed", PARTS, "equal"), flush=True)
    rows = [row for recording in recordings for row in _replayed(recording, speeds)]
    equal = sum(row.equal for row in rows)
    print(f"{equal} of {len(rows)} replays ended in the state their recording says")
    return {"name": "replays", "machine": before.as_json(), "speeds": speeds, "replays": [asdict(row) for row in rows]}


def _recordings() -> Iterator[Recording]:
    folder = os.environ.get("MARKET_DATA_DIR")
    if not folder:
        raise Unavailable("set MARKET_DATA_DIR to the folder that holds captures/btcusdt_20240808.gz")
    wanted = (os.environ.get("REPLAY_CAPTURES") or ",".join(CAPTURES)).split(",")
    for name in wanted:
        if name not in CAPTURES:
            raise Unavailable(f"no recording {name!r}; REPLAY_CAPTURES names some of {', '.join(CAPTURES)}")
        yield Recording(name, tuple((Path(folder) / "captures" / part).resolve() for part in CAPTURES[name]))


def _replayed(recording: Recording, speeds: Sequence[str]) -> Iterator[Row]:
    expected = told(recording.paths)
    print(_line(recording.name, "", "(itself)", "", "", tuple(hashes(expected).values()), ""), flush=True)
    for speed in speeds:
        for kill in KILLS if float(speed) > 1 else ((), ALL):
            row = _row(recording, expected, speed=speed, kill=kill)
            parts = tuple(row.hashes.values())
            print(_line(row.capture, speed, row.kill, row.played_s, row.healed_s, parts, row.equal), flush=True)
            print("".join(f"    {text}\n" for text in row.differs), end="", flush=True)
            yield row


def _row(recording: Recording, expected: State, *, speed: str, kill: tuple[str, ...]) -> Row:
    variables = {
        "SOURCE": "replay:" + ",".join(map(str, recording.paths)), "SYMBOLS": ",".join(symbols_of(recording.paths)),
        "REPLAY_SPEED": speed, "HISTORY_DAYS": "1", "REPLAY_HOLD": "0.5" if kill and recording.name in BRIEF else "1",
    }  # fmt: skip
    with running_stack(("--without", "web,push"), **variables) as stack:
        outcome = played(Supervised(stack), expected, kill=kill, within_s=MOST_S)
    return Row(
        capture=recording.name, speed=speed, kill="+".join(kill) if kill != ALL else "all three",
        played_s=outcome.played_s, healed_s=outcome.healed_s, hashes=hashes(outcome.state),
        equal=outcome.state == expected, differs=differences(outcome.state, expected),
    )  # fmt: skip


def _line(capture: str, speed: str, kill: str, played: Any, healed: Any, parts: Sequence[str], equal: Any) -> str:
    figures = f"{capture:<12} {speed:>5} {kill or '-':<9} {played!s:>7} {healed!s:>7}  "
    return figures + " ".join(f"{part:<{NARROWEST}}" for part in parts) + f" {equal}"

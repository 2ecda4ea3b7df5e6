"""What was measured on: cores, load, a calibration loop, the processes that ran. Printed beside every figure."""

import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import Any

CALIBRATION_STEPS = 2_000_000


class Unavailable(Exception):
    """A benchmark lacks what it measures with; the message says what to provide."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine as it was when a figure was taken; ``calibration_ms`` is a fixed pure-Python loop."""

    cores: int
    python: str
    kernel: str
    load_average: tuple[float, float, float]
    calibration_ms: float
    commit: str
    at: str

    def as_json(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)

    def line(self) -> str:
        """For people."""
        load = " ".join(f"{value:.2f}" for value in self.load_average)
        return (
            f"{self.cores} cores, Python {self.python}, commit {self.commit}, load {load}, "
            f"calibration loop {self.calibration_ms:.0f} ms, {self.at}"
        )


def machine_now() -> Machine:
    """The machine at this moment."""
    return Machine(
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        kernel=platform.release(),
        load_average=os.getloadavg(),
        calibration_ms=calibrate(),
        commit=_commit(),
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def calibrate() -> float:
    """Milliseconds of a fixed loop: what to divide by when two machines, or two loads, are compared."""
    started, total = time.perf_counter(), 0
    for number in range(CALIBRATION_STEPS):
        total += number & 7
    return (time.perf_counter() - started) * 1000


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"

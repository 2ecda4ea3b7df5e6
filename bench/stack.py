"""A stack of its own for a benchmark: ``./run up`` on free ports in a directory that goes away afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 180
STOPPED_WITHIN_S = 40


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: the environment its processes got, and how to ask it for its rows."""

    environment: Mapping[str, str]
    own: Mapping[str, str]

    def processes(self) -> list[dict[str, Any]]:
        """The rows of ``./run status --json``."""
        told = subprocess.run(
            [sys.executable, "-m", "pipeline.local", "status", "--json"],
            env=dict(self.own), capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        rows: list[dict[str, Any]] = json.loads(told.stdout)["processes"]
        return rows


@contextmanager
def running_stack(arguments: tuple[str, ...] = (), **variables: str) -> Iterator[Stack]:
    """Start a stack with ``variables`` over the environment, wait until it is ready, stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="candlestream-bench-", ignore_cleanup_errors=True) as folder:
        own = {**clean(os.environ), **variables, "DATA_DIR": folder}
        log = Path(folder) / "up.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.local", "up", *arguments],
                env=own, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            _wait_until_ready(process, log)
            state = json.loads((Path(folder) / "run" / "stack.json").read_text())
            yield Stack(state["environment"], own)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOPPED_WITHIN_S)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while " ready" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the stack did not start:\n{log.read_text()}")
        time.sleep(0.2)


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would lead a stack to the user's own servers, ports or data."""
    listed = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    foreign = {*listed} - {"CANDLESTREAM_CACHE", "JAVA_HOME", "MARKET_DATA_DIR"}
    return {name: value for name, value in environment.items() if name not in foreign}

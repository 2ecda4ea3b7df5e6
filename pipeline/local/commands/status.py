"""``./run status``: every process of the stack on this data directory."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console
from rich.table import Table

from pipeline.local.child import State
from pipeline.local.logs import readable, tail
from pipeline.local.places import root_of
from pipeline.local.state import ProcessRecord, StackRecord, is_alive, logs_of, read_state

Row = dict[str, Any]


@click.command
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def command(as_json: bool) -> None:
    """Show every process: name, pid, state, restarts, port, memory, uptime."""
    root = root_of(os.environ)
    stack = read_state(root)
    if as_json:
        click.echo(json.dumps(report(stack, now=time.time())))
    elif stack is None or not stack.is_running:
        click.echo(f"no stack runs on {root}; start one with ./run")
    else:
        told = report(stack, now=time.time())
        console = Console()
        console.print(_table(told))
        for line in (_summary(told), *(line for row in told["processes"] for line in _what_failed(row))):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def report(stack: StackRecord | None, *, now: float) -> Row:
    """The stack as one object: ``processes`` of ``name, pid, state, restarts, port, rss_bytes, uptime_s``."""
    if stack is None:
        return {"running": False, "processes": []}
    running = stack.is_running
    return {
        "running": running,
        "pid": stack.pid if running else None,
        "source": stack.source,
        "data_dir": stack.data_dir,
        "url": stack.url,
        "logs": str(logs_of(Path(stack.root))),
        "processes": [_row(process, now, Path(stack.root)) for process in stack.processes],
    }


def _what_failed(row: Row) -> list[str]:
    """Why a process is given up and the end of its log; nothing for one that is not."""
    if row["state"] != State.FAILED:
        return []
    head = f"{row['name']} failed: {row['cause']}; it is tried again when the stack is started again. Its last lines:"
    return [head, *(f"    {line}" for line in row["last_lines"])]


def _row(process: ProcessRecord, now: float, root: Path) -> Row:
    alive = is_alive(process.pid, process.started_at)
    ended = process.state if process.state in (State.FAILED, State.BACKOFF, State.WAITING) else State.STOPPED.value
    return {
        "name": process.name,
        "pid": process.pid if alive else None,
        "state": process.state if alive else ended,
        "restarts": process.restarts,
        "port": process.port,
        "rss_bytes": rss_bytes(process.pid) if alive and process.pid else 0,
        "uptime_s": round(now - process.started_at, 1) if alive else 0.0,
        **(_failure(process, root) if process.state == State.FAILED else {}),
    }


def _failure(process: ProcessRecord, root: Path) -> Row:
    lines = tail(logs_of(root) / f"{process.name}.log", 12)
    return {"cause": process.cause, "last_lines": [readable(line) for line in lines]}


def rss_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants (gunicorn's workers)."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for one in family:
            with suppress(psutil.NoSuchProcess):
                total += one.memory_info().rss
    return total


def _table(words: Row) -> Table:
    table = Table("name", "pid", "state", "restarts", "port", "memory", "uptime", box=None, pad_edge=False)
    for row in words["processes"]:
        table.add_row(
            row["name"], str(row["pid"] or ""), row["state"], str(row["restarts"]), str(row["port"] or ""),
            f"{row['rss_bytes'] / 1e6:.0f} MB", f"{row['uptime_s']:.0f} s",
        )  # fmt: skip
    return table


def _summary(words: Row) -> str:
    total = sum(row["rss_bytes"] for row in words["processes"])
    return f"{words['url']}  {words['source']}  {total / 1e6:.0f} MB in all  logs in {words['logs']}"

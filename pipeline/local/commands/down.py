"""``./run down``: stop a stack started elsewhere, and delete its data if asked to."""

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from pipeline.domain.faults import TransientError
from pipeline.local.places import root_of
from pipeline.local.state import StackRecord, end_orphans, is_alive, lock_root, logs_of, read_state, state_file

STOP_WITHIN_S = 90
_LOOK_EVERY_S = 0.1
OWNED = ("kafka", "mongod", "valkey", "spool", "stages", "models", "checkpoints")
"""What a stack writes into the data directory of its source; nothing else is ever deleted."""


@click.command
@click.option("--wipe", is_flag=True, help="Delete the stack's data as well.")
@click.option("--yes", is_flag=True, help="Answer the question of --wipe.")
def command(wipe: bool, yes: bool) -> None:
    """Stop the stack on this data directory and wait until it has ended."""
    root = root_of(os.environ)
    stack = read_state(root)
    folders = owned_folders(root, stack) if wipe else []
    if folders and not yes:
        click.confirm(f"delete {', '.join(str(folder) for folder in folders)}?", abort=True)
    if stack is not None:
        stop(stack)
    else:
        click.echo(f"no stack runs on {root}")
    if wipe:
        delete(root, folders)


def stop(stack: StackRecord) -> None:
    """Ask the supervisor to stop, wait for it, and end what outlives it. Raises TransientError if it does not end."""
    if not stack.is_running:
        ended = end_orphans(stack.processes)
        click.echo(f"ended what a killed stack left: {', '.join(ended)}" if ended else "no stack runs")
        return
    with suppress(ProcessLookupError):
        os.kill(stack.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN_S
    while is_alive(stack.pid, stack.started_at):
        if time.monotonic() > deadline:
            raise TransientError(f"pid {stack.pid} has not ended after {STOP_WITHIN_S} s; kill it by hand")
        time.sleep(_LOOK_EVERY_S)
    end_orphans(stack.processes)
    click.echo("stopped")


def owned_folders(root: Path, stack: StackRecord | None) -> list[Path]:
    """What ``--wipe`` deletes: the data of the source last started (of all where none is known), and the logs."""
    last = Path(stack.data_dir) if stack else None
    known = last is not None and last.is_relative_to(root)
    places = [last] if last is not None and known else [root, root / "sim", *sorted(root.glob("replay/*"))]
    return [
        folder for folder in (*(place / name for place in places for name in OWNED), logs_of(root)) if folder.exists()
    ]


def delete(root: Path, folders: list[Path]) -> None:
    """Delete them while nobody can start on ``root``, and the record of the stack last of all."""
    with lock_root(root):
        for folder in folders:
            shutil.rmtree(folder)
        state_file(root).unlink(missing_ok=True)
    click.echo(f"deleted {len(folders)} folders" if folders else "there was nothing to delete")

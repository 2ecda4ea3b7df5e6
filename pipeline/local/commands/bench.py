"""``./run bench [NAME]``: the benchmarks, each on servers of its own."""

import os
import sys

import click

from pipeline.lifeline import status_of


@click.command
@click.argument("name", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
@click.option("--seconds", type=click.IntRange(min=1), help="How long ingest measures the whole road (default 300).")
def command(name: tuple[str, ...], as_json: bool, seconds: int | None) -> None:
    """Run the named benchmarks; a table, and JSON kept in bench/results.

    There are latency (event to client), ingest (frames a second on one core, and the whole road at 10,000 a second),
    session (what became of a recorded session), kills (kill -9 of a stack) and first-start (a stranger's, from clean
    clones; it downloads everything several times and needs root, and is run only when named).
    """
    options = ("--json",) if as_json else ()
    if seconds is not None:
        os.environ["BENCH_SECONDS"] = str(seconds)
    sys.exit(status_of((sys.executable, "-m", "bench", *name, *options)))

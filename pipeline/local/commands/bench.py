"""``./run bench [NAME]``: the benchmarks, each on servers of its own."""

import sys

import click

from pipeline.lifeline import status_of


@click.command
@click.argument("name", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def command(name: tuple[str, ...], as_json: bool) -> None:
    """Run the named benchmarks; a table, and JSON kept in bench/results.

    There are latency (event to client), session (what became of a recorded session), kills (kill -9 of a stack) and
    first-start (a stranger's, from clean clones; it downloads everything several times and needs root, and is run only
    when named).
    """
    options = ("--json",) if as_json else ()
    sys.exit(status_of((sys.executable, "-m", "bench", *name, *options)))

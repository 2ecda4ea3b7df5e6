"""``./run doctor``: what stands in the way of a start."""

import sys

import click

from pipeline.local import doctor


@click.command
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def command(as_json: bool) -> None:
    """Look at Java, disk, memory, ports, servers and the exchange, and say what to do about each.

    Ends with 1 if a start would fail. It needs nothing installed.
    """
    sys.exit(doctor.main(["--json"] if as_json else []))

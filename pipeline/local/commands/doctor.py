"""``./run doctor``: what stands in the way of a start, and whether the exchange is as we take it to be."""

import os
import sys

import click

from pipeline.local import doctor
from pipeline.local.commands.record import seconds_of
from pipeline.settings import Settings


@click.command
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
@click.option("--live", is_flag=True, help="Check every assumption about the exchange's protocol against it instead.")
@click.option("--for", "length", metavar="DURATION", help="How long --live listens; 125s if left out.")
def command(as_json: bool, live: bool, length: str | None) -> None:
    """Look at Java, disk, memory, ports, servers and the exchange, and say what to do about each.

    Ends with 1 if a start would fail. It needs nothing installed.

    With --live it listens to the exchange of BINANCE_WS_URL and BINANCE_REST_URL for two minutes through the first of
    SYMBOLS, asks it some thirty things (about 700 of its weight), touches no store, and ends with 1 if it is not as we
    take it to be. What could not be seen in that time is said, and is no failure.
    """
    if not live:
        sys.exit(doctor.main(["--json"] if as_json else []))
    from pipeline.local.live import run  # it brings the whole road along, which a plain look does not need

    settings = Settings.from_environment({**os.environ, "SOURCE": "binance"})
    sys.exit(run.main(run.Look.of(settings, seconds=seconds_of(length) if length else None), as_json=as_json))

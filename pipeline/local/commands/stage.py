"""``./run stage NAME``: one process in the foreground, against the servers of the environment or of a running stack."""

import os
import shlex
from collections.abc import Mapping

import click

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.places import root_of
from pipeline.local.processes import command_of
from pipeline.local.state import read_state


@click.command
@click.argument("name")
@click.option("--show", is_flag=True, help="Print the command line instead of running it.")
def command(name: str, show: bool) -> None:
    """Run one process (ingest, cache, archive, exchange, web, push, …) in the foreground.

    It uses the environment of the stack that runs on this DATA_DIR, if there is one.
    """
    environment = stage_environment(os.environ)
    words = command_of(name, environment)
    if show:
        click.echo(shlex.join(words))
        return
    try:
        os.execve(words[0], words, environment)  # noqa: S606 (this process becomes the stage)
    except OSError as error:
        raise MisconfiguredError(f"{words[0]} can't be started: {error.strerror}") from error


def stage_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment``, completed by what the stack on its data directory gives its processes, if one runs there.

    The source and its data directory are the stack's; everything else that was set stays as it was set.
    """
    stack = read_state(root_of(environment))
    if stack is None or not stack.is_running:
        return dict(environment)
    decided = {name: stack.environment[name] for name in ("SOURCE", "DATA_DIR")}
    return {**stack.environment, **environment, **decided}

"""The command line: each module of ``pipeline/local/commands`` is one command, loaded only when it is called."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import click

from pipeline.domain.faults import Fault
from pipeline.local import commands
from pipeline.local.capacity import disk_fault

DEFAULT_COMMAND = "up"


class Commands(click.Group):
    """The commands by module name; options without a command belong to ``up``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command there is."""
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command ``cmd_name``, or None for one that is not there."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"{commands.__name__}.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``./run`` and ``./run --without web`` as ``./run up …``."""
        bare = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, [DEFAULT_COMMAND, *args] if bare else args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def command_line() -> None:
    """Candlestream on this machine: a crypto market from the exchange to the screen.

    Without a command it does what `up` does. Settings come from the environment; .env.example lists them.
    """


def main() -> None:
    """Run one command; a fault is one line on standard error and exit status 1."""
    try:
        command_line(prog_name="./run")
    except Fault as fault:
        click.echo(f"run: {fault}", err=True)
        sys.exit(1)
    except OSError as error:  # a disk may fill up or turn read-only under any write
        known = disk_fault(error, Path(error.filename or "."), way_out="set DATA_DIR to another place")
        if known is None:
            raise
        click.echo(f"run: {known}", err=True)
        sys.exit(1)

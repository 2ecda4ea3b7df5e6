"""What the operating system must bring: installed by apt where that is ours to do, else one line that says how."""

import os
import shutil
import subprocess

import click

from pipeline.domain.faults import MisconfiguredError


def may_install() -> bool:
    """Whether this is Debian or Ubuntu, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str, *, why: str) -> None:
    """Install ``package``. Raises MisconfiguredError with the line to type where we may not or could not."""
    command = f"apt-get install -y --no-install-recommends {package}"
    if not may_install():
        raise MisconfiguredError(f"{why}; install it (Debian, Ubuntu: sudo {command})")
    click.echo(f"{why}: installing {package}", err=True)
    if not (_apt(command) or (_apt("apt-get update") and _apt(command))):
        raise MisconfiguredError(f"{why}, and `{command}` failed; run it by hand to see why")


def _apt(command: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command.split(), env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0

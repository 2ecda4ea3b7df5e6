"""What the operating system must bring: installed by apt where that is ours to do, else one line that says how.

Standard library only: Java is looked for before any package is installed.
"""

import os
import shutil
import subprocess
import sys

from pipeline.domain.faults import MisconfiguredError


def may_install() -> bool:
    """Whether this is Debian or Ubuntu, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str, *, why: str) -> None:
    """Install ``package``. Raises MisconfiguredError with the line to type where we may not or could not."""
    command = f"apt-get install -y --no-install-recommends {package}"
    if not may_install():
        raise MisconfiguredError(f"{why}; install it (Debian, Ubuntu: sudo {command})")
    print(f"{why}: installing {package} with apt-get", file=sys.stderr, flush=True)
    said = _apt(command) and (_apt("apt-get update") or _apt(command))
    if said:
        raise MisconfiguredError(f"{why}, and `{command}` failed ({said}); run it by hand, then start again")


def _apt(command: str) -> str:
    """Run it; nothing if it succeeded, else the last thing it said."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command.split(), env=environment, capture_output=True, text=True, check=False)
    said = (done.stderr or done.stdout).strip().splitlines()
    return (said[-1] if said else f"exit status {done.returncode}") if done.returncode else ""

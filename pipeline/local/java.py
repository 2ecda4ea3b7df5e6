"""The Java that Kafka (and later Spark) runs on: found, checked, installed where that is ours to do.

Standard library only: it is looked for before any package is installed.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import apt

SUITED = (17, 21)
PACKAGE = "openjdk-17-jre-headless"
HOMES = Path("/usr/lib/jvm")
"""Where Debian, Ubuntu and Fedora keep each Java they have installed."""


def require_java(environment: Mapping[str, str], *, homes: Path = HOMES) -> str:
    """The path of a suited ``java``: JAVA_HOME's, else PATH's, else one under ``homes``.

    Installs one where that is ours to do. Raises MisconfiguredError saying what to do.
    """
    java, unfit = look_for_java(environment, homes=homes)
    if java is None and not environment.get("JAVA_HOME"):
        apt.install(
            PACKAGE, why=f"Kafka needs Java 17 or 21 and {f'found only: {unfit}' if unfit else 'none was found'}"
        )
        java, unfit = look_for_java(environment, homes=homes)
    if java is None and unfit:
        raise MisconfiguredError(
            f"{unfit}, expected Java 17 or 21; install {PACKAGE} and point JAVA_HOME at it, or unset JAVA_HOME"
        )
    if java is None:
        raise MisconfiguredError(f"{PACKAGE} is installed, but there is no java on PATH; set JAVA_HOME")
    return java


def look_for_java(environment: Mapping[str, str], *, homes: Path = HOMES) -> tuple[str | None, str]:
    """(a suited java or None, what the first unsuited one is). A JAVA_HOME that is set is the only place looked at."""
    unfit = ""
    for java in _candidates(environment, homes):
        version = java_version(java)
        if version in SUITED:
            return java, ""
        unfit = unfit or (f"{java} is Java {version}" if version else f"{java} is no Java that runs")
    return None, unfit


def java_version(java: str) -> int:
    """The major version of ``java``, 0 if it doesn't say."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


def _candidates(environment: Mapping[str, str], homes: Path) -> Iterator[str]:
    if home := environment.get("JAVA_HOME"):
        yield str(Path(home, "bin", "java"))
        return
    if found := shutil.which("java", path=environment.get("PATH")):
        yield found
    yield from sorted(str(java) for java in homes.glob("*/bin/java") if os.access(java, os.X_OK))

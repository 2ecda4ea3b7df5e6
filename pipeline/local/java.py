"""The Java that Kafka (and later Spark) runs on: found, checked, installed where that is ours to do."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import apt

SUITED = (17, 21)
PACKAGE = "openjdk-17-jre-headless"


def require_java(environment: Mapping[str, str]) -> str:
    """The path of a suited ``java``: JAVA_HOME's, else PATH's. Raises MisconfiguredError saying what to do."""
    java = find_java(environment)
    if java is None:
        apt.install(PACKAGE, why="Kafka needs Java 17 or 21 and none was found")
        java = find_java(environment)
    if java is None:
        raise MisconfiguredError(f"{PACKAGE} is installed, but there is no java on PATH; set JAVA_HOME")
    version = java_version(java)
    if version not in SUITED:
        raise MisconfiguredError(
            f"{java} is Java {version}, expected 17 or 21; install {PACKAGE} and point JAVA_HOME at it"
        )
    return java


def find_java(environment: Mapping[str, str]) -> str | None:
    """Where java is, or None."""
    home = environment.get("JAVA_HOME")
    if home and os.access(Path(home, "bin", "java"), os.X_OK):
        return str(Path(home, "bin", "java"))
    return shutil.which("java", path=environment.get("PATH"))


def java_version(java: str) -> int:
    """The major version of ``java``, 0 if it doesn't say."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0

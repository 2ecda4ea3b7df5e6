"""Java: found by JAVA_HOME before PATH, and a wrong one named with the way out."""

from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.java import find_java, java_version, require_java


def a_java(folder: Path, version: str) -> str:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    java.chmod(0o755)
    return str(java)


def test_java_home_goes_before_path(tmp_path: Path) -> None:
    home, other = a_java(tmp_path / "home", "21.0.1"), a_java(tmp_path / "other", "17.0.1")
    path = str(Path(other).parent)
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": path}) == home
    assert find_java({"PATH": path}) == other
    assert find_java({"JAVA_HOME": str(tmp_path / "nowhere"), "PATH": path}) == other
    assert find_java({"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize(("said", "version"), [("17.0.15", 17), ("21", 21), ("1.8.0_392", 8), ("nonsense", 0)])
def test_the_major_version_is_read(tmp_path: Path, said: str, version: int) -> None:
    assert java_version(a_java(tmp_path, said)) == version


def test_a_java_that_is_too_old_is_named_with_the_way_out(tmp_path: Path) -> None:
    java = a_java(tmp_path, "11.0.2")
    with pytest.raises(MisconfiguredError) as error:
        require_java({"JAVA_HOME": str(tmp_path)})
    assert str(error.value) == (
        f"{java} is Java 11, expected 17 or 21; install openjdk-17-jre-headless and point JAVA_HOME at it"
    )

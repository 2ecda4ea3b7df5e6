"""Java: JAVA_HOME's where that is set, else PATH's, else an installed one; an unsuited one named with the way out."""

from pathlib import Path

import pytest

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import apt
from pipeline.local.java import java_version, look_for_java, require_java


def a_java(folder: Path, version: str) -> str:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    java.chmod(0o755)
    return str(java)


def found(homes: Path, **environment: str) -> tuple[str | None, str]:
    return look_for_java(environment, homes=homes)


def test_java_home_goes_before_path_and_path_before_what_is_installed_elsewhere(tmp_path: Path) -> None:
    home, other = a_java(tmp_path / "home", "21.0.1"), a_java(tmp_path / "other", "17.0.1")
    installed = a_java(tmp_path / "jvm" / "java-17", "17.0.2")
    path = str(Path(other).parent)
    assert found(tmp_path / "jvm", JAVA_HOME=str(tmp_path / "home"), PATH=path) == (home, "")
    assert found(tmp_path / "jvm", PATH=path) == (other, "")
    assert found(tmp_path / "jvm", PATH=str(tmp_path)) == (installed, "")
    assert found(tmp_path / "none", PATH=str(tmp_path)) == (None, "")


def test_an_old_java_on_path_is_passed_over_for_a_suited_one_that_is_installed(tmp_path: Path) -> None:
    old, installed = a_java(tmp_path / "old", "11.0.2"), a_java(tmp_path / "jvm" / "java-21", "21.0.2")
    assert found(tmp_path / "jvm", PATH=str(Path(old).parent)) == (installed, "")


@pytest.mark.parametrize(("said", "version"), [("17.0.15", 17), ("21", 21), ("1.8.0_392", 8), ("nonsense", 0)])
def test_the_major_version_is_read(tmp_path: Path, said: str, version: int) -> None:
    assert java_version(a_java(tmp_path, said)) == version


def test_a_java_home_that_is_too_old_is_named_with_the_way_out(tmp_path: Path) -> None:
    java = a_java(tmp_path, "11.0.2")
    with pytest.raises(MisconfiguredError) as error:
        require_java({"JAVA_HOME": str(tmp_path)})
    assert str(error.value) == (
        f"{java} is Java 11, expected Java 17 or 21; install openjdk-17-jre-headless and point JAVA_HOME at it, "
        "or unset JAVA_HOME"
    )


def test_a_java_home_without_a_java_is_named_and_not_passed_over(tmp_path: Path) -> None:
    other = a_java(tmp_path / "other", "17.0.1")
    with pytest.raises(MisconfiguredError, match=r"nowhere/bin/java is no Java that runs, expected Java 17 or 21"):
        require_java({"JAVA_HOME": str(tmp_path / "nowhere"), "PATH": str(Path(other).parent)})


def test_where_we_may_not_install_one_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "may_install", lambda: False)
    old = a_java(tmp_path / "old", "11.0.2")
    with pytest.raises(MisconfiguredError) as none:
        require_java({"PATH": str(tmp_path)}, homes=tmp_path / "jvm")
    with pytest.raises(MisconfiguredError) as unsuited:
        require_java({"PATH": str(Path(old).parent)}, homes=tmp_path / "jvm")
    step = "install it (Debian, Ubuntu: sudo apt-get install -y --no-install-recommends openjdk-17-jre-headless)"
    assert str(none.value) == f"Kafka needs Java 17 or 21 and none was found; {step}"
    assert str(unsuited.value) == f"Kafka needs Java 17 or 21 and found only: {old} is Java 11; {step}"


def test_an_apt_that_fails_is_one_line_with_what_it_said_and_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt_get = tmp_path / "apt-get"
    apt_get.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(apt, "may_install", lambda: True)
    with pytest.raises(MisconfiguredError) as failed:
        require_java({"PATH": str(tmp_path)}, homes=tmp_path / "jvm")
    assert str(failed.value) == (
        "Kafka needs Java 17 or 21 and none was found, and `apt-get install -y --no-install-recommends "
        "openjdk-17-jre-headless` failed (E: Unable to locate package); run it by hand, then start again"
    )


def test_where_we_may_it_is_installed_and_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []

    def install(package: str, *, why: str) -> None:
        installed.append(package)
        a_java(tmp_path / "jvm" / "java-17", "17.0.2")

    monkeypatch.setattr(apt, "install", install)
    java = require_java({"PATH": str(tmp_path)}, homes=tmp_path / "jvm")
    assert java == str(tmp_path / "jvm" / "java-17" / "bin" / "java")
    assert installed == ["openjdk-17-jre-headless"]

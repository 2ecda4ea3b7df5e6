"""The ``run`` script: what it does before there is a Python of its own."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEEDED = "bash awk cat cut date dirname env flock ln mkdir readlink rm sha256sum uname".split()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The script and its requirements in a folder, and a ``bin`` with what it calls but no Python."""
    shutil.copy(ROOT / "run", tmp_path / "run")
    (tmp_path / "requirements.txt").write_text("nothing==1\n")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found, name
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(clone / "bin"), "MINE": "from the environment"}
    command = ["bash", str(clone / "run"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def a_python(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def stamp(clone: Path) -> None:
    digest = hashlib.sha256((clone / "requirements.txt").read_bytes()).hexdigest()
    (clone / ".venv" / ".packages").write_text(f"{digest}\n")


def test_without_a_suited_python_it_says_what_to_install(clone: Path) -> None:
    a_python(clone / "bin" / "python3", "exit 1")
    refused = run(clone)
    assert refused.returncode == 1
    assert refused.stderr == (
        "run: needs Python 3.11 or 3.12 and found neither; install one (Debian: apt-get install python3 python3-venv)\n"
    )


def test_with_its_packages_in_place_it_hands_over_at_once(clone: Path) -> None:
    a_python(clone / ".venv" / "bin" / "python", 'echo "$@"; echo "$MINE $YOURS" >&2')
    stamp(clone)
    (clone / ".env").write_text("MINE='from .env'\nYOURS='from .env'\n")
    done = run(clone, "status", "--json")
    assert done.stdout == "-m pipeline.local status --json\n"
    assert done.stderr == "from the environment from .env\n"


def test_an_unfinished_environment_is_made_again(clone: Path) -> None:
    a_python(clone / ".venv" / "bin" / "python", "echo old")
    stamp(clone)
    (clone / ".venv" / ".unfinished").write_text("")
    a_python(clone / "new-python", "echo new $2")
    a_python(
        clone / "bin" / "python3",
        f'[ "$2" != venv ] || {{ mkdir "$3/bin"; ln -s {clone}/new-python "$3/bin/python"; }}',
    )
    done = run(clone, "status")
    assert done.stdout.splitlines()[-1] == "new pipeline.local"
    assert not (clone / ".venv" / ".unfinished").exists()


def test_changed_requirements_are_installed_before_anything_runs(clone: Path) -> None:
    a_python(clone / ".venv" / "bin" / "python", "echo called $2 $3")
    a_python(clone / "bin" / "python3", "exit 0")
    stamp(clone)
    (clone / "requirements.txt").write_text("nothing==2\n")
    done = run(clone, "status")
    assert "installing requirements.txt" in done.stderr
    assert done.stdout.splitlines()[-1] == "called pipeline.local status"
    assert run(clone, "status").stderr == ""

"""The pinned Python packages: fetched resumably, installed by uv without a network, by pip where uv can't.

Standard library only. uv says where each pinned wheel lies (``uv pip compile --format pylock.toml``); we fetch them,
since neither uv nor pip goes on within a file that was cut off; uv installs what lies here and checks every hash.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipeline.domain.faults import Fault, MisconfiguredError, TransientError
from pipeline.lifeline import tied
from pipeline.local import downloads
from pipeline.local.downloads import RemoteFile
from pipeline.local.http import open_url, reason
from pipeline.local.progress import DownloadBar

UV_PIN = Path(__file__).with_name("uv.txt")
_INDEX_JSON = "application/vnd.pypi.simple.v1+json"
_TIMEOUT_S = 20.0
_ASK_PIP = (
    "from pip._internal.commands import create_command; "
    "print(create_command('install').parser.get_default_values().index_url)"
)
"""pip's own word on its index, its configuration files and the environment taken into account."""
_CAUSES = (
    (r"No space left on device|os error 28|Disk quota", "the disk is full; free some space"),
    (
        r"[Cc]ertificate|CERTIFICATE",
        "the package index shows a certificate this machine does not trust; point SSL_CERT_FILE at the certificate of "
        "the proxy that opens TLS",
    ),
    (r"[Hh]ash mismatch|DO NOT MATCH THE HASHES", "a package does not have its pinned hash; do not trust this index"),
    (r"Read-only file system|Permission denied", "a file could not be written; look at who owns .venv and .cache"),
    (
        r"dns error|resolve|onnection|timed out|unreachable|tunnel|error sending request|Failed to fetch|"
        r"No matching distribution|no versions of|HTTP status",
        "the package index does not answer; check the network, or the proxy (HTTPS_PROXY) or mirror (PIP_INDEX_URL, "
        "UV_DEFAULT_INDEX) you use",
    ),
)
"""What the words of pip and uv mean for the person who waits."""
_AGAIN = "then start ./run again: what has come is kept"


@dataclass(frozen=True, slots=True)
class Venv:
    """The virtual environment in ``folder``, filled from the downloads in ``cache``."""

    folder: Path
    cache: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, requirements: Path) -> int:
        """Install what ``requirements`` pins; how many bytes came. Raises Fault with the way out."""
        try:
            came = self._obtain_uv()
            wheels = self._wheels(requirements)
            came += self._fetch("packages", wheels)
            self._uv("install", *self._from_cache(), "--offline", "-r", str(requirements))
            return came
        except _UnfitError as unfit:
            print(f"{unfit}; falling back to pip, which takes longer", file=sys.stderr, flush=True)
            self._pip("--require-hashes", "-r", str(requirements))
            return 0

    def _obtain_uv(self) -> int:
        if self._runs_uv():
            return 0
        came = 0 if self._holds_uv() else self._fetch("uv", [pinned_file(UV_PIN.read_text(), self._index())])
        self._pip(*self._from_cache(), "-r", str(UV_PIN))
        return came

    def _runs_uv(self) -> bool:
        uv = self.folder / "bin" / "uv"
        wanted = UV_PIN.read_text().split()[0].partition("==")[2]
        if not uv.exists():
            return False
        done = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
        return done.stdout.split()[1:2] == [wanted]

    def _holds_uv(self) -> bool:
        pin = UV_PIN.read_text()
        return any(downloads.sha256(wheel) in pin for wheel in (self.cache / "wheels").glob("uv-*.whl"))

    def _index(self) -> str:
        done = subprocess.run([self.python, "-c", _ASK_PIP], capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout.strip():
            raise _UnfitError("pip does not say which index it uses")
        return done.stdout.strip()

    def held(self) -> int:
        """How much is installed: the entries of its package folder."""
        return sum(len(os.listdir(folder)) for folder in self.folder.glob("lib/python*/site-packages"))

    def _wheels(self, requirements: Path) -> list[RemoteFile]:
        """Where the pinned wheels lie: asked of the index once for each state of the pins."""
        pins = requirements.read_text()
        lock = self.cache / f"pylock.{hashlib.sha256(pins.encode()).hexdigest()[:12]}.toml"
        if lock.exists():
            with suppress(_UnfitError):  # a lock that can't be read is asked for anew
                return locked_files(lock.read_text(errors="replace"), pins=pins)
        fresh = self.cache / f"pylock.new{os.getpid()}.toml"  # a name that uv asks for
        options = ("--no-deps", "--format", "pylock.toml", "--output-file", str(fresh))
        self._uv("compile", *options, str(requirements))
        os.replace(fresh, lock)
        return locked_files(lock.read_text(), pins=pins)

    def _fetch(self, what: str, files: Sequence[RemoteFile]) -> int:
        folder = self.cache / "wheels"
        to_come = downloads.bytes_to_come(files, folder)
        if not to_come:
            return 0
        with DownloadBar(what, to_come) as bar:
            try:
                downloads.fetch(files, folder, advance=bar.advance)
            except TransientError as error:
                raise MisconfiguredError(f"{error}; check the network or the proxy (HTTPS_PROXY), {_AGAIN}") from error
        return bar.arrived

    def _from_cache(self) -> tuple[str, ...]:
        return ("--no-index", "--find-links", str(self.cache / "wheels"), "--require-hashes")

    def _uv(self, *words: str) -> None:
        python = ("--python", str(self.python))
        self._call(str(self.folder / "bin" / "uv"), "pip", words[0], *python, "--no-progress", *words[1:])

    def _pip(self, *words: str) -> None:
        self._call(str(self.python), "-m", "pip", "install", "--disable-pip-version-check", *words)

    def _call(self, *command: str) -> None:
        """Run ``command`` tied to us, its words kept. Raises MisconfiguredError with their meaning if it fails."""
        environment = {
            "UV_CACHE_DIR": str(self.cache / "uv"), "PIP_CACHE_DIR": str(self.cache / "pip"),
            "UV_PYTHON_DOWNLOADS": "never", "UV_NATIVE_TLS": "true", "UV_SYSTEM_CERTS": "true", **os.environ,
        }  # fmt: skip
        with tied(command, environment=environment, output=subprocess.PIPE) as process:
            said = (process.stdout.read() if process.stdout else b"").decode(errors="replace")
        if process.returncode:
            raise MisconfiguredError(f"installing the packages failed: {meaning(said)} ({last_line(said)}), {_AGAIN}")


class _UnfitError(Fault):
    """This index or this uv can't be used in the resumable way."""


def pinned_file(pin: str, index: str) -> RemoteFile:
    """The file that ``pin`` (``NAME==VERSION --hash=sha256:…``) names, as the simple index at ``index`` lists it."""
    name, sha256 = pin.partition("==")[0], pin.split("sha256:")[1].split(maxsplit=1)[0]
    page = f"{index.rstrip('/')}/{name}/"
    for listed in _listed(page):
        if listed.get("hashes", {}).get("sha256") == sha256 and listed.get("size"):
            return RemoteFile(listed["filename"], urljoin(page, listed["url"]), sha256, listed["size"])
    raise _UnfitError(f"the package index does not list {pin.split(maxsplit=1)[0]} with its pinned hash and size")


def _listed(page: str) -> list[Mapping[str, Any]]:
    try:
        with open_url(page, timeout_s=_TIMEOUT_S, headers={"Accept": _INDEX_JSON}) as answer:
            text = answer.read()
    except ValueError as error:
        raise _UnfitError(f"the package index has an address we can't read ({error})") from error
    except OSError as error:
        raise MisconfiguredError(
            f"the packages can't be fetched: {_CAUSES[-1][1]} ({urlsplit(page).hostname}: {reason(error)}), {_AGAIN}"
        ) from error
    try:
        files: list[Mapping[str, Any]] = json.loads(text)["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise _UnfitError("the package index does not speak JSON") from error
    return files


def locked_files(lock: str, *, pins: str) -> list[RemoteFile]:
    """The wheels of a ``pylock.toml`` that ``pins`` has hashes of: one a package, the one built for this platform."""
    try:
        files = [_wheel(package, pins) for package in tomllib.loads(lock)["packages"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _UnfitError(f"uv's list of wheels can't be read ({error})") from error
    if not files:
        raise _UnfitError("uv's list of wheels is empty")
    return files


def _wheel(package: Mapping[str, Any], pins: str) -> RemoteFile:
    fit = [wheel for wheel in package.get("wheels", []) if wheel["hashes"].get("sha256", "-") in pins]
    if not fit or not all("size" in wheel and "url" in wheel for wheel in fit):
        raise _UnfitError(f"the package index has no wheel of {package['name']} whose hash is pinned and size is known")
    wheel = min(fit, key=lambda one: str(one["url"]).endswith("none-any.whl"))
    name = urlsplit(wheel["url"]).path.rpartition("/")[2]
    return RemoteFile(name, str(wheel["url"]), str(wheel["hashes"]["sha256"]), int(wheel["size"]))


def meaning(said: str) -> str:
    """What the words of a failed installation mean, with the next step."""
    return next((words for pattern, words in _CAUSES if re.search(pattern, said)), "see its last words")


def last_line(said: str) -> str:
    """The last line that says something."""
    lines = [line.strip(" ╰─▶│├×") for line in said.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("hint")), "it said nothing")[:300]

"""Jars from the Maven repository that jgo knows, going on where an interrupted download stopped."""

from pathlib import Path

import requests
from jgo.maven import MavenContext
from jgo.util import http

from pipeline.domain.faults import TransientError
from pipeline.local.jars import Advance, Jar

_CHUNK = 1 << 16
_TIMEOUT_S = 20
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416


def download(jar: Jar, partial: Path, advance: Advance, *, context: MavenContext | None = None) -> None:
    """Bring the jar's bytes into ``partial``, after those it holds, from ``context``'s repository (jgo's by default).

    Raises TransientError.
    """
    held = partial.stat().st_size if partial.exists() else 0
    try:
        _stream(address(jar, context or MavenContext()), partial, held=held, advance=advance)
    except (requests.RequestException, OSError) as error:
        raise TransientError(f"{jar.file_name} could not be downloaded: {error}") from error


def address(jar: Jar, context: MavenContext) -> str:
    """Where the jar lies in the first repository of ``context``."""
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    base = next(iter(context.remote_repos.values()))
    return f"{base}/{component.path_prefix.as_posix()}/{jar.file_name}"


def _stream(url: str, partial: Path, *, held: int, advance: Advance) -> None:
    headers = {"Range": f"bytes={held}-"} if held else {}
    with http.get(url, stream=True, timeout=_TIMEOUT_S, headers=headers) as answer:
        if answer.status_code == _RANGE_NOT_SATISFIABLE:
            return
        answer.raise_for_status()
        goes_on = answer.status_code == _PARTIAL_CONTENT
        advance(0 if goes_on else -held)
        with partial.open("ab" if goes_on else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                advance(len(chunk))

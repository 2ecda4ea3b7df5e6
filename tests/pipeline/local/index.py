"""A package index on this machine: one tiny wheel over HTTP, with ranges, and a connection that can be left hanging."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHEEL = "nothing-1-py3-none-any.whl"
_JSON = "application/vnd.pypi.simple.v1+json"


def a_wheel() -> bytes:
    """A wheel of a package ``nothing`` that holds one module and half a megabyte of words."""
    info, held = "nothing-1.dist-info", io.BytesIO()
    files = {
        "nothing.py": "WORD = 'candle'\n",
        "words.txt": "".join(hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(8000)),
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: nothing\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(held, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)  # a fixed date: the same bytes each time
    return held.getvalue()


@dataclass
class Index:
    """What the index sends, and what it was asked for."""

    wheel: bytes = field(default_factory=a_wheel)
    holds_page: bool = False
    """Whether nothing is said of the package until ``goes_on`` is set."""
    lies: bool = False
    """Whether the wheel's page tells the pinned hash, whatever the bytes are."""
    stops_after: int | None = None
    """Bytes of the wheel after which nothing more comes, until ``goes_on`` is set."""
    goes_on: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @property
    def requirements(self) -> str:
        """The pin of its one package."""
        return f"nothing==1 --hash=sha256:{hashlib.sha256(a_wheel()).hexdigest()}\n"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make pip and uv use it."""
        return {"PIP_INDEX_URL": self.url, "UV_DEFAULT_INDEX": self.url}

    def page(self) -> bytes:
        """What the index says of its package."""
        hashes = {"sha256": hashlib.sha256(a_wheel() if self.lies else self.wheel).hexdigest()}
        file = {"filename": WHEEL, "url": f"/files/{WHEEL}", "hashes": hashes, "size": len(self.wheel)}
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": "nothing", "versions": ["1"], "files": [file]}
        ).encode()


@contextmanager
def serving_index() -> Iterator[Index]:
    """A running index."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.asked.append((self.path, self.headers["Range"]))
            if self.path.startswith("/simple/nothing"):
                if index.holds_page:
                    index.goes_on.wait(60)
                self._answer(200, index.page(), _JSON)
            elif self.path == f"/files/{WHEEL}":
                self._wheel(self.headers["Range"])
            else:
                self._answer(404, b"", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _wheel(self, wanted: str | None) -> None:
            start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
            body = index.wheel[start:]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if index.stops_after is not None:
                self.wfile.write(body[: index.stops_after])
                index.goes_on.wait(60)
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        yield index
        index.goes_on.set()
        server.shutdown()

"""Which pages may open a socket here: a browser names the page's origin, and nothing else guards a WebSocket."""

from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """The page's own host is allowed: on loopback on any port, elsewhere on its own port and on ``ports``.

    ``listed`` are further origins as browsers write them, e.g. ``https://charts.example.org``.
    """

    def __init__(self, *, listed: Iterable[str] = (), ports: Iterable[int] = ()) -> None:
        self._listed = frozenset(origin.rstrip("/").lower() for origin in listed)
        self._ports = frozenset(ports)

    def allow(self, origin: str | None, *, host: str) -> bool:
        """Whether ``origin`` may connect to ``host`` (the Host header). No origin means no browser: allowed."""
        if origin is None or origin.lower() in self._listed:
            return True
        try:
            page, here = urlsplit(origin), urlsplit(f"//{host}")
            page_port, here_port = page.port or _DEFAULT_PORTS.get(page.scheme), here.port
        except ValueError:
            return False
        if page.hostname in LOOPBACK and here.hostname in LOOPBACK:
            return True
        here_port = here_port or _DEFAULT_PORTS.get(page.scheme)
        return bool(page.hostname) and page.hostname == here.hostname and page_port in {here_port, *self._ports}

"""One Chromium for the page's tests; every page notes what its console and network complain about."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, TimeoutError

from tests.browser.chromium import running_chromium
from tests.browser.market_server import MarketServer, serving

DEADLINE_MS = 20_000


@dataclass
class Visit:
    """A page and everything it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def see(self, condition: str, arg: Any = None) -> Any:
        """Wait until a JavaScript condition holds; its value."""
        return self.page.wait_for_function(condition, arg=arg, timeout=DEADLINE_MS).json_value()

    def ask(self, expression: str, arg: Any = None) -> Any:
        """The value of a JavaScript expression."""
        return self.page.evaluate(expression, arg)

    def text(self, selector: str) -> str:
        """What a reader sees of one element."""
        return self.page.locator(selector).first.inner_text()

    def open(self, server: MarketServer) -> "Visit":
        """Go to the page and wait until every panel is live."""
        self.page.goto(server.url)
        try:
            self.see(ALL_LIVE)
        except TimeoutError as error:
            raise AssertionError(f"panels {self.ask(STATES)}, complaints {self.complaints}") from error
        return self


STATES = "() => [...document.querySelectorAll('.cs-panel')].map((panel) => [panel.id, panel.dataset.state])"
ALL_LIVE = (
    "() => { const panels = [...document.querySelectorAll('.cs-panel')];"
    " return panels.length === 4 && panels.every((panel) => panel.dataset.state === 'live'); }"
)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def server() -> Iterator[MarketServer]:
    with serving() as running:
        yield running


def visit_of(chromium: Browser, **options: Any) -> Visit:
    page = chromium.new_page(**options)
    visit = Visit(page)
    note = visit.complaints.append

    def said(line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            note(f"console: {line.text}")

    def answered(answer: Response) -> None:
        if answer.status >= 400:
            note(f"{answer.status} {answer.url}")

    page.on("console", said)
    page.on("response", answered)
    page.on("pageerror", lambda error: note(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: note(f"failed: {request.url} {request.failure}"))
    return visit


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """A desktop page with sockets."""
    opened = visit_of(chromium, viewport={"width": 1440, "height": 900})
    yield opened
    opened.page.close()


@pytest.fixture
def polling(visit: Visit) -> Visit:
    """A desktop page whose sockets never open."""
    visit.page.route_web_socket("**/ws/**", lambda socket: socket.close())
    return visit


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Visit]:
    """A small touch screen whose sockets never open."""
    opened = visit_of(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    opened.page.route_web_socket("**/ws/**", lambda socket: socket.close())
    yield opened
    opened.page.close()

"""Which pages may open a socket."""

import pytest

from app.push.origins import Origins

RULE = Origins(listed=["https://charts.example.org/"], ports=[8050, 8051])


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "10.0.0.5:8051", True),
        ("http://127.0.0.1:1", "localhost:8051", True),
        ("http://[::1]:8050", "127.0.0.1:8051", True),
        ("http://10.0.0.5:8050", "10.0.0.5:8051", True),
        ("http://10.0.0.5:9999", "10.0.0.5:8051", False),
        ("https://push.example.org", "push.example.org", True),
        ("https://push.example.org:444", "push.example.org", False),
        ("https://charts.example.org", "10.0.0.5:8051", True),
        ("http://localhost:8050", "10.0.0.5:8051", False),
        ("file://", "127.0.0.1:8051", False),
        ("null", "10.0.0.5:8051", False),
        ("http://[", "10.0.0.5:8051", False),
        ("", "127.0.0.1:8051", False),
    ],
)
def test_the_own_host_and_the_list_are_allowed(origin: str | None, host: str, allowed: bool) -> None:
    assert RULE.allow(origin, host=host) is allowed

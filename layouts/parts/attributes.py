"""The ``aria-…`` and ``data-…`` attributes of an element, which are no Python names."""

from typing import Any


def aria(**values: str) -> dict[str, Any]:
    """``aria(label="Depth")`` is ``{"aria-label": "Depth"}``."""
    return {f"aria-{name}": value for name, value in values.items()}


def data(**values: str) -> dict[str, Any]:
    """``data(push_port="8051")`` is ``{"data-push-port": "8051"}``."""
    return {f"data-{name.replace('_', '-')}": value for name, value in values.items()}

"""How prices, sizes and shares of the day are written."""

from decimal import Decimal

_SCALES = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))
UNKNOWN = "–"


def digits_of(step: Decimal) -> int:
    """Digits after the point that a tick or step size needs: 2 for 0.01000000, 0 for 1."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def grouped(value: Decimal | None, *, digits: int) -> str:
    """``64,012.30``; a dash where nothing is known."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def compact(value: Decimal | None) -> str:
    """``1.24B``: four characters of a large figure, for a header."""
    if value is None:
        return UNKNOWN
    for scale, letter in _SCALES:
        if abs(value) >= scale:
            return f"{value / scale:.2f}{letter}"
    return f"{value:.2f}"


def signed_percent(value: Decimal | None) -> str:
    """``▲ 1.24 %`` or ``▼ 0.31 %``: the direction is a sign, not only a colour."""
    if value is None:
        return UNKNOWN
    sign = "▲" if value > 0 else "▼" if value < 0 else "="
    return f"{sign} {abs(value):.2f} %"


def direction(value: Decimal | None) -> str:
    """``up``, ``down`` or ``flat``, as class names say it."""
    if not value:
        return "flat"
    return "up" if value > 0 else "down"

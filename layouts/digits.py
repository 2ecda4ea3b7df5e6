"""How prices, sizes and shares of the day are written."""

from decimal import Decimal

_SCALES = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))
_SECOND_MS = 1_000
_AGES = ((7_200_000, "h", 3_600_000), (120_000, "min", 60_000), (0, "s", 1_000))
UNKNOWN = "–"


def digits_of(step: Decimal) -> int:
    """Digits after the point that a tick or step size needs: 2 for 0.01000000, 0 for 1."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def grouped(value: Decimal | None, *, digits: int) -> str:
    """``64,012.30``; a dash where nothing is known."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def compact(value: Decimal | None, *, gap: str = "") -> str:
    """``1.24B``: four characters of a large figure, for a header; ``1.24 B`` with a gap, for a table."""
    if value is None:
        return UNKNOWN
    for scale, letter in _SCALES:
        if abs(value) >= scale:
            return f"{value / scale:.2f}{gap}{letter}"
    return f"{value:.2f}"


def signed_percent(value: Decimal | None) -> str:
    """``▲ 1.24 %`` or ``▼ 0.31 %``: the direction is a sign, not only a colour."""
    if value is None:
        return UNKNOWN
    sign = "▲" if value > 0 else "▼" if value < 0 else "="
    return f"{sign} {abs(value):.2f} %"


def marked_percent(value: Decimal) -> str:
    """``▲ +1.24 %`` or ``▼ −0.31 %``: mark and sign, for a column of changes; ``= 0.00 %`` where nothing moved."""
    if not value:
        return "= 0.00 %"
    return f"▲ +{value:.2f} %" if value > 0 else f"▼ −{-value:.2f} %"


def spell(age_ms: int | None) -> str:
    """``< 1 s``, ``14 s``, ``3 min``, ``5 h``: how long ago something was; a dash where it never was."""
    if age_ms is None:
        return UNKNOWN
    if age_ms < _SECOND_MS:
        return "< 1 s"
    name, unit_ms = next((name, unit_ms) for least_ms, name, unit_ms in _AGES if age_ms >= least_ms)
    return f"{age_ms // unit_ms} {name}"


def direction(value: Decimal | None) -> str:
    """``up``, ``down`` or ``flat``, as class names say it."""
    if not value:
        return "flat"
    return "up" if value > 0 else "down"

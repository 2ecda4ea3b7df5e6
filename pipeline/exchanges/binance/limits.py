"""What Binance says of its limits: the header with the weight used, the limits it lists, and how long a ban lasts.

Source: binance-spot-api-docs, rest-api.md ("IP limits"), enums.md (rate limiters), errors.md (-1003).
"""

import re

from pipeline.domain import jsontext
from pipeline.domain.faults import BadMessageError
from pipeline.domain.weight import WeightLimits

WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
DEFAULT_RETRY_S = 10.0
DEFAULT_BAN_S = 120.0
"""What a 418 without a word on its length means: the shortest ban there is."""
LONGEST_BAN_S = 3 * 86_400.0
_LISTED = re.compile(rb'"rateLimits"\s*:\s*(\[[^\]]*\])')
_BANNED_UNTIL = re.compile(rb"banned until (\d{10,16})")
_UNITS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}


class BinanceLimits:
    """Reads the exchange's limits out of its answers; weights are given per request, see ``rest.py``."""

    def used(self, header: str | None) -> int | None:
        """The weight the exchange counts in its minute; None where it does not say."""
        return int(header) if header and header.isascii() and header.isdecimal() else None

    def listed(self, body: bytes) -> WeightLimits | None:
        """The limits an ``exchangeInfo`` answer lists; None in any other answer."""
        found = _LISTED.search(body)
        return rate_limits(found[1]) if found else None

    def pause_s(self, status: int, retry_after: str | None, body: bytes, *, now_ms: int) -> float:
        """Seconds to ask nothing after a 429 or 418: the longest of what header and text demand."""
        demanded_s = min(LONGEST_BAN_S, max(_seconds(retry_after), (banned_until_ms(body) - now_ms) / 1000))
        return demanded_s if demanded_s > 0 else (DEFAULT_BAN_S if status == 418 else DEFAULT_RETRY_S)


def rate_limits(listed: bytes) -> WeightLimits | None:
    """The limits of ``exchangeInfo.rateLimits``; None where it names no weight that can be read."""
    try:
        rows = {row["rateLimitType"]: row for row in jsontext.loads(listed) if row["rateLimitType"] != "ORDERS"}
        weight, requests = rows["REQUEST_WEIGHT"], rows.get("RAW_REQUESTS")
        limits = WeightLimits(weight=int(weight["limit"]), weight_ms=_length_ms(weight))
        if requests is not None:
            limits = WeightLimits(limits.weight, limits.weight_ms, int(requests["limit"]), _length_ms(requests))
    except (BadMessageError, KeyError, TypeError, ValueError):
        return None
    return limits if min(limits.weight, limits.requests) > 0 else None


def banned_until_ms(body: bytes) -> int:
    """The moment a -1003 text names as the end of a ban, UTC epoch ms; 0 where it names none."""
    found = _BANNED_UNTIL.search(body)
    return int(found[1]) if found else 0


def _length_ms(row: dict[str, int | str]) -> int:
    return int(row["intervalNum"]) * _UNITS_MS[str(row["interval"])]


def _seconds(text: str | None) -> float:
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d+)?", text.strip()) else 0.0  # a date is not understood

"""What mappings may call beside CEL's own functions. A refusal is a `ValueError`: the engine turns it into its words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

Overloads = tuple[tuple[tuple[str, ...], str], ...]


def minor_units(amount: str | float, digits: int = 2) -> int:
    """Money as a decimal text or number in minor units, exactly: `"12.30"` is 1230. Refuses what has more digits."""
    try:
        scaled = Decimal(str(amount).strip()).scaleb(digits)
    except InvalidOperation:
        raise ValueError(f"{amount!r} is not an amount of money") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{amount!r} is not an amount with {digits} decimal places")
    return int(scaled)


def utc(moment: str, zone: str) -> str:
    """A moment in ISO 8601 as UTC; one without an offset is local time in `zone`."""
    parsed = datetime.fromisoformat(moment.strip())
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC).isoformat(timespec="auto").replace("+00:00", "Z")


def text(value: str | float) -> str:
    """A number or a text as text; a whole number has no decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Overloads]] = {
    "minor_units": (
        minor_units,
        (
            (("text",), "whole"),
            (("whole",), "whole"),
            (("number",), "whole"),
            (("text", "whole"), "whole"),
            (("whole", "whole"), "whole"),
            (("number", "whole"), "whole"),
        ),
    ),
    "utc": (utc, ((("text", "text"), "text"),)),
    "text": (text, ((("text",), "text"), (("whole",), "text"), (("number",), "text"))),
}

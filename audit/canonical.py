"""One spelling per value, so that a hash made today can be made again by a stranger.

The canonical form is RFC 8785 (JCS) restricted to objects with ASCII keys, arrays, strings, booleans, null and integers below 2**53:
for these, sorted compact JSON is already canonical, and the C encoder is about twenty times faster than a general implementation.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from uuid import UUID

MAX_SAFE_INTEGER = 2**53 - 1
ALREADY_PLAIN = frozenset({str, bool, type(None)})
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def plain(value: object) -> object:  # noqa: C901, PLR0911 -- one arm per type is the table itself
    """`value` in terms JSON can say exactly: times as RFC 3339 UTC, decimals and UUIDs as text.

    Raises `TypeError` for a float, an integer beyond 2**53 or anything else without one exact spelling.
    """
    if type(value) in ALREADY_PLAIN:
        return value
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | str():
            return value
        case int():
            if abs(value) > MAX_SAFE_INTEGER:
                raise TypeError(f"{value} has no exact JSON number; write it as text")
            return value
        case datetime():
            return timestamp(value)
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case dict():
            return {_key(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
    raise TypeError(f"{type(value).__name__} has no canonical JSON spelling")


def _key(key: object) -> str:
    if isinstance(key, str) and key.isascii():
        return str(key)
    raise TypeError(f"{key!r} is not an ASCII key")


def canonical_json(value: object) -> str:
    """`value` as canonical JSON text (see the module's docstring). Raises `TypeError` as `plain` does."""
    return _encode(plain(value))


@lru_cache(maxsize=256)
def timestamp(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC with microseconds, always 27 characters."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sha256_hex(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()

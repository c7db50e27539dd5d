"""The rules as admins edit them."""

from rules.admin import (
    accounts,
    books,
    calendars,
    content,
    contracts,
    exception_types,
    flows,
    people,
    quality,
    routing,
    runbooks,
)

__all__ = [
    "accounts",
    "books",
    "calendars",
    "content",
    "contracts",
    "exception_types",
    "flows",
    "people",
    "quality",
    "routing",
    "runbooks",
]

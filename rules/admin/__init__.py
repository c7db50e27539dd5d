"""The rules as admins edit them."""

from rules.admin import (
    accounts,
    books,
    calendars,
    content,
    contracts,
    exception_types,
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
    "people",
    "quality",
    "routing",
    "runbooks",
]

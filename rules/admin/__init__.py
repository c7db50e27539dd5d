"""The rules as admins edit them."""

from rules.admin import books, calendars, contracts, exception_types, people, routing

__all__ = ["books", "calendars", "contracts", "exception_types", "people", "routing"]

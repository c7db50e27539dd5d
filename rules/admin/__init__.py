"""The rules as admins edit them."""

from rules.admin import accounts, books, calendars, contracts, exception_types, people, quality, routing, runbooks

__all__ = ["accounts", "books", "calendars", "contracts", "exception_types", "people", "quality", "routing", "runbooks"]

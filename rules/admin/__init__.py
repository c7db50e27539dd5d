"""The rules as admins edit them."""

from rules.admin import books, calendars, contracts, people, routing

__all__ = ["books", "calendars", "contracts", "people", "routing"]

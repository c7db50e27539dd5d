"""Reads of the rules app."""

from rules.selectors.absences import absences_from, can_cover, managed_person, people_managed
from rules.selectors.books import HOLD_CONTEXT, ORDER_CONTEXT, active_book, book, book_knowing, document_to_freeze
from rules.selectors.contracts import contract, contracts, not_in_force, redact, validate_payload
from rules.selectors.decisions import (
    Decisions,
    Trial,
    decisions_with_key,
    matches_in,
    recent_decisions,
    verify_decisions,
)
from rules.selectors.ladders import doubts_about
from rules.selectors.people import (
    actor_for,
    addresses_of,
    beyond_holder,
    clients_of,
    gone_for_long,
    on_duty,
    people_behind,
    roles_of,
    roster,
)

__all__ = [
    "HOLD_CONTEXT",
    "ORDER_CONTEXT",
    "Decisions",
    "Trial",
    "absences_from",
    "active_book",
    "actor_for",
    "addresses_of",
    "beyond_holder",
    "book",
    "book_knowing",
    "can_cover",
    "clients_of",
    "contract",
    "contracts",
    "decisions_with_key",
    "document_to_freeze",
    "doubts_about",
    "gone_for_long",
    "managed_person",
    "matches_in",
    "not_in_force",
    "on_duty",
    "people_behind",
    "people_managed",
    "recent_decisions",
    "redact",
    "roles_of",
    "roster",
    "validate_payload",
    "verify_decisions",
]

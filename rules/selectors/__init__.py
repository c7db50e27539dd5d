"""Reads of the rules app."""

from rules.selectors.absences import absences_from, can_cover, managed_person, people_managed
from rules.selectors.accounts import (
    FACTOR_MISSING,
    Factors,
    SessionRow,
    factors_of,
    has_factor,
    lacks_factor,
    only_person_with,
    sessions_of,
)
from rules.selectors.backups import owner_fields, without_backup
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
    actor_again,
    actor_for,
    addresses_of,
    beyond_holder,
    clients_of,
    gone_for_long,
    on_duty,
    people_behind,
    roles_of,
    roster,
    token_actor,
)
from rules.selectors.reach import Unreachable, unreachable
from rules.selectors.rotation import Holding, holding, holdings, is_all_in_force
from rules.selectors.workers import Worker, workers_of

__all__ = [
    "FACTOR_MISSING",
    "HOLD_CONTEXT",
    "ORDER_CONTEXT",
    "Decisions",
    "Factors",
    "Holding",
    "SessionRow",
    "Trial",
    "Unreachable",
    "Worker",
    "absences_from",
    "active_book",
    "actor_again",
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
    "factors_of",
    "gone_for_long",
    "has_factor",
    "holding",
    "holdings",
    "is_all_in_force",
    "lacks_factor",
    "managed_person",
    "matches_in",
    "not_in_force",
    "on_duty",
    "only_person_with",
    "owner_fields",
    "people_behind",
    "people_managed",
    "recent_decisions",
    "redact",
    "roles_of",
    "roster",
    "sessions_of",
    "token_actor",
    "unreachable",
    "validate_payload",
    "verify_decisions",
    "without_backup",
    "workers_of",
]

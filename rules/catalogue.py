"""What every kind of exception must say: an owner, a deadline, one route with what it needs, what to do and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rules.playbooks import mistakes_in_acceptance, mistakes_in_outcomes, mistakes_in_playbook
from rules.states import TRIAGE, Route

CANCELLED: Final = "cancelled"
# Each with what its absence would mean, in words for the person who edits the kind.
NEEDED: Final[Mapping[str, str]] = {
    "owner": "nobody has it",
    "sla": "it has no deadline",
    "route": "it has no next step",
    "fallback": "nobody gets it when it is re-routed",
    "ladder": "it escalates to nobody",
    "playbook": "nobody knows what to do about it",
    "acceptance": "nobody knows when it is done",
    "outcomes": "nothing could ever be resolved",
}
CHECKS: Final = {
    "playbook": mistakes_in_playbook,
    "acceptance": mistakes_in_acceptance,
    "outcomes": mistakes_in_outcomes,
}


def missing_in(row: Mapping[str, Any]) -> list[str]:
    """The names of what a kind of exception does not say, of `NEEDED`."""
    return [name for name in NEEDED if not row.get(name)]


def mistakes_in_route(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The field and the sentence of each thing the route lacks."""
    route = row.get("route")
    if route and route not in Route.values:
        yield "route", f"Choose one of {', '.join(Route.values)}."
    if route == Route.CANCEL:
        if not row.get("route_approver_role"):
            yield "route_approver_role", "Say who is asked before anything is cancelled."
        if CANCELLED not in {one.get("slug") for one in row.get("outcomes") or () if isinstance(one, Mapping)}:
            yield "outcomes", f"Name the outcome “{CANCELLED}”: whoever is asked could not say yes."
    elif row.get("route_approver_role"):
        yield "route_approver_role", "Only the route “Cancel” asks somebody first."


def gaps_in_types(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a rule book's kinds of exceptions leave something open: a JSON pointer and a sentence each."""
    types: Mapping[str, Mapping[str, Any]] = document["exception_types"]
    for slug, row in types.items():
        for name in missing_in(row):
            if name in {"playbook", "acceptance"}:  # the others have sentences of their own
                yield f"/exception_types/{slug}/{name}", f"{slug}: {NEEDED[name]}."
        for field, check in CHECKS.items():
            for mistake in check(row[field]):
                yield f"/exception_types/{slug}/{field}{mistake.pointer}", f"{slug}: {mistake.detail}"
        for field, detail in mistakes_in_route(row):
            yield f"/exception_types/{slug}/{field}", f"{slug}: {detail}"
    if TRIAGE not in types:
        yield "/exception_types", f"There is no kind “{TRIAGE}”: a failure nobody has foreseen would reach nobody."

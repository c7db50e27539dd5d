"""What a plan to decide orders anew would change, in words: before and after, by the names people know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from orders.fulfilment.decisions.anew import SETTLED
from orders.fulfilment.selectors.orders import orders_for
from rules import selectors as rules
from rules.rulebook import CompiledBook

TITLES: Final[Mapping[str, str]] = {
    "owner": noop("Owner"),
    "flow": noop("Flow"),
    "sla": noop("Service level"),
    "fallback": noop("Fallback"),
    "fallback_after_minutes": noop("Fallback after, in minutes"),
}


@dataclass(frozen=True)
class AnewLine:
    """One order: what of its decision changes (title, before, after), and the rule that says so."""

    key: str
    rule: str
    changes: Sequence[tuple[str, str, str]]


def planned_changes(items: Sequence[Mapping[str, Any]], *, by: Actor) -> list[AnewLine]:
    """Of the items of a plan, as far as the orders exist for the actor; one query for any number of them."""
    ids = [UUID(item["id"]) for item in items]
    decisions = {str(one.pk): one.decision for one in orders_for(by).select_related("decision").filter(pk__in=ids)}
    book = rules.active_book()
    lines = []
    for item in items:
        if (decision := decisions.get(item["id"])) is None:
            continue
        then, new = rules.book(decision.book_id), item["given"]
        changes = [
            (TITLES[what], _name(then, what, decision.outcome[what]), _name(book, what, new[what]))
            for what in SETTLED
            if what in new
        ]
        lines.append(AnewLine(item["key"], new["rule"], changes))
    return lines


def _name(book: CompiledBook, what: str, value: Any) -> str:
    if what in {"owner", "fallback"}:
        return book.owner(value).name
    if what == "flow":
        return book.flow(value).name
    return book.sla(value).name if what == "sla" else str(value)

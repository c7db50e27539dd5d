"""What a queue offers to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.words import said
from exceptions import subjects
from exceptions.list_pages import NONE
from exceptions.selectors import owners
from exceptions.selectors.queue_filters import AT_RISK, as_one
from exceptions.selectors.saved_views import ViewLink, link_records, read_links
from exceptions.states import CASE_LIVE
from rules import selectors as rules
from rules.models import ExceptionType, Owner, Team


@dataclass(frozen=True)
class Offers:
    """What a queue offers to choose from: values and labels of its filters, and the views that are kept of it."""

    choices: Mapping[str, list[tuple[str, str]]]
    views: Sequence[ViewLink]


def offers(*, by: Actor, page: str) -> Offers:
    """What can be chosen in the filters of this list, and its views: everything that is looked up for it, in one statement."""
    named: dict[str, list[tuple[str, str]]] = {"client": [], "type": [], "owner": []}
    records: dict[str, QuerySet[Any]] = {
        "client": rules.clients_of(by),
        "type": ExceptionType.objects.filter(is_active=True),
        "owner": Owner.objects.filter(is_active=True),
        "team": Team.objects.filter(is_active=True),
    }
    nothing = Value("", output_field=CharField())
    asked = [rows.values_list(Value(kind), "slug", "name", nothing, nothing) for kind, rows in records.items()]
    found = list(as_one([*asked, *link_records(by, page).values()]))
    for kind, slug, name, *_ in sorted(found, key=lambda row: row[2].casefold()):
        if kind == "team":
            named["owner"].append((f"{owners.TEAM}{slug}", said("%(name)s and its people", name=name)))
        elif kind in named:
            named[kind].append((slug, name))
    if by.clients is None:
        named["client"].append((NONE, noop("The house")))
    return Offers(
        choices={
            **named,
            "state": [(state.value, str(state.label)) for state in CASE_LIVE],
            "due": [
                ("overdue", noop("Late")),
                (AT_RISK, noop("At risk")),
                ("1h", noop("Within the hour")),
                ("today", noop("Within 24 hours")),
            ],
            "created": [
                ("today", noop("Today")),
                ("7d", noop("In the last 7 days")),
                ("30d", noop("In the last 30 days")),
            ],
            "hold": list(subjects.choices_of("hold").items()),
            "channel": [],
            "risk": [("100..", noop("100 or more")), ("500..", noop("500 or more")), ("1000..", noop("1,000 or more"))],
            "sort": [
                ("urgency", noop("Urgency")),
                ("due", noop("Deadline")),
                ("-risk", noop("Money at risk")),
                ("-created", noop("Newest")),
            ],
        },
        views=read_links(found, {slug for slug, _ in named["client"]}),
    )

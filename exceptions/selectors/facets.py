"""What a filter of the queue can be set to, with how many exceptions each value would leave under the other filters.

Asked only when somebody opens the menu: one statement for all its values, none counted further than a page says.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from exceptions import subjects
from exceptions.list_pages import NONE
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import owners, queue
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.people import counted
from exceptions.selectors.queue_filters import QueueFilters, filtered, refuse_unknown
from exceptions.states import CASE_LIVE
from exceptions.words import cause_in_words
from rules import selectors as rules
from rules.models import ExceptionType, Owner, Team, TeamMember


@dataclass(frozen=True)
class FacetValue:
    """One value of a filter, in words, and how many it would leave; `is_at_least` where only the first of the list were looked at."""

    value: str
    label: str
    count: int
    is_on: bool = False
    is_at_least: bool = False


@dataclass(frozen=True)
class Facet:
    """The values of one filter that leave something, or are on, those that leave most first; `takes_one` where only one can be on."""

    name: str
    values: list[FacetValue]
    most_counted: int
    takes_one: bool = False

    @property
    def most_shown(self) -> str:
        """The number no count goes beyond, as it is written."""
        return f"{self.most_counted:,}"

    @property
    def is_cut(self) -> bool:
        """Whether the list is longer than what was looked at."""
        return any(one.is_at_least for one in self.values)


def facet(*, by: Actor, filters: QueueFilters, name: str, now: datetime) -> Facet:
    """The values of this filter. Raises `NotFound` for one that is not offered, and `Invalid` as the list does."""
    if name not in FACETS:
        raise NotFound(said("This list has no such filter."))
    refuse_unknown(filters, by=by)
    on = {value for value in getattr(filters, name).split(",") if value} if name != "cause" else {filters.cause} - {""}
    others = tuple((one, values) for one, values in filters.without if one != name)
    given: dict[str, Any] = {name: ""}
    left = replace(filters, without=others, **given)
    cases = filtered(queue.visible_cases(by).live(), by=by, filters=left, now=now)
    found = [replace(one, is_on=one.value in on) for one in FACETS[name](cases, by)]
    known = {one.value for one in found}
    missing = [FacetValue(value, value, 0, is_on=True) for value in sorted(on - known)]
    return as_facet(name, [*found, *missing], most_counted=queue.MOST_COUNTED, takes_one=name == "cause")


def as_facet(name: str, values: Iterable[FacetValue], *, most_counted: int, takes_one: bool = False) -> Facet:
    """These values as a menu says them."""
    shown = [one for one in values if one.count or one.is_on]
    shown.sort(key=lambda one: (-min(one.count, most_counted), one.label.casefold(), one.value))
    return Facet(name, shown, most_counted, takes_one)


def _states(cases: CaseQuerySet, _: Actor) -> list[FacetValue]:
    counts = capped_counts([queue.by_urgency(cases.filter(state=one)) for one in CASE_LIVE], most=queue.MOST_COUNTED)
    return [FacetValue(one.value, str(one.label), count) for one, count in zip(CASE_LIVE, counts, strict=True)]


def _types(cases: CaseQuerySet, _: Actor) -> list[FacetValue]:
    theirs = queue.by_urgency(cases.filter(type=OuterRef("slug")))
    types = ExceptionType.objects.annotate(n=counted(theirs)).values_list("slug", "name", "n")
    return [FacetValue(*row) for row in types]


def _clients(cases: CaseQuerySet, by: Actor) -> list[FacetValue]:
    theirs = queue.by_urgency(cases.filter(client=OuterRef("pk")))
    found = [
        FacetValue(*row) for row in rules.clients_of(by).annotate(n=counted(theirs)).values_list("slug", "name", "n")
    ]
    if by.clients is None:
        (count,) = capped_counts([queue.by_urgency(cases.filter(client=None))], most=queue.MOST_COUNTED)
        found.append(FacetValue(NONE, noop("The house"), count))
    return found


def _owners(cases: CaseQuerySet, _: Actor) -> list[FacetValue]:
    """Owners, and teams with their people: an exception has one owner, so a team's are added up."""
    theirs = queue.by_urgency(cases.filter(owner=OuterRef("pk")))
    members = TeamMember.objects.filter(user=OuterRef("user"), is_active=True, team__is_active=True)
    rows = list(
        Owner.objects.annotate(n=counted(theirs), teams=ArraySubquery(members.values("team__slug"))).values_list(
            "slug", "name", "n", "teams", "team__slug"
        )
    )
    of_team = Counter[str]()
    for _slug, _name, count, teams, team in rows:
        for one in {*teams, team} - {None}:
            of_team[one] += count
    names = Team.objects.filter(slug__in=of_team, is_active=True).values_list("slug", "name")
    teams = [
        FacetValue(f"{owners.TEAM}{slug}", said("%(name)s and its people", name=name), of_team[slug])
        for slug, name in names
    ]
    return [*teams, *(FacetValue(slug, name, count) for slug, name, count, *_ in rows)]


def _causes(cases: CaseQuerySet, _: Actor) -> list[FacetValue]:
    """Those of the most urgent: causes are too many to ask for each."""
    found = list(queue.by_urgency(cases).values_list("cause", flat=True)[: queue.MOST_COUNTED + 1])
    is_cut = len(found) > queue.MOST_COUNTED
    return [
        FacetValue(one or NONE, cause_in_words(one) if one else noop("None"), count, is_at_least=is_cut)
        for one, count in Counter(found).items()
    ]


def _of_subject(name: str) -> Callable[[CaseQuerySet, Actor], list[FacetValue]]:
    def values(cases: CaseQuerySet, _: Actor) -> list[FacetValue]:
        choices = subjects.choices_of(name)
        if choices:
            asked = [queue.by_urgency(cases.filter(subjects.having(name, [one]))) for one in choices]
            counts = capped_counts(asked, most=queue.MOST_COUNTED)
            return [FacetValue(*item, count) for item, count in zip(choices.items(), counts, strict=True)]
        first = queue.by_urgency(cases).only("subject_type", "subject_id")[: queue.MOST_COUNTED + 1]
        found = list(first)
        had = Counter(value for values in subjects.values_of(name, found).values() for value in values)
        is_cut = len(found) > queue.MOST_COUNTED
        return [FacetValue(value, value, count, is_at_least=is_cut) for value, count in had.items()]

    return values


FACETS: Final[Mapping[str, Callable[[CaseQuerySet, Actor], list[FacetValue]]]] = {
    "state": _states,
    "client": _clients,
    "type": _types,
    "owner": _owners,
    **{name: _of_subject(name) for name in subjects.FACETS},
    "cause": _causes,
}

"""What the pages about absences and leaving show: who is away, what others stood in for, what somebody still answers for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from audit.access import require
from audit.context import Actor
from audit.errors import Refused
from exceptions.models import ExceptionCase, StandIn, Waiver
from exceptions.selectors.gaps import Owned, owned_by
from exceptions.selectors.visible import cases_for
from exceptions.selectors.waivers import waiting_for
from exceptions.states import WAIVER_LIVE, CaseState
from rules import selectors as rules
from rules.models import Absence, Owner

MOST_SHOWN = 200
MOST_PREVIEWED = 20


@dataclass(frozen=True)
class StoodIn:
    """An exception others stood in for; `is_untouched`: where it went nobody has begun with it."""

    case: ExceptionCase
    moved_at: datetime
    is_untouched: bool


@dataclass(frozen=True)
class AwayPage:
    """One person's absences, open work and what others stood in for, with everybody else the reader looks after."""

    person: Owner
    people: Sequence[Owner]
    absences: Sequence[Absence]
    running: Absence | None
    open_count: int
    open_cases: Sequence[ExceptionCase]
    approval_count: int
    owned: Sequence[Owned]
    is_away: bool
    is_backup_away: bool
    stood_in: Sequence[StoodIn]
    able: Sequence[Owner]

    @property
    def owned_count(self) -> int:
        """How many records name the person as owner, backup or the like."""
        return sum(one.count for one in self.owned)


@dataclass(frozen=True)
class HandoverPage:
    """Everything that needs somebody else before a person can leave."""

    person: Owner
    open_count: int
    approval_count: int
    waiver_count: int
    owned: Sequence[Owned]
    able: Sequence[Owner]


def away_page(*, by: Actor, who: str = "", now: datetime) -> AwayPage:
    """The page for this person (an owner's slug; the reader without one).

    Raises `Refused` for somebody else's people, and for a reader who looks after nobody.
    """
    people = list(rules.people_managed(by))
    mine = next((one for one in people if one.user_id == by.user_id), people[0] if people else None)
    if not who and mine is None:
        raise Refused("You own nothing that somebody could stand in for.")
    person = rules.managed_person(who, by=by) if who else mine
    assert person is not None  # noqa: S101 -- said above
    away = rules.roster(now).away
    absences = list(rules.absences_from(now, owners=rules.people_managed(by)))
    return AwayPage(
        person=person,
        people=people,
        absences=absences,
        running=next((one for one in absences if one.owner_id == person.pk and one.starts_at <= now), None),
        open_count=_open_cases(person, by).count(),
        open_cases=list(_open_cases(person, by).order_by("due_at", "pk")[:MOST_PREVIEWED]),
        approval_count=_approvals(person, now),
        owned=owned_by([person.pk]).get(person.pk, []),
        is_away=person.pk in away,
        is_backup_away=person.backup_id in away,
        stood_in=stood_in_for(person, by=by),
        able=rules.can_cover(person, at=now),
    )


def stood_in_for(person: Owner, *, by: Actor) -> list[StoodIn]:
    """The open exceptions others have because the person was away, the soonest deadline first."""
    if not by.may("exceptions.view_case"):
        return []
    moves = StandIn.objects.filter(case=OuterRef("pk"), owner=person, taken_back_at=None)
    cases = cases_for(by).live().filter(Exists(moves)).exclude(owner=person)  # type: ignore[attr-defined]
    last = moves.order_by("-at", "-pk")
    found = cases.annotate(moved_at=Subquery(last.values("at")[:1]), went_to=Subquery(last.values("to")[:1]))
    return [
        StoodIn(case, case.moved_at, case.state == CaseState.OPEN and case.owner_id == case.went_to)
        for case in found.order_by("due_at", "pk")[:MOST_SHOWN]
    ]


def handover_page(*, username: str, by: Actor, now: datetime) -> HandoverPage:
    """What this person answers for. Raises `NotFound`, and `Refused` for somebody else's people."""
    require(by, "exceptions.view_case")
    slug = Owner.objects.filter(user__username=username).values_list("slug", flat=True).first()
    person = rules.managed_person(slug or "", by=by)
    return HandoverPage(
        person=person,
        open_count=_open_cases(person, by).count(),
        approval_count=_approvals(person, now),
        waiver_count=Waiver.objects.filter(owner=person, state__in=WAIVER_LIVE).count(),
        owned=owned_by([person.pk]).get(person.pk, []),
        able=rules.can_cover(person, at=now),
    )


def _open_cases(person: Owner, by: Actor) -> QuerySet[ExceptionCase]:
    return ExceptionCase.objects.of_clients(by.clients).live().filter(owner=person)


def _approvals(person: Owner, now: datetime) -> int:
    """How many requests wait for this person to decide."""
    if person.user is None:
        return 0
    return waiting_for(by=rules.actor_for(person.user, channel="web"), now=now).count()

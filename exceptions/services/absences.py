"""What happens to the exceptions of people who go away, come back or leave: always many at once, always by the one way cases move."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, DomainError, FieldError, Invalid, Refused
from audit.services.events import record_refusal
from audit.texts import reason_given
from audit.words import at, said
from exceptions.models import ExceptionCase, StandIn
from exceptions.services.escalation import Decide, Move, Standing, move_cases
from exceptions.services.notifications import notify
from exceptions.services.working import overtaken
from exceptions.states import CASE_LIVE
from rules import selectors as rules
from rules import services as rule_services
from rules.models import Absence, Owner
from rules.selectors.people import Roster
from rules.states import OpenWork

WATCH: Final = "absence.watch"
MOST_MOVED: Final = 1_000
MOST_AT_ONCE: Final = 200


@dataclass(frozen=True)
class Chosen:
    """An exception that is to come back, at the version that was looked at."""

    id: UUID
    key: str
    seen: int


@dataclass(frozen=True)
class Outcome:
    """What came of one of them; `why` says what stood in the way, and is empty where it was done."""

    key: str
    why: str = ""


def go_away(
    *,
    person: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    cover: str = "",
    note: str = "",
    open_work: str = OpenWork.BY_LENGTH,
    by: Actor,
    now: datetime,
) -> tuple[Absence, int]:
    """Enter an absence and tell who stands in; how many open exceptions moved at once.

    That is all of them where `open_work` says so, else what moves when it begins (`reassign_from_absent`), if it has begun. Raises as
    `enter_absence`.
    """
    with acting(by, at=now):
        absence = rule_services.enter_absence(
            person=person,
            starts_at=starts_at,
            ends_at=ends_at,
            cover=cover,
            note=note,
            open_work=open_work,
            by=by,
            now=now,
        )
        owner = absence.owner
        start = at(absence.starts_at)
        if ends_at is None:
            text = said(
                "%(name)s is away from %(start)s until further notice; you stand in.", name=owner.name, start=start
            )
        else:
            text = said(
                "%(name)s is away from %(start)s to %(end)s; you stand in.",
                name=owner.name,
                start=start,
                end=at(ends_at),
            )
        notify(owner=absence.cover or owner.backup, event="absence.entered", text=text, url="/people/away/", now=now)
        if absence.starts_at <= now:
            moved = reassign_from_absent(now=now, only=[owner.pk], timer="")
        else:
            moved = _move_ahead(absence, now) if open_work == OpenWork.MOVE_NOW else 0
    return absence, moved


def come_back(*, absence_id: UUID, by: Actor, now: datetime) -> Absence:
    """End an absence and tell who stood in. Raises as `end_absence`."""
    with acting(by, at=now):
        absence = rule_services.end_absence(absence_id=absence_id, by=by, now=now)
        stood_in = absence.cover or absence.owner.backup
        text = said("%(name)s is back, or does not go away; you no longer stand in.", name=absence.owner.name)
        notify(owner=stood_in, event="absence.ended", text=text, url="/people/away/", now=now)
    return absence


def reassign_from_absent(*, now: datetime, only: Collection[UUID] | None = None, timer: str = WATCH) -> int:
    """Give the cases of owners who are away for long to those who stand in; the number moved. Runs inside `acting()`.

    What was moved because of an absence is kept as a `StandIn`. `only` looks at these owners alone. `timer` is
    what looked, for the trail; nothing where somebody said that they go.
    """
    gone = rules.gone_for_long(now, hours=settings.AWAY_HOURS)
    owners = set(gone) if only is None else set(gone) & set(only)
    candidates = ExceptionCase.objects.live().filter(owner_id__in=owners).exclude(Exists(_due_later(gone)))
    return _stand_in_for(candidates, _to_stand_in, gone, timer=timer, now=now)


def _due_later(gone: Mapping[UUID, UUID | None]) -> QuerySet[Absence]:
    """The absence that leaves an exception with its owner: what is due after it may wait."""
    staying = Absence.objects.filter(pk__in=[pk for pk in gone.values() if pk], open_work=OpenWork.MOVE_DUE)
    return staying.filter(owner=OuterRef("owner"), ends_at__lte=OuterRef("due_at"))


def _move_ahead(absence: Absence, now: datetime) -> int:
    """Give all a person has to who will stand in, before the absence has begun."""
    stand_in = rules.on_duty((absence.cover or absence.owner.backup).slug, now)
    if stand_in.pk == absence.owner_id:
        return 0
    theirs = ExceptionCase.objects.live().filter(owner=absence.owner)
    return _stand_in_for(theirs, _to(stand_in), {absence.owner_id: absence.pk}, timer="", now=now)


def _stand_in_for(
    cases: QuerySet[ExceptionCase],
    decide: Decide,
    absences: Mapping[UUID, UUID | None],
    *,
    timer: str,
    now: datetime,
) -> int:
    """Move these, and keep for each because of which absence it went; how many moved."""
    found = cases.order_by("pk").select_for_update(skip_locked=True)
    locked = list(found.values_list("pk", flat=True)[:MOST_MOVED])
    groups = move_cases(
        ids=[str(pk) for pk in locked], states=CASE_LIVE, decide=decide, event="case.owner_away", timer=timer, now=now
    )
    StandIn.objects.bulk_create(
        [
            StandIn(case_id=case.ref.id, absence_id=absence_id, owner=standing.owner, to=move.owner, at=now)
            for standing, move, moved in groups
            if (absence_id := absences[standing.owner.pk]) is not None
            for case in moved
        ]
    )
    return sum(len(moved) for _, _, moved in groups)


def take_back(*, person: str, chosen: Sequence[Chosen], by: Actor, now: datetime) -> list[Outcome]:
    """Give a person who is back the chosen ones of what others stood in for; what came of each, in their order.

    One that changed since it was looked at, or is not the actor's to work, stays where it is and says why. Raises `Refused` for
    somebody else's people, `Conflict` while the person is away and `Invalid` for too many.
    """
    if not 0 < len(chosen) <= MOST_AT_ONCE:
        detail = said("Choose one to %(value)s exceptions.", value=MOST_AT_ONCE)
        raise Invalid(detail, errors=[FieldError("/id", "out-of-range", detail)])
    with acting(by, at=now):
        owner = rules.managed_person(person, by=by)
        if owner.pk in rules.roster(now).away:
            raise Conflict(said("%(name)s is still away: end the absence first.", name=owner.name))
        ids = [one.id for one in chosen]
        cases = {case.pk: case for case in ExceptionCase.objects.select_for_update().filter(pk__in=ids).order_by("pk")}
        moves = StandIn.objects.filter(owner=owner, case_id__in=ids, taken_back_at=None)
        stood_in = set(moves.values_list("case_id", flat=True))
        outcomes = [
            Outcome(one.key, _why_not(one, cases.get(one.id) if one.id in stood_in else None, owner, by, now))
            for one in chosen
        ]
        going = [one.id for one, outcome in zip(chosen, outcomes, strict=True) if not outcome.why]
        move_cases(ids=[str(pk) for pk in going], states=CASE_LIVE, decide=_to(owner), event="case.taken_back", now=now)
        moves.filter(case_id__in=going).update(taken_back_at=now)
    return outcomes


def _why_not(one: Chosen, case: ExceptionCase | None, owner: Owner, by: Actor, now: datetime) -> str:
    """What stands in the way of taking it back; a refusal is kept in the trail."""
    if case is None or case.state not in CASE_LIVE or case.owner_id == owner.pk:
        return said("Nobody stands in for %(name)s here any more.", name=owner.name)
    try:
        require(by, "exceptions.work_case", case)
        if case.version != one.seen:
            raise overtaken(case)
    except DomainError as refused:
        if isinstance(refused, Refused):
            record_refusal(by, error=refused, what=f"take back {one.key}", now=now)
        return refused.message
    return ""


def hand_over_cases(*, person: str, to: str, reason: str, by: Actor, now: datetime) -> int:
    """Give all open exceptions of a person to another owner, as far as one act reaches; how many. The clocks keep running.

    Raises `Refused` for somebody else's people or without the right to reassign, `Invalid` for somebody who is away or may not do the
    work.
    """
    with acting(by, at=now, reason=reason_given(reason)):
        owner = rules.managed_person(person, by=by)
        require(by, "exceptions.reassign_case")
        able = {one.slug: one for one in rules.can_cover(owner, at=now)}
        if to not in able:
            detail = said(
                "“%(to)s” cannot take them: away now, or without the right to work what %(name)s works.",
                to=to,
                name=owner.name,
            )
            raise Invalid(detail, errors=[FieldError("/to", "cannot-cover", detail)])
        theirs = ExceptionCase.objects.of_clients(by.clients).live().filter(owner=owner).order_by("pk")
        locked = list(theirs.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_MOVED])
        groups = move_cases(
            ids=[str(pk) for pk in locked], states=CASE_LIVE, decide=_to(able[to]), event="case.reassigned", now=now
        )
    return sum(len(cases) for _, _, cases in groups)


def _to_stand_in(case: Standing, roster: Roster) -> Move | None:
    owner = roster.on_duty(case.owner.slug)
    return None if owner.pk == case.owner.pk else Move(owner, roster.owners[owner.backup_id], case.step)


def _to(owner: Owner) -> Decide:
    """Always to this owner, with the owner's own backup behind."""

    def decide(case: Standing, roster: Roster) -> Move:
        return Move(owner, roster.owners[owner.backup_id], case.step)

    return decide

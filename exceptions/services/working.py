"""What every act on an exception shares: lock it, look at what the person looked at, permission; and the clock of silence afterwards."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.context import Actor, acting
from audit.errors import IllegalTransition, NotFound
from audit.models import User
from audit.subject_refs import subject_ref
from audit.words import said, within
from exceptions import subjects
from exceptions.errors import CaseTaken
from exceptions.models import ExceptionCase
from exceptions.services.openings import ACKNOWLEDGE, FALLBACK, PROGRESS, ROUTE
from exceptions.services.timers import TimerSetting, cancel_kinds, set_timers
from exceptions.states import CaseState
from rules.models import Client, Owner

LONGEST_NOTE = 10_000
# A sentence for each act, because other languages turn more than one word of it.
NOT_NOW: Final[Mapping[str, str]] = {
    "taken": noop("%(key)s is “%(label)s”, so it cannot be taken now."),
    "started": noop("%(key)s is “%(label)s”, so it cannot be started now."),
    "put to waiting": noop("%(key)s is “%(label)s”, so it cannot be put to waiting now."),
    "resumed": noop("%(key)s is “%(label)s”, so it cannot be resumed now."),
    "reassigned": noop("%(key)s is “%(label)s”, so it cannot be reassigned now."),
    "escalated": noop("%(key)s is “%(label)s”, so it cannot be escalated now."),
    "resolved": noop("%(key)s is “%(label)s”, so it cannot be resolved now."),
    "closed": noop("%(key)s is “%(label)s”, so it cannot be closed now."),
    "reopened": noop("%(key)s is “%(label)s”, so it cannot be reopened now."),
    "withdrawn": noop("%(key)s is “%(label)s”, so it cannot be withdrawn now."),
    "worked on": noop("%(key)s is “%(label)s”, so it cannot be worked on now."),
    "given another severity": noop("%(key)s is “%(label)s”, so it cannot be given another severity now."),
    "put on another ladder": noop("%(key)s is “%(label)s”, so it cannot be put on another ladder now."),
}


@contextmanager
def working(
    case_id: UUID,
    by: Actor,
    now: datetime,
    seen: int | None,
    permission: str = "exceptions.work_case",
    *,
    with_subject: bool = False,
) -> Iterator[ExceptionCase]:
    """The case, locked in one act, after its subject where the act goes on with that (locks go from the top app down).

    Raises `NotFound`, `Refused`, or `CaseTaken` when it is no longer what was `seen`.
    """
    with acting(by, at=now):
        if with_subject:
            lock_subjects([case_id])
        case = lock_case(case_id=case_id)
        require(by, permission, case)
        refuse_unless_seen(case, seen)
        yield case


def lock_subjects(case_ids: Collection[UUID]) -> None:
    """What these cases are about, locked before the cases are."""
    about: dict[str, list[str]] = {}
    for kind, subject_id in ExceptionCase.objects.filter(pk__in=case_ids).values_list("subject_type", "subject_id"):
        about.setdefault(kind, []).append(subject_id)
    for kind in sorted(about):
        if (subject := subjects.subject_for(kind)) is not None:
            subject.lock(about[kind])


def load_parties(cases: Sequence[ExceptionCase]) -> None:
    """Whom these belong to, looked up after they were locked; two queries."""
    owners = Owner.objects.in_bulk({owner for case in cases for owner in (case.owner_id, case.backup_id)})
    clients = Client.objects.in_bulk({case.client_id for case in cases if case.client_id})
    for case in cases:
        case.owner, case.backup = owners[case.owner_id], owners[case.backup_id]
        case.client = clients[case.client_id] if case.client_id else None


def lock_case(*, case_id: UUID) -> ExceptionCase:
    """The case, locked until the transaction ends. Raises `NotFound`."""
    # No join here: a row that changed while we waited is joined anew, and drops out when its owner is another by then.
    case = ExceptionCase.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return case


def refuse_unless_seen(case: ExceptionCase, seen: int | None) -> None:
    """Raises `CaseTaken` when it is no longer what was `seen`; None asks nothing."""
    if seen is not None and case.version != seen:
        raise overtaken(case)


def overtaken(case: ExceptionCase) -> CaseTaken:
    """Who was faster, when, and how the case stands now."""
    return overtaken_many([case])[case.pk]


def overtaken_many(cases: Sequence[ExceptionCase]) -> dict[UUID, CaseTaken]:
    """As `overtaken`, for many in the same few queries."""
    if not cases:
        return {}
    ids = [case.pk for case in cases]
    history = ExceptionCase.history.filter(id__in=ids).order_by("id", "-history_id").distinct("id")
    last = {row.id: row for row in history.only("id", "history_actor", "history_date")}
    names = _names({row.history_actor for row in last.values()})
    owners = Owner.objects.in_bulk({case.owner_id for case in cases})
    return {
        case.pk: _taken(
            case, owners[case.owner_id].name, names[last[case.pk].history_actor], last[case.pk].history_date
        )
        for case in cases
    }


def _taken(case: ExceptionCase, owner: str, who: str, at: datetime) -> CaseTaken:
    state = within(CaseState(case.state).label)
    return CaseTaken(
        said(
            "%(who)s was faster: %(key)s changed at %(at)s UTC and is now “%(state)s” with %(owner)s. Look at it again before you go on.",
            who=who,
            key=case.key,
            at=f"{at:%H:%M}",
            state=state,
            owner=owner,
        ),
        who=who,
        at=at,
    )


def _names(actor_ids: Collection[str]) -> dict[str, str]:
    people = [one.removeprefix("user:") for one in actor_ids if one.startswith("user:")]
    names = {f"user:{user.pk}": user.display_name for user in User.objects.filter(pk__in=people)} if people else {}
    return {one: names.get(one, "Handrail" if one.startswith("system:") else one) for one in actor_ids}


def refuse_unless(case: ExceptionCase, *states: CaseState, act: str) -> None:
    """Raises `IllegalTransition` saying where the case stands."""
    if case.state not in states:
        label = within(CaseState(case.state).label)
        raise IllegalTransition(
            said(NOT_NOW[act], key=case.key, label=label),
            at=case.updated_at,
        )


def running(case: ExceptionCase, now: datetime) -> None:
    """Taken, not solved: from here on a person decides what is done, and silence escalates too."""
    running_many([case], now)


def running_many(cases: Sequence[ExceptionCase], now: datetime) -> None:
    """As `running`, for many."""
    cancel_kinds(subjects=[subject_ref(case) for case in cases], kinds=(ACKNOWLEDGE, ROUTE, FALLBACK), now=now)
    set_timers(settings=[TimerSetting(subject_ref(case), PROGRESS, quiet_at(case, now)) for case in cases])


def quiet_at(case: ExceptionCase, now: datetime) -> datetime:
    """When silence that begins now has lasted too long; near the deadline sooner, but never at once."""
    silence = timedelta(minutes=case.progress_within_minutes)
    return min(now + silence, max(case.due_at, now + silence / 4))

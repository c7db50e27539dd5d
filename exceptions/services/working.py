"""What every act on an exception shares: lock it, look at what the person looked at, permission; and the clock of silence afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.models import User
from audit.subject_refs import subject_ref
from exceptions import subjects
from exceptions.errors import CaseTaken
from exceptions.models import ExceptionCase
from exceptions.services.openings import ACKNOWLEDGE, PROGRESS
from exceptions.services.timers import cancel_timers, set_timer
from exceptions.states import CaseState

SHORTEST_REASON = 3
LONGEST_REASON = 280
LONGEST_NOTE = 10_000


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
            _lock_subject(case_id)
        case = lock_case(case_id=case_id)
        require(by, permission, case)
        if seen is not None and case.version != seen:
            raise overtaken(case)
        yield case


def _lock_subject(case_id: UUID) -> None:
    about = ExceptionCase.objects.filter(pk=case_id).values_list("subject_type", "subject_id").first()
    subject = subjects.subject_for(about[0]) if about else None
    if about is not None and subject is not None:
        subject.lock([about[1]])


def lock_case(*, case_id: UUID) -> ExceptionCase:
    """The case, locked until the transaction ends. Raises `NotFound`."""
    # No join here: a row that changed while we waited is joined anew, and drops out when its owner is another by then.
    case = ExceptionCase.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return case


def overtaken(case: ExceptionCase) -> CaseTaken:
    """Who was faster, when, and how the case stands now."""
    last = case.history.order_by("-history_id").first()
    who = _name(last.history_actor)
    state = CaseState(case.state).label.lower()
    return CaseTaken(
        f"{who} was faster: {case.key} changed at {last.history_date:%H:%M} UTC and is now “{state}” with {case.owner.name}. "
        "Look at it again before you go on.",
        who=who,
        at=last.history_date,
    )


def _name(actor_id: str) -> str:
    if actor_id.startswith("user:"):
        user = User.objects.filter(pk=actor_id.removeprefix("user:")).first()
        return user.display_name if user else actor_id
    return "Handrail" if actor_id.startswith("system:") else actor_id


def refuse_unless(case: ExceptionCase, *states: CaseState, act: str) -> None:
    """Raises `IllegalTransition` saying where the case stands."""
    if case.state not in states:
        label = CaseState(case.state).label.lower()
        raise IllegalTransition(f"{case.key} is “{label}”, so it cannot be {act} now.", at=case.updated_at)


def reason_given(
    text: str, *, field: str = "reason", shortest: int = SHORTEST_REASON, longest: int = LONGEST_REASON
) -> str:
    """The text, trimmed. Raises `Invalid` when it says too little or too much."""
    if len(text.strip()) < shortest:
        detail = f"Say why in at least {shortest} characters."
        raise Invalid(detail, errors=[FieldError(f"/{field}", "too-short", detail)])
    if len(text.strip()) > longest:
        detail = f"Say it in at most {longest} characters."
        raise Invalid(detail, errors=[FieldError(f"/{field}", "too-long", detail)])
    return text.strip()


def running(case: ExceptionCase, now: datetime) -> None:
    """Taken, not solved: silence from here on escalates too."""
    cancel_timers(timers=[(subject_ref(case), ACKNOWLEDGE)], now=now)
    set_timer(subject=subject_ref(case), kind=PROGRESS, due_at=quiet_at(case, now))


def quiet_at(case: ExceptionCase, now: datetime) -> datetime:
    """When silence that begins now has lasted too long; near the deadline sooner, but never at once."""
    silence = timedelta(minutes=case.progress_within_minutes)
    return min(now + silence, max(case.due_at, now + silence / 4))

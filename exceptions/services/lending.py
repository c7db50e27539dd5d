"""What somebody has for a while: it comes by the roster, and goes back by a timer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from audit.context import Actor, acting, current_actor
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions.models import ExceptionCase
from exceptions.services.escalation import Move, Standing, move_cases
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.timers import cancel_timer, set_timer
from exceptions.states import CASE_LIVE
from exceptions.timer_kinds import Due
from rules import services as rule_services
from rules.models import TemporaryOwnership
from rules.selectors.people import Roster

RETURN: Final = "ownership.return"
PAGE: Final = "/people/temporary/"
MOST_MOVED: Final = 1_000


def lend(*, what: str, holder: str, ends_at: datetime, reason: str, by: Actor, now: datetime) -> TemporaryOwnership:
    """As `lend_ownership`, with the timer that gives it back; the holder and who lends are told."""
    with acting(by, at=now):
        lent = rule_services.lend_ownership(what=what, holder=holder, ends_at=ends_at, reason=reason, by=by, now=now)
        set_timer(subject=subject_ref(lent), kind=RETURN, due_at=ends_at)
        about = {"name": lent.holder.name, "what": lent.what, "end": at(ends_at)}
        to_holder = said("You have %(what)s until %(end)s; then it goes back by itself.", **about)
        _tell(lent, to_holder, said("%(name)s has %(what)s until %(end)s; then it goes back by itself.", **about), now)
    return lent


def give_back(*, lending_id: UUID, by: Actor, now: datetime) -> TemporaryOwnership:
    """End it, before its time or at it: what came of it and is open goes back. Raises as `end_lending`."""
    with acting(by, at=now):
        lent = rule_services.end_lending(lending_id=lending_id, by=by, now=now)
        cancel_timer(subject=subject_ref(lent), kind=RETURN, now=now)
        moved = move_cases(ids=_came_of(lent), states=CASE_LIVE, decide=_to_lender, event="case.given_back", now=now)
        count = sum(len(cases) for _, _, cases in moved)
        to_holder = said("No longer yours: %(what)s; %(count)s open went back.", what=lent.what, count=count)
        _tell(lent, to_holder, said("Yours again: %(what)s.", what=lent.what), now)
    return lent


def on_return(timers: Sequence[Due], *, now: datetime) -> None:
    """Its time is over."""
    ids = [timer.subject_id for timer in timers]
    for lent in TemporaryOwnership.objects.filter(pk__in=ids, ended_at=None).order_by("pk"):
        give_back(lending_id=lent.pk, by=current_actor(), now=now)


def _came_of(lent: TemporaryOwnership) -> list[str]:
    """The open exceptions the holder has because of it, locked: opened meanwhile, with who lends as backup."""
    about = Q(type=lent.exception_type.slug) if lent.exception_type else Q(backup=lent.owner)
    came = ExceptionCase.objects.live().filter(about, owner=lent.holder, opened_at__gte=lent.starts_at).order_by("pk")
    return [str(pk) for pk in came.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_MOVED]]


def _to_lender(case: Standing, roster: Roster) -> Move:
    owner = roster.on_duty(case.backup.slug)
    return Move(owner, roster.owners[owner.backup_id], case.step)


def _tell(lent: TemporaryOwnership, to_holder: str, to_lender: str, now: datetime) -> None:
    lender = lent.owner or (lent.exception_type.owner if lent.exception_type else lent.holder)
    tellings = [(lent.holder, to_holder), *([(lender, to_lender)] if lender.pk != lent.holder_id else [])]
    notify_many(
        tellings=[Telling(owner, "ownership.lent", text, PAGE) for owner, text in tellings],
        now=now,
    )

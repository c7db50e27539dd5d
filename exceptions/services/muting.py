"""Being told nothing of a cause's new exceptions for a while: asked for, decided by somebody else, ended by the clock."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from audit.context import Actor
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import said
from exceptions.models import ExceptionCase, SharedCause, Waiver
from exceptions.selectors.muting import MUTE, SUBJECT, opened_quietly
from exceptions.services.causes import cause_to_act_on
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.waivers import request_waiver
from exceptions.subjects import SubjectPage
from rules.models import Owner

UNMUTED = "cause.unmuted"


def mute_cause(
    *,
    type: str,  # noqa: A002 -- as the field is called
    cause: str,
    reason: str,
    plan: str,
    minutes: int,
    owner: str,
    answer_by: datetime | None = None,
    by: Actor,
    now: datetime,
) -> Waiver:
    """Ask that nobody is told of what opens under this cause from the approval on, for `minutes`.

    What opens meanwhile has its owner, deadline and trail as always. Raises `NotFound`, `Refused`, `Conflict` where the cause was merged
    away or the same is asked already, and `Invalid` as `request_waiver`.
    """
    found = cause_to_act_on(type=type, cause=cause, by=by, now=now)
    return request_waiver(
        gate=MUTE,
        subject=subject_ref(found),
        subject_key=found.key,
        client_id=None,
        reason=reason,
        plan=plan,
        minutes=minutes,
        owner=owner,
        answer_by=answer_by,
        by=by,
        now=now,
    )


class CauseSubject:
    """A shared cause as what a time-limited exception is about: nothing waits for it, but at its end people are told what they missed."""

    def lock(self, ids: Sequence[str]) -> None:
        """Nothing is changed that another could change."""

    def page(self, ref: SubjectRef) -> SubjectPage:
        """Its own page."""
        found = SharedCause.objects.get(pk=ref.id)
        return SubjectPage(title=found.title or found.text, url=f"/queue/causes/{found.key}/")

    def on_cases_ended(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> None:
        """No exception is about a cause."""

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """Whoever tells somebody asks by the clock."""

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """Tell each owner once how many came to them meanwhile and are still open."""
        del by
        found = SharedCause.objects.get(pk=waiver.subject_id)
        missed = Counter(opened_quietly(waiver, now=now).order_by().values_list("owner", "client"))
        owners = Owner.objects.in_bulk({owner for owner, _ in missed})
        notify_many(
            tellings=[
                Telling(owners[owner], UNMUTED, _missed(found, count), f"/queue/causes/{found.key}/", client)
                for (owner, client), count in sorted(missed.items(), key=str)
            ],
            now=now,
        )


def _missed(found: SharedCause, count: int) -> str:
    return said(
        "%(key)s was muted and is not any more. Exceptions of it that came to you meanwhile and are open: %(count)s.",
        key=found.key,
        count=count,
    )


__all__ = ["MUTE", "SUBJECT", "UNMUTED", "CauseSubject", "mute_cause"]

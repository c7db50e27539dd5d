"""What is quiet: while a time-limited exception for a shared cause is in force, of its new exceptions nobody is told.

Decided by the window at the moment of telling, in the query itself: it ends by the clock, and nobody has to end it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast

from audit.context import Actor
from exceptions.models import ExceptionCase, SharedCause, Waiver
from exceptions.models.waivers import KEY_PREFIX
from exceptions.selectors.approvers import Approver, approvers_of
from exceptions.states import WAIVER_ASKED
from rules import selectors as rules
from rules.rulebook import GateSpec

MUTE: Final = "mute-shared-cause"
SUBJECT: Final = "exceptions.sharedcause"


def muted_cases(cases: Collection[UUID], *, now: datetime) -> dict[UUID, str]:
    """Of these exceptions those of which nobody is told now, and the key of what allows it; one query, none for none."""
    if not cases:
        return {}
    causes = SharedCause.objects.filter(type=OuterRef(OuterRef("type")), text=OuterRef(OuterRef("cause")))
    held = Waiver.objects.in_force(now).filter(
        gate=MUTE,
        subject_type=SUBJECT,
        subject_id__in=causes.annotate(as_text=Cast("pk", CharField())).values("as_text"),
        starts_at__lte=OuterRef("opened_at"),
    )
    newest = Subquery(held.order_by("-expires_at").values("number")[:1])
    asked = ExceptionCase.objects.filter(pk__in=cases).annotate(muted_by=newest).exclude(muted_by=None)
    return {pk: f"{KEY_PREFIX}{number}" for pk, number in asked.values_list("pk", "muted_by")}


def is_anything_muted(now: datetime) -> bool:
    """Whether any cause is, which is asked before anything else is."""
    return Waiver.objects.in_force(now).filter(gate=MUTE, subject_type=SUBJECT).exists()


def mutes_of(cause: SharedCause | None, *, now: datetime) -> list[Waiver]:
    """What is asked for or in force about being told of its new exceptions, what is in force first."""
    if cause is None:
        return []
    about = Waiver.objects.filter(gate=MUTE, subject_type=SUBJECT, subject_id=str(cause.pk))
    in_force = Q(pk__in=Waiver.objects.in_force(now).filter(gate=MUTE).values("pk"))
    return list(about.filter(in_force | Q(state__in=WAIVER_ASKED)).order_by(F("expires_at").asc(nulls_last=True), "pk"))


def mute_gate() -> GateSpec | None:
    """The gate, where the rule book in force has it."""
    return next((gate for gate in rules.active_book().gates() if gate.slug == MUTE), None)


def who_decides_about_muting(spec: GateSpec, *, by: Actor, now: datetime) -> list[Approver]:
    """Who would be asked."""
    return list(approvers_of(Waiver(gate=MUTE, requested_by=by.id), spec=spec, now=now))


def opened_quietly(waiver: Waiver, *, now: datetime) -> QuerySet[ExceptionCase]:
    """What is open of the cause and opened while it was muted by this, or by what this extends."""
    first = waiver
    while first.extends is not None:
        first = first.extends
    cause = SharedCause.objects.get(pk=waiver.subject_id)
    return ExceptionCase.objects.live().filter(
        type=cause.type,
        cause=cause.text,
        opened_at__gte=first.starts_at,
        opened_at__lt=min(waiver.expires_at or now, now),
    )

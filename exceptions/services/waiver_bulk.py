"""Denying many requests, or asking about many, with one comment. Approving many does not exist: each is read by whoever allows it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import DomainError, FieldError, Invalid
from audit.texts import reason_given, whole_number
from audit.words import said
from exceptions import subjects
from exceptions.errors import WaiverChanged
from exceptions.job_kinds import Item, JobKind, Result
from exceptions.models import JobPlan, Waiver
from exceptions.models.waivers import KEY_PREFIX
from exceptions.selectors.approvers import DECIDE
from exceptions.selectors.waivers import visible_waivers
from exceptions.services.jobs import Barred, Planned, plan_job
from exceptions.services.waiver_decisions import refuse_unless_decidable, reject_waiver
from exceptions.services.waiver_questions import ask_for_more

DECISION_ACTS: Final = ("deny", "ask")
PREFIX: Final = "waiver."
NO_SUCH: Final = said("There is no such time-limited exception, or it is not yours to see.")
MOST: Final = 100

Decide = Callable[[Item, str, Actor, datetime], Waiver]


def plan_decisions(*, action: str, keys: Collection[str], by: Actor, now: datetime) -> JobPlan:
    """A plan to deny these or to ask about them, as they read now; what the actor may not decide about is told, and why.

    Raises `Invalid` for any other act (approving is none of many) and for too many of them, and what `plan_job` does.
    """
    if action not in DECISION_ACTS:
        detail = said("Choose one of: %(value)s.", value=", ".join(DECISION_ACTS))
        raise Invalid(detail, errors=[FieldError("/action", "unknown", detail)])
    if len(keys) > MOST:
        detail = said("At most %(value)s at once; choose fewer.", value=MOST)
        raise Invalid(detail, errors=[FieldError("/keys", "too-many", detail)])
    numbers = [whole_number(key.upper().removeprefix(KEY_PREFIX)) for key in keys]
    wanted = [number for number in numbers if number is not None]
    found = list(visible_waivers(by).filter(number__in=wanted).order_by("answer_by", "pk"))
    barred = [Barred(key, NO_SUCH) for key in sorted(set(keys) - {one.key for one in found})]
    items = []
    for one in found:
        try:
            refuse_unless_decidable(one, by=by, now=now)
        except DomainError as refused:
            barred.append(Barred(one.key, refused.message))
        else:
            items.append(Planned(str(one.pk), one.key, one.client_id, one.version, {"hash": one.content_hash}))
    return plan_job(kind=f"{PREFIX}{action}", items=items, barred=barred, by=by, now=now)


def count_changed(items: Sequence[Item]) -> int:
    """How many no longer read as they did."""
    hashes = dict(Waiver.objects.filter(pk__in=[UUID(one.id) for one in items]).values_list("pk", "content_hash"))
    return sum(hashes.get(UUID(one.id)) != one.given["hash"] for one in items)


def _deny(item: Item, words: str, by: Actor, now: datetime) -> Waiver:
    return reject_waiver(waiver_id=UUID(item.id), comment=words, by=by, now=now, seen_hash=item.given["hash"])


def _ask(item: Item, words: str, by: Actor, now: datetime) -> Waiver:
    return ask_for_more(waiver_id=UUID(item.id), question=words, by=by, now=now, seen_hash=item.given["hash"])


def _decided(decide: Decide, item: Item, words: str, by: Actor, now: datetime) -> Result:
    """One of them, in a savepoint of its own."""
    try:
        with transaction.atomic():
            return Result(version=decide(item, words, by, now).version)
    except DomainError as refused:
        return Result(refused.message, is_overtaken=isinstance(refused, WaiverChanged))


def _lock(items: Sequence[Item]) -> None:
    """All of them, after all that they are about: locks go from the top app down."""
    rows = Waiver.objects.filter(pk__in=[UUID(one.id) for one in items])
    about: dict[str, set[str]] = defaultdict(set)
    for label, subject_id, others in rows.values_list("subject_type", "subject_id", "others"):
        about[label] |= {subject_id, *others}
    for label in sorted(about):
        if (subject := subjects.subject_for(label)) is not None:
            subject.lock(sorted(about[label]))
    list(rows.select_for_update().order_by("pk").values_list("pk"))


def _check(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("reason", ""))


def _kind(action: str, title: str, decide: Decide) -> JobKind:
    def work(items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
        _lock(items)
        return [_decided(decide, item, given["reason"], by, now) for item in items]

    return JobKind(
        f"{PREFIX}{action}",
        title,
        DECIDE,
        work,
        url=lambda key: f"/approvals/{key}/",
        check=_check,
        changed=count_changed,
        route="exceptions:decide-many",
        noun=gettext_lazy("Time-limited exception"),
    )


DECISION_KINDS: Final = (
    _kind("deny", noop("Deny time-limited exceptions"), _deny),
    _kind("ask", noop("Ask about time-limited exceptions"), _ask),
)

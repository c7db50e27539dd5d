"""Acts on many dead letters: which ones, and what the job does with each batch of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.texts import reason_given
from audit.words import said
from exceptions.job_kinds import Item, JobKind, Result
from exceptions.models import Job, JobPlan
from exceptions.selectors.jobs import items_for
from exceptions.services import Barred, Planned, plan_job
from exceptions.services.jobs import MOST_PLANNED
from exceptions.states import ItemState
from orders.sync import selectors
from orders.sync.models import DEAD_LETTER_PREFIX, InboundEvent
from orders.sync.services.replaying import discard, replay
from orders.sync.states import InboundState

LETTER_ACTS: Final = ("replay", "discard")
PREFIX: Final = "dead_letter."
CHANGED: Final = said("It was replayed or put away since the plan was made.")

Do = Callable[[Sequence[UUID], str, Actor, datetime], Mapping[UUID, Result]]


def plan_chosen(*, action: str, numbers: Sequence[int], by: Actor, now: datetime) -> JobPlan:
    """A plan for the dead letters with these numbers; those that are none any more, or not the actor's, are told as barred."""
    found = selectors.dead_letters(by).filter(number__in=numbers)
    there = set(found.values_list("number", flat=True))
    gone = [
        Barred(f"{DEAD_LETTER_PREFIX}{number}", said("There is no such dead letter, or it is not yours to see."))
        for number in sorted(set(numbers) - there)
    ]
    return plan_found(action=action, found=found, barred=gone, by=by, now=now)


def plan_found(
    *, action: str, found: QuerySet[InboundEvent], barred: Sequence[Barred] = (), by: Actor, now: datetime
) -> JobPlan:
    """A plan for all of these, the oldest first, as they came in. Raises `Invalid` for no act on many and for too many of them."""
    if action not in LETTER_ACTS:
        detail = said("Choose one of: %(value)s.", value=", ".join(LETTER_ACTS))
        raise Invalid(detail, errors=[FieldError("/action", "unknown", detail)])
    rows = found.order_by("number").values_list("pk", "number", "client_id", "replays")[: MOST_PLANNED + 1]
    items = [Planned(str(pk), f"{DEAD_LETTER_PREFIX}{number}", client, seen) for pk, number, client, seen in rows]
    return plan_job(kind=f"{PREFIX}{action}", items=items, barred=barred, by=by, now=now)


def plan_rest(*, action: str, job: Job, by: Actor, now: datetime) -> JobPlan:
    """A plan for what a job did not do, as it is now."""
    left = items_for(by, job).exclude(state=ItemState.DONE).values_list("subject_id", flat=True)
    found = selectors.dead_letters(by).filter(pk__in=[UUID(one) for one in left])
    return plan_found(action=action, found=found, by=by, now=now)


def count_changed(items: Sequence[Item]) -> int:
    """How many are no longer as they were looked at."""
    return len(items) - len(_as_seen(items))


def _as_seen(items: Sequence[Item]) -> list[Item]:
    """Those that are still dead letters and were not replayed since."""
    rows = InboundEvent.objects.filter(pk__in=[UUID(item.id) for item in items], state=InboundState.DEAD)
    replays = {str(pk): count for pk, count in rows.values_list("pk", "replays")}
    return [item for item in items if item.id in replays and item.seen in {None, replays[item.id]}]


def _act(do: Do, items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
    results = do([UUID(item.id) for item in _as_seen(items)], given["reason"], by, now)
    return [results.get(UUID(item.id), Result(CHANGED, is_overtaken=True)) for item in items]


def _replay(ids: Sequence[UUID], reason: str, by: Actor, now: datetime) -> Mapping[UUID, Result]:
    verdicts = replay(event_ids=ids, reason=reason, by=by, now=now)
    return {pk: Result("" if verdict.is_done else verdict.words) for pk, verdict in verdicts.items()}


def _discard(ids: Sequence[UUID], reason: str, by: Actor, now: datetime) -> Mapping[UUID, Result]:
    return {pk: Result() for pk in discard(event_ids=ids, reason=reason, by=by, now=now)}


def _check(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("reason", ""))


def _kind(action: str, title: str, do: Do) -> JobKind:
    def work(items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
        return _act(do, items, given=given, by=by, now=now)

    return JobKind(
        f"{PREFIX}{action}",
        title,
        "sync.replay",
        work,
        url=lambda key: f"/dead-letters/{key}/",
        check=_check,
        changed=count_changed,
        route="sync:bulk",
        noun=gettext_lazy("Dead letter"),
    )


LETTER_KINDS: Final = (
    _kind("replay", noop("Replay dead letters"), _replay),
    _kind("discard", noop("Put dead letters away"), _discard),
)

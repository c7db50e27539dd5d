"""What the route “retry” does at the edges by itself: dead letters once more through the same door, given-up messages once more out.

Each letter and each message is tried again like this once. What fails again is for a person.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q

from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.wakeups import wake
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services import withdraw_cases
from orders.sync.models import UNREACHABLE, InboundEvent, OutboundMessage
from orders.sync.selectors import undelivered
from orders.sync.services.replaying import replay
from orders.sync.states import InboundState, OutboundState

MOST: Final = 1_000


def replay_streams(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> dict[str, str]:
    """Put the dead letters of these streams back in line that were not tried again before; what came of it, by case."""
    streams = {case.subject_id: case for case in cases}
    named = Q(pk=None)
    for stream in streams:
        slug, _, event_type = stream.partition("/")
        named |= Q(system__slug=slug, type=event_type)
    letters = InboundEvent.objects.filter(named, state=InboundState.DEAD, replays=0).order_by("number")
    found = {pk: f"{slug}/{kind}" for pk, slug, kind in letters.values_list("pk", "system__slug", "type")[:MOST]}
    verdicts = replay(event_ids=list(found), reason=said("the route of its exception"), by=by, now=now) if found else {}
    done: dict[str, str] = {}
    for stream, case in streams.items():
        mine = [verdict for pk, verdict in verdicts.items() if found[pk] == stream]
        again = sum(verdict.is_done for verdict in mine)
        refused = next((verdict.words for verdict in mine if not verdict.is_done), "")
        words = said("%(n)s of %(all)s dead letters are in line again.", n=again, all=len(mine))
        if not mine:
            words = said("Every dead letter of it was tried again before.")
        done[str(case.pk)] = said("%(text)s %(why)s", text=words, why=refused) if refused else words
    return done


def redeliver(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> dict[str, str]:
    """Send again what these systems were not told, at once; what came of it, by case.

    A message given up gets as many tries as a new one, once, and only while its receiver was told nothing newer about the same thing.
    """
    ids = {UUID(case.subject_id) for case in cases}
    with acting(by, at=now):
        newer = OutboundMessage.objects.filter(
            system=OuterRef("system"),
            ordering_key=OuterRef("ordering_key"),
            number__gt=OuterRef("number"),
            state=OutboundState.SENT,
        )
        given_up = (
            OutboundMessage.objects.filter(~Exists(newer), system__in=ids, state=OutboundState.DEAD, more_attempts=0)
            .select_related("system")
            .order_by("number")
            .select_for_update(of=("self",), skip_locked=True)
        )
        again = list(given_up[:MOST])
        for message in again:
            message.more_attempts = message.system.max_attempts
            message.state, message.due_at, message.given_up_at = OutboundState.PENDING, now, None
            message.lease_until, message.fence = None, message.fence + 1
        OutboundMessage.objects.bulk_update(
            again, ["more_attempts", "state", "due_at", "given_up_at", "lease_until", "fence"]
        )
        record_many([Entry("message.redelivered", subject_ref(one), data={"key": one.key}) for one in again])
        waiting = OutboundMessage.objects.filter(system__in=ids, state=OutboundState.PENDING, due_at__gt=now)
        free = waiting.order_by("number").select_for_update(skip_locked=True).values_list("pk", "system_id")
        hurried = list(free[:MOST])
        OutboundMessage.objects.filter(pk__in=[pk for pk, _ in hurried]).update(due_at=now, fence=F("fence") + 1)
        wake("sync.deliver_outbox")
    due = [str(one.system_id) for one in again] + [str(system_id) for _, system_id in hurried]
    return {str(case.pk): _said(due.count(case.subject_id)) for case in cases}


def _said(count: int) -> str:
    if count == 1:
        return said("1 message is sent again now.")
    return (
        said("%(n)s messages are sent again now.", n=count) if count else said("Every message was sent again before.")
    )


def withdraw_delivered(messages: Sequence[OutboundMessage], *, by: Actor, now: datetime) -> None:
    """What was given up has arrived after all: a system that lacks nothing any more needs nobody."""
    systems = {message.system_id for message in messages if message.more_attempts}
    if not systems:
        return
    lacking = undelivered().filter(Q(state=OutboundState.DEAD) | Q(more_attempts__gt=0), system__in=systems)
    systems -= set(lacking.values_list("system_id", flat=True).distinct())
    cases = ExceptionCase.objects.live().filter(
        type=UNREACHABLE, subject_type="sync.system", subject_id__in=list(map(str, systems))
    )
    over = list(cases.values_list("pk", flat=True))
    withdraw_cases(case_ids=over, reason=said("Everything it was not told has arrived."), by=by, now=now)

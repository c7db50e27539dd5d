"""Dead letters, once their cause is mended: through the same door again, or put away with a reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import F

from audit.access import require
from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.wakeups import wake
from audit.words import said, within
from exceptions.models import ExceptionCase
from exceptions.services import withdraw_cases
from orders.sync.connectors import UNREAD
from orders.sync.errors import Unreadable
from orders.sync.models import InboundEvent
from orders.sync.services.reading import read_payload
from orders.sync.services.receiving import client_named, receive
from orders.sync.states import InboundState
from rules import selectors as rules
from rules.contracts import CompiledContract
from rules.models import Client


class Verdict(NamedTuple):
    """What came of one dead letter, in words, and whether it is in line again."""

    words: str
    is_done: bool = False


def replay(*, event_ids: Sequence[UUID], reason: str, by: Actor, now: datetime) -> dict[UUID, Verdict]:
    """Put dead letters back in line, under the same id, so that nothing can take effect twice; a verdict per id.

    One that still breaks its contract, or that no connector reads, stays where it is. Cases whose last dead letter is gone are withdrawn.
    """
    reason_given(reason)
    verdicts: dict[UUID, Verdict] = {}
    with acting(by, at=now):
        require(by, "sync.replay")
        events = _locked(event_ids, by)
        clients = dict(Client.objects.filter(is_active=True).values_list("slug", "pk"))
        contracts = rules.contracts({(event.type, event.contract_version) for event in events})
        again = []
        for event in events:
            if event.state != InboundState.DEAD:
                state = within(str(InboundState(event.state).label))
                verdicts[event.pk] = Verdict(
                    said("%(key)s is “%(state)s”: nothing to replay.", key=event.key, state=state)
                )
            elif event.type == UNREAD:
                verdicts[event.pk] = _read_again(event, reason, by, now)
            elif still := _still_wrong(event, contracts.get((event.type, event.contract_version)), clients):
                words = said("%(key)s still breaks its contract: %(why)s", key=event.key, why=still)
                verdicts[event.pk] = Verdict(words)
            else:
                again.append(event)
                verdicts[event.pk] = Verdict(said("%(key)s is in line again.", key=event.key), is_done=True)
        InboundEvent.objects.bulk_update(again, ["client"])
        InboundEvent.objects.filter(pk__in=[event.pk for event in again]).update(
            state=InboundState.NEW,
            finished_at=None,
            cause="",
            violations=[],
            attempts=0,
            due_at=now,
            replays=F("replays") + 1,
        )
        record_many([Entry("event.replayed", subject_ref(event), reason=reason) for event in again])
        _withdraw_settled(events, by, now)
        if again:
            wake("sync.apply_inbox")
    return verdicts


def _read_again(event: InboundEvent, reason: str, by: Actor, now: datetime) -> Verdict:
    """What nobody could read, once somebody can: it comes in as the event it means, and the letter has found its end."""
    told = event.data
    try:
        envelope = read_payload(
            system=event.system,
            topic=told["topic"],
            payload=told["payload"],
            source=event.source,
            now=event.received_at,
        )
    except Unreadable as why:
        return Verdict(said("%(key)s still cannot be read: %(why)s", key=event.key, why=why.message))
    (receipt,) = receive(system=event.system, envelopes=[envelope], by=by, now=now)
    if receipt.status == "conflict":
        return Verdict(said("%(key)s: %(event)s came before with other content.", key=event.key, event=envelope.id))
    InboundEvent.objects.filter(pk=event.pk).update(
        state=InboundState.DISCARDED, finished_at=now, replays=F("replays") + 1
    )
    record_many([Entry("event.replayed", subject_ref(event), reason=reason)])
    return Verdict(said("%(key)s was read: it came in as %(event)s.", key=event.key, event=envelope.id), is_done=True)


def discard(*, event_ids: Sequence[UUID], reason: str, by: Actor, now: datetime) -> list[UUID]:
    """Put dead letters away for good; those that were put away."""
    reason_given(reason)
    with acting(by, at=now):
        require(by, "sync.replay")
        events = [event for event in _locked(event_ids, by) if event.state == InboundState.DEAD]
        InboundEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            state=InboundState.DISCARDED, finished_at=now
        )
        record_many([Entry("event.discarded", subject_ref(event), reason=reason) for event in events])
        _withdraw_settled(events, by, now)
    return [event.pk for event in events]


def _locked(event_ids: Sequence[UUID], by: Actor) -> list[InboundEvent]:
    events = InboundEvent.objects.filter(pk__in=event_ids).order_by("number")
    if by.clients is not None:
        events = events.filter(client_id__in=by.clients)
    return list(events.select_related("system").select_for_update(of=("self",)))


def _still_wrong(event: InboundEvent, contract: CompiledContract | None, clients: dict[str, UUID]) -> str:
    """Why it would fail again; as at its first time, it speaks for the client of its system only."""
    if contract is None:
        return rules.not_in_force(event.type, event.contract_version)
    data = event.data
    violations = contract.violations(data)
    if violations:
        return f"{violations[0].pointer or '/'}: {violations[0].detail}"
    event.client_id, misnamed = client_named(event.system, data, clients)
    return misnamed


def _withdraw_settled(events: Sequence[InboundEvent], by: Actor, now: datetime) -> None:
    """A stream without dead letters needs nobody any more."""
    streams = {(event.system_id, event.type): f"{event.system.slug}/{event.type}" for event in events}
    systems, types = {system_id for system_id, _ in streams}, {event_type for _, event_type in streams}
    dead = InboundEvent.objects.filter(system__in=systems, type__in=types, state=InboundState.DEAD)
    left = set(dead.values_list("system_id", "type").distinct())
    settled = [name for stream, name in streams.items() if stream not in left]
    cases = ExceptionCase.objects.live().filter(subject_type="sync.stream", subject_id__in=settled)
    over = list(cases.values_list("pk", flat=True))
    withdraw_cases(case_ids=over, reason=said("No dead letter of this stream is left."), by=by, now=now)

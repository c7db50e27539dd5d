"""The recorded steps of one order in their order, and one of them in full."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from audit import verbs
from audit.context import Actor
from audit.errors import NotFound
from audit.models import Event
from audit.selectors.pages import EventRow, names_of, reason_of, rows_of
from audit.selectors.verification import verify_chain
from audit.subject_refs import SubjectRef
from audit.words import said
from orders.fulfilment.models import Fulfilment, Order, ParcelCheck
from orders.fulfilment.selectors.orders import order_for
from orders.fulfilment.selectors.trace import everything_about
from orders.sync.selectors import Heard, heard_event, runs_about

MOST_STEPS: Final = 200


@dataclass(frozen=True)
class TraceStep:
    """One step in causal order; `system` is who told or was told, `evidence` the event it rests on."""

    at: datetime
    type: str
    words: str
    subject: str
    system: str
    actor: str
    evidence: str
    reason: str


@dataclass(frozen=True)
class Steps:
    """The first steps, and how many there are."""

    rows: Sequence[TraceStep]
    total: int

    @property
    def unshown(self) -> int:
        """How many are left out."""
        return self.total - len(self.rows)


@dataclass(frozen=True)
class StepPanel:
    """One step in full: the entry of the trail, what came in that led to it (without personal data), and whether its chain is whole."""

    row: EventRow
    about: str
    heard: Heard | None
    is_whole: bool
    links: int


def order_trace(*, by: Actor, key: str, at_most: int = MOST_STEPS) -> Steps:
    """The recorded steps of the order, its fulfilments, their quality checks and flow runs, oldest first. Raises `NotFound`."""
    order = order_for(by, key)
    parcels = {str(pk): name for pk, name in Fulfilment.objects.filter(order=order).values_list("pk", "key")}
    subjects = {("fulfilment.order", str(order.pk)): order.key}
    subjects |= {("fulfilment.fulfilment", pk): name for pk, name in parcels.items()}
    runs = runs_about([SubjectRef("fulfilment.fulfilment", pk) for pk in parcels])
    subjects |= checks_about(order)
    subjects |= {("sync.flowrun", str(run.pk)): run.subject_key for run in runs}
    events = Event.objects.filter(
        subject_type__in={kind for kind, _ in subjects}, subject_id__in=[pk for _, pk in subjects]
    )
    found = list(events.order_by("transaction", "id")[:at_most])
    names = names_of(event.actor for event in found)
    rows = [
        _step(event, subjects.get((event.subject_type, event.subject_id), ""), names[event.actor]) for event in found
    ]
    return Steps(rows, events.count() if len(rows) == at_most else len(rows))


def checks_about(order: Order) -> dict[tuple[str, str], str]:
    """The quality checks of its parcels, and what each is called."""
    checks = ParcelCheck.objects.filter(order=order).values_list("pk", "fulfilment__key", "name")
    return {("fulfilment.parcelcheck", str(pk)): f"{parcel} “{name}”" for pk, parcel, name in checks}


def step_panel(*, by: Actor, key: str, event_id: UUID) -> StepPanel:
    """One step of the order, for whoever may see the order. Raises `NotFound` for one that is none of its steps."""
    order = order_for(by, key)
    subjects = everything_about(order, by=by) | checks_about(order)
    event = Event.objects.filter(pk=event_id).first()
    if event is None or (event.subject_type, event.subject_id) not in subjects:
        raise NotFound(said("There is no such step, or it is not yours to see."))
    (row,) = rows_of([event])
    chain = verify_chain(SubjectRef(event.subject_type, event.subject_id))
    heard = heard_event(str(row.data.get("event") or ""))
    return StepPanel(row, subjects[event.subject_type, event.subject_id], heard, chain.whole, chain.events)


def _step(event: Event, subject: str, name: str) -> TraceStep:
    body = json.loads(event.body)
    data = body["data"]
    return TraceStep(
        at=event.at,
        type=event.type,
        words=verbs.sentence(event.type, actor=name),
        subject=subject,
        system=str(data.get("system") or data.get("to") or ""),
        actor=event.actor,
        evidence=str(data.get("event") or data.get("sha256") or ""),
        reason=reason_of(body) or " ".join(data.get("findings") or ()),
    )

"""The level of stock in each place: falling under its threshold asks for more, once, as a run of its own with a deadline.

Whoever changes a shelf gets here, because every change of a lot is written by `Changes`; the product's row is locked all the while. Only an
event of a system shows that the units are there; what a person takes in is said, and the run is not verified until a system tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import system_actor
from audit.context import current_actor
from audit.services.events import Entry, record_many
from audit.services.rows import insert_rows, update_rows
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import said
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Replenishment, SafetyStock
from orders.fulfilment.services.messages import Message, send_all
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.states import REPLENISHMENT_OPEN, ReplenishmentState
from orders.sync import services as sync
from orders.sync.services import Excused, Expected, Observed, RunStart
from rules.models import Flow
from rules.rulebook import CompiledBook
from rules.selectors import active_book
from rules.states import FlowKind, Layer

CONTRACT: Final = "replenishment.requested"
THERE_AGAIN: Final = "stock.received"
CASE: Final = "replenishment-overdue"
ABOUT: Final = "fulfilment.replenishment"
WORDS: Final = "Enough units are there again"


@dataclass
class Levels:
    """Products whose shelves have changed, the event that told of each, and who has said so where no event did."""

    touched: set[UUID] = field(default_factory=set)
    seen: dict[UUID, str] = field(default_factory=dict)
    said: dict[UUID, str] = field(default_factory=dict)

    @property
    def is_moved(self) -> bool:
        """Whether anything has to be looked at."""
        return bool(self.touched or self.seen or self.said)


@dataclass(frozen=True)
class _Level:
    """How many are free of what is watched in one place."""

    safety: SafetyStock
    free: int

    @property
    def is_low(self) -> bool:
        return self.free < self.safety.threshold


def look_at_levels(levels: Levels, stock: Mapping[UUID, ProductStock], *, now: datetime) -> None:
    """Ask for more where a shelf has fallen under its threshold, and end what was asked for where enough is there again."""
    items = levels.touched | levels.seen.keys() | levels.said.keys()
    found = [
        _Level(safety, stock[pk].free_at(safety.location_id, now.date()))
        for pk in sorted(items & stock.keys())
        for safety in stock[pk].watched
    ]
    if not found:
        return
    fallen = [one for one in found if one.is_low and one.safety.low_since is None]
    risen = [one for one in found if not one.is_low and one.safety.low_since is not None]
    _note(fallen, risen, now)
    _end([one.safety for one in found if not one.is_low], levels, now)
    if fallen:
        _ask(fallen, now)


def _note(fallen: Sequence[_Level], risen: Sequence[_Level], now: datetime) -> None:
    """Since when it is low, and that it is low no more, by place."""
    entries = []
    for one, event in [*((one, "stock.low") for one in fallen), *((one, "stock.level_back") for one in risen)]:
        one.safety.low_since = now if event == "stock.low" else None
        told = {"location": one.safety.location.slug, "free": one.free, "threshold": one.safety.threshold}
        entries.append(Entry(event, _of_item(one.safety), data=told))
    if entries:
        update_rows([one.safety for one in (*fallen, *risen)], ["low_since"], now=now)
        record_many(entries)


def _of_item(safety: SafetyStock) -> SubjectRef:
    ref = subject_ref(safety.item)
    return SubjectRef(ref.type, ref.id, safety.item.sku.client_id)


def _ask(fallen: Sequence[_Level], now: datetime) -> None:
    """One request per place, unless one is on its way; each with the run that waits for it."""
    book = active_book()
    live = Flow.objects.filter(kind=FlowKind.REPLENISHMENT, is_active=True, slug__in=book.document["flows"])
    flow = live.order_by("slug").first()
    if flow is None:
        return  # the house has none, or it is paused: that the level is low is in the trail and on the page, and nobody is asked
    busy = set(_asked([one.safety for one in fallen]).values_list("safety_id", flat=True))
    asked = [_request(one, flow, book, now) for one in fallen if one.safety.pk not in busy]
    insert_rows(asked)
    record_many([Entry("replenishment.asked", one, data=_told(one)) for one in asked])
    send_all([_message(one) for one in asked], now=now)
    starts = [
        RunStart(
            flow,
            one.client_id,
            subject_ref(one),
            one.key,
            f"stock.low {one.key}",
            [Expected(WORDS, THERE_AGAIN, one.due_at, is_handoff=True)],
        )
        for one in asked
    ]
    if starts:
        sync.start_runs(starts=starts, by=current_actor(), now=now)


def _asked(safeties: Sequence[SafetyStock]) -> Any:
    return Replenishment.objects.filter(safety__in=[one.pk for one in safeties], state=ReplenishmentState.ASKED)


def _request(level: _Level, flow: Flow, book: CompiledBook, now: datetime) -> Replenishment:
    safety, sku = level.safety, level.safety.item.sku
    calendar = book.client_calendar(sku.client.slug)
    return Replenishment(
        client=sku.client,
        safety=safety,
        key=f"{sku.code} / {safety.location.slug}",
        layer=Layer.VENDOR if sku.vendor else Layer.WMS,
        threshold=safety.threshold,
        free=level.free,
        units=max(safety.reorder_units or 0, safety.threshold - level.free),
        asked_at=now,
        due_at=book.due_at(flow.sla.slug, now, calendar, in_words=False).due_at,
    )


def _told(one: Replenishment) -> dict[str, Any]:
    numbers = {"units": one.units, "free": one.free, "threshold": one.threshold}
    return {"state": one.state, "about": one.key, "to": one.layer, "due_at": one.due_at.isoformat(), **numbers}


def _message(one: Replenishment, *, units: int | None = None) -> Message:
    """The request; the same with no units calls it off."""
    sku, wanted = one.safety.item.sku, one.units if units is None else units
    payload: dict[str, Any] = {
        "request": str(one.pk),
        "kind": "replenish",
        "client": sku.client.slug,
        "sku": sku.code,
        "location": one.safety.location.slug,
        "vendor": sku.vendor or None,
        "units": wanted,
        "free": one.free,
        "threshold": one.threshold,
        "due_at": one.due_at.isoformat(),
    }
    key = f"replenish/{one.pk}/{'ask' if wanted else 'call-off'}"
    return Message(one.layer, CONTRACT, subject_ref(one), key, str(one.pk), str(one.pk), payload)


def _end(enough: Sequence[SafetyStock], levels: Levels, now: datetime) -> None:
    """Enough is there again: what was asked for has come where a system or a person tells, and is called off without a threshold."""
    told = {
        safety.pk: safety
        for safety in enough
        if safety.threshold == 0 or safety.item_id in levels.seen or safety.item_id in levels.said
    }
    if not told:
        return
    open_ones = list(Replenishment.objects.filter(safety__in=told, state__in=REPLENISHMENT_OPEN).order_by("pk"))
    for one in open_ones:
        one.safety = told[one.safety_id]
    seen = [one for one in open_ones if one.safety.item_id in levels.seen]
    off = [one for one in open_ones if one not in seen and one.safety.threshold == 0]
    said = [one for one in open_ones if one not in seen and one not in off and one.state == ReplenishmentState.ASKED]
    for ones, step in ((seen, Replenishment.arrive), (off, Replenishment.call_off), (said, Replenishment.be_said)):
        _move(ones, step, now)
    close_cases([one for one in open_ones if one.state not in REPLENISHMENT_OPEN], now)
    by = current_actor()
    if seen:
        proofs = [Observed(subject_ref(one), THERE_AGAIN, levels.seen[one.safety.item_id]) for one in seen]
        sync.observe(observed=proofs, by=by, now=now)
    if said:
        words = [Excused(subject_ref(one), THERE_AGAIN, levels.said[one.safety.item_id]) for one in said]
        sync.excuse(excused=words, by=by, now=now)
    if off:
        sync.cancel_runs(subjects=[subject_ref(one) for one in off], by=by, now=now)
        send_all([_message(one, units=0) for one in off], now=now)


def close_cases(over: Sequence[Replenishment], now: datetime) -> None:
    """Whatever was open about these requests is over."""
    ids = [str(one.pk) for one in over]
    live = ExceptionCase.objects.live().filter(type=CASE, subject_type=ABOUT, subject_id__in=ids)
    if over and (cases := list(live.values_list("pk", flat=True))):
        reason = said("The goods were seen, or nobody waits for them any more.")
        exceptions.withdraw_cases(case_ids=cases, reason=reason, by=system_actor("fulfilment"), now=now)


def _move(ones: Sequence[Replenishment], step: Any, now: datetime) -> None:
    for one in ones:
        step(one)
        one.ended_at = None if one.state in REPLENISHMENT_OPEN else now
    if ones:
        update_rows(ones, ["state", "ended_at"], now=now)
        record_many(
            [Entry(f"replenishment.{one.state}", one, data={"state": one.state, "about": one.key}) for one in ones]
        )

"""Handoffs that nobody downstream has confirmed: somebody has them until a system says so.

A time-limited exception lets the case be closed, and never makes the handoff a proven one.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.context import Actor
from audit.subject_refs import subject_ref
from audit.words import said
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.cases import Opening, open_all, withdraw_all
from orders.sync import services as sync
from orders.sync.models import FlowRun
from orders.sync.states import RunState

CASE: Final = "handoff-unverified"
ABOUT: Final = "fulfilment.fulfilment"


def still_unverified(runs: Sequence[FlowRun], *, now: datetime) -> None:
    """Nobody downstream has confirmed these in time: a case for whoever has the run."""
    parcels = _parcels(runs)
    openings = [_opening_of(run, parcels[run.subject_id]) for run in runs if run.subject_id in parcels]
    open_all(openings, now=now)


def settled(runs: Sequence[FlowRun], *, now: datetime) -> None:
    """They were confirmed, or are not needed any more: a case whose order has no other one that is late is withdrawn."""
    orders = {parcel.order_id: parcel.order for parcel in _parcels(runs).values()}
    late = unverified_orders(orders, late_at=now)
    withdraw_all([(order, CASE) for pk, order in orders.items() if pk not in late], now=now)


def unverified_orders(order_ids: Collection[UUID], *, late_at: datetime | None = None) -> set[UUID]:
    """Those of these orders that have a handoff nobody has confirmed; with `late_at`, not in its time."""
    found = FlowRun.objects.filter(subject_type=ABOUT, state=RunState.UNVERIFIED)
    found = found.filter(verify_by__lte=late_at) if late_at else found
    parcels = dict(Fulfilment.objects.filter(order__in=order_ids).values_list("pk", "order_id"))
    ids = found.filter(subject_id__in=[str(pk) for pk in parcels]).values_list("subject_id", flat=True)
    return {parcels[UUID(one)] for one in ids}


def ask_anew(*, order_ids: Collection[UUID], by: Actor, now: datetime) -> None:
    """What let the cases of these orders be closed without a confirmation is over."""
    parcels = Fulfilment.objects.filter(order__in=order_ids)
    sync.ask_anew(subjects=[subject_ref(parcel) for parcel in parcels], by=by, now=now)


def _parcels(runs: Sequence[FlowRun]) -> dict[str, Fulfilment]:
    found = Fulfilment.objects.filter(pk__in=[run.subject_id for run in runs]).select_related("order__client__calendar")
    return {str(parcel.pk): parcel for parcel in found}


def _opening_of(run: FlowRun, parcel: Fulfilment) -> Opening:
    to = parcel.carrier or parcel.vendor or said("whoever sends it")
    evidence = {
        "fulfilment": parcel.key,
        "run": str(run.pk),
        "flow": run.flow.slug,
        "verify_by": run.verify_by.isoformat() if run.verify_by else None,
    }
    title = said("No system has confirmed that %(to)s has %(key)s", to=to, key=parcel.key)
    return Opening(CASE, parcel.order, title, f"handoff:{to}", evidence, owner=run.owner.slug if run.owner else "")

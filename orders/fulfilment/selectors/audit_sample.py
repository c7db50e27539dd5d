"""Orders drawn at random, and whether each has its whole trail: a time for every step, somebody who has it, and its quality checks."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import CharField, Value, prefetch_related_objects
from django.db.models.functions import MD5, Concat

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.models import Event
from audit.selectors.verification import verify_chain
from audit.subject_refs import subject_ref
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.orders import orders_for
from orders.fulfilment.states import (
    FULFILMENT_GONE,
    ORDER_FINAL,
    ORDER_LEFT_THE_HOUSE,
    CheckState,
    FulfilmentState,
    OrderState,
)

MOST: Final = 100
PAID: Final = (OrderState.PAID, OrderState.IN_FULFILMENT, *ORDER_LEFT_THE_HOUSE)


@dataclass(frozen=True)
class SampledOrder:
    """One order of the sample, and every piece of its trail that is missing, named."""

    key: str
    client: str
    state: str
    owner: str
    checks: int
    missing: Sequence[str]

    @property
    def passes(self) -> bool:
        """Whether its trail is whole."""
        return not self.missing


def audit_sample(*, by: Actor, n: int, seed: str) -> list[SampledOrder]:
    """`n` of the actor's orders, fewer where there are fewer: the same ones for the same seed while no order is added.

    Raises `Invalid` for too few or too many, `Refused` without the permission to see orders.
    """
    if not 0 < n <= MOST:
        detail = f"Choose one to {MOST} orders."
        raise Invalid(detail, errors=[FieldError("/n", "out-of-range", detail)])
    drawn = MD5(Concat(Value(f"{seed}/"), "key", output_field=CharField()))
    orders = list(orders_for(by).filter(is_test=False).alias(drawn=drawn).order_by("drawn", "pk")[:n])
    prefetch_related_objects(orders, "checks__results", "checks__fulfilment", "fulfilments__owner")
    told = _told([order.pk for order in orders])
    skipped = _skipped([check.pk for order in orders for check in order.checks.all()])
    return [_sampled(order, told[str(order.pk)], skipped) for order in orders]


def _sampled(order: Order, told: Collection[str], skipped: Collection[str]) -> SampledOrder:
    missing = [*_times(order, told), *_owners(order), *_quality(order, skipped), *_proof(order)]
    return SampledOrder(order.key, order.client.slug, order.state, order.owner.slug, len(order.checks.all()), missing)


def _told(orders: Sequence[UUID]) -> dict[str, set[str]]:
    """The states that the trail says each order came into."""
    told: dict[str, set[str]] = defaultdict(set)
    states = {"order.received": OrderState.AWAITING_PAYMENT.value, **{f"order.{one}": one for one in OrderState.values}}
    events = Event.objects.filter(subject_type="fulfilment.order", subject_id__in=[str(pk) for pk in orders])
    for subject_id, name in events.filter(type__in=states).values_list("subject_id", "type"):
        told[subject_id].add(states[name])
    return told


def _skipped(checks: Sequence[UUID]) -> set[str]:
    """The checks of which the trail says that a time-limited exception let the parcel go on without them."""
    ids = [str(pk) for pk in checks]
    told = Event.objects.filter(subject_type="fulfilment.parcelcheck", subject_id__in=ids, type="check.skipped")
    return set(told.values_list("subject_id", flat=True))


def _times(order: Order, told: Collection[str]) -> Iterator[str]:
    """A time for every state it came into, for being paid, leaving and arriving, and for where each of its parcels stands."""
    stamped = set(order.stamps)
    for state in sorted((set(told) | {order.state}) - stamped):
        yield f"no time for “{OrderState(state).label}”"
    for state in sorted(stamped - set(told)):
        yield f"no entry in the trail for “{OrderState(state).label}”"
    needed = {
        "paid": (order.paid_at, order.state in PAID),
        "shipped": (order.shipped_at, order.state in ORDER_LEFT_THE_HOUSE),
        "delivered": (order.delivered_at, order.state == OrderState.DELIVERED),
    }
    for what, (moment, is_needed) in needed.items():
        if is_needed and moment is None:
            yield f"no time at which it was {what}"
    for parcel in order.fulfilments.all():
        if parcel.state not in parcel.stamps:
            yield f"{parcel.key}: no time for “{FulfilmentState(parcel.state).label}”"


def _owners(order: Order) -> Iterator[str]:
    """Somebody who is there has what is not finished, and a rule said so."""
    if order.state not in ORDER_FINAL and not order.owner.is_active:
        yield f"{order.owner.name}, who has it, is switched off"
    if order.decision_id is None and order.fulfilments.all():
        yield f"no decision says why {order.owner.name} has it"


def _quality(order: Order, skipped: Collection[str]) -> Iterator[str]:
    """Of what has left, every check was passed or allowed to be left out; what was decided has its result."""
    for check in sorted(order.checks.all(), key=lambda one: (one.fulfilment.key, one.position)):
        key, results = check.fulfilment.key, list(check.results.all())
        if check.state in {CheckState.PASSED, CheckState.FAILED} and not any(
            one.verdict == check.state for one in results
        ):
            yield f"{key}: no result of “{check.name}”"
        has_left = check.fulfilment.state in FULFILMENT_GONE
        if has_left and check.state != CheckState.PASSED and str(check.pk) not in skipped:
            yield f"{key}: left without “{check.name}”"


def _proof(order: Order) -> Iterator[str]:
    """Its entries form one unbroken chain."""
    for finding in verify_chain(subject_ref(order)).findings:
        yield f"its trail is broken: {finding.message}"

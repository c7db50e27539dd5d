"""What exceptions about orders are told apart by: what holds the order, and where it was placed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from django.db.models import Case, CharField, Q, UUIDField, When
from django.db.models.functions import Cast
from django.db.models.lookups import In

from exceptions.subjects import SubjectFacet
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors.order_filters import ORDER
from orders.fulfilment.states import HoldReason, HoldState


def _on_hold(reasons: Collection[str]) -> Q:
    """Holds are few beside orders: the exceptions are looked up from them."""
    held = Hold.objects.filter(state=HoldState.ACTIVE, reason__in=reasons).order_by()
    return Q(subject_type=ORDER, subject_id__in=held.values(as_text=Cast("order_id", CharField())))


def _placed_in(channels: Collection[str]) -> Q:
    """A channel has up to all orders: these are looked up from the exceptions. Of another kind of subject nothing is read as an id."""
    order_id = Case(When(subject_type=ORDER, then=Cast("subject_id", UUIDField())))
    return Q(subject_type=ORDER) & Q(In(order_id, Order.objects.filter(channel__in=channels).values("pk")))


def _reasons(order_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    active = Hold.objects.filter(order_id__in=order_ids, state=HoldState.ACTIVE).order_by("reason")
    for order_id, reason in active.values_list("order_id", "reason").distinct():
        found[str(order_id)].append(reason)
    return found


def _channels(order_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    placed = Order.objects.filter(pk__in=order_ids).exclude(channel="").order_by()
    return {str(pk): (channel,) for pk, channel in placed.values_list("pk", "channel")}


CASE_FACETS: Final = {
    "hold": SubjectFacet(ORDER, _on_hold, _reasons, {reason.value: str(reason.label) for reason in HoldReason}),
    "channel": SubjectFacet(ORDER, _placed_in, _channels),
}

"""An order from the payment to the customer's door, and the places where it can stop."""

from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from audit.models import Event
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderIdentifier, StockItem
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from rules.states import Layer
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def states(order: Order) -> tuple[str, list[str]]:
    order = Order.objects.get(pk=order.pk)
    return order.state, [parcel.state for parcel in order.fulfilments.order_by("key")]


def test_an_order_waits_for_its_payment(place: make.Place) -> None:
    order = place(paid=False)
    assert (order.state, order.key[:3], order.owner.slug) == ("awaiting_payment", "NW-", "finance-ops")


def test_a_paid_order_is_reserved_decided_and_tasked_at_once(place: make.Place) -> None:
    order = place()
    parcel = order.fulfilments.get()
    assert order.flow is not None
    assert (order.state, order.flow.slug, parcel.state, parcel.manifest) == (
        "in_fulfilment",
        "warehouse-pick-pack",
        "tasked",
        f"PM-{order.key}-1-1",
    )
    assert order.sla_due_at is not None
    assert order.paid_at is not None
    assert order.sla_due_at > order.paid_at
    item = StockItem.objects.get()
    assert (item.on_hand, item.reserved) == (10, 1)


def test_confirmations_move_it_to_the_door(place: make.Place, tell: make.Tell) -> None:
    order = place()
    key = order.fulfilments.get().key
    seen = []
    for kind in (
        "task.acknowledged",
        "task.confirmed",
        "shipment.picked",
        "shipment.packed",
        "shipment.handed_over",
        "shipment.delivered",
    ):
        tell(kind, key)
        seen.append(states(order))
    assert [state for state, _ in seen] == ["in_fulfilment"] * 4 + ["shipped", "delivered"]
    item = StockItem.objects.get()
    assert (item.on_hand, item.reserved) == (9, 0)


def test_every_step_is_in_the_trail(place: make.Place, tell: make.Tell) -> None:
    order = place()
    for kind in ("task.confirmed", "shipment.handed_over", "shipment.delivered"):
        tell(kind, order.fulfilments.get().key)
    told = Event.objects.filter(subject_id=str(order.pk)).order_by("seq").values_list("type", flat=True)
    assert list(told) == [
        "order.received",
        "order.payment_captured",
        "order.paid",
        "order.routed",
        "order.in_fulfilment",
        "order.shipped",
        "order.delivered",
    ]


def test_a_paid_order_without_stock_rests_in_its_own_state(place: make.Place) -> None:
    order = place(lines=[make.line(quantity=11)])
    assert states(order) == ("paid_no_stock", [])
    hold = Hold.objects.get()
    assert hold.release_when == {"kind": "stock", "sku": "TENT-2", "quantity": 11}


def test_short_stock_sends_what_is_there_and_back_orders_the_rest(place: make.Place) -> None:
    order = place(lines=[make.line(), make.line("STOVE", 2)])
    assert states(order) == ("partly_fulfilled", ["tasked"])


def test_new_stock_releases_the_hold_by_itself(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(), make.line("STOVE", 2)])
    count_stock(news=[make.stock(northwind, now, "STOVE", 5)], by=system, now=now)
    assert states(order) == ("in_fulfilment", ["tasked", "tasked"])
    assert Hold.objects.get().state == "released"


def test_an_address_that_is_only_spelled_differently_is_standardised(place: make.Place) -> None:
    order = place(address={**make.BERLIN, "country": "NL", "postcode": "1017ct", "city": "Amsterdam"})
    assert (order.state, order.address.verdict) == ("in_fulfilment", "standardised")


def test_an_address_that_cannot_be_shipped_to_stops_the_order(place: make.Place) -> None:
    order = place(address={**make.BERLIN, "postcode": "1011"})
    assert states(order) == ("address_invalid", [])
    assert StockItem.objects.get().reserved == 0


def test_no_personal_data_reaches_order_history_or_trail(place: make.Place) -> None:
    place(address={**make.BERLIN, "postcode": "1011"}, contact={"email": "ida@example.org"})
    bodies = " ".join(Event.objects.values_list("body", flat=True))
    assert [word for word in ("Ida", "Torstra", "ida@", "1011") if word in bodies] == []


def test_a_high_risk_order_is_never_shipped_without_a_person(place: make.Place) -> None:
    order = place(fraud_score=85)
    assert states(order) == ("manual_review", [])
    assert order.owner.slug == "revenue-ops-review"


def test_mixed_lines_are_split_by_flow(place: make.Place) -> None:
    order = place(lines=[make.line(), make.line("KAYAK", sku_type="drop_ship", vendor="kestrel")])
    parcels = {parcel.flow.slug: parcel.vendor for parcel in order.fulfilments.all()}
    assert parcels == {"warehouse-pick-pack": "", "vendor-drop-ship": "kestrel"}


def test_an_order_without_lines_is_quarantined(place: make.Place) -> None:
    assert place(paid=False, lines=[]).state == "quarantined"


def test_the_same_order_from_three_systems_is_one_record(northwind: Client, system: Actor, now: datetime) -> None:
    told = [make.placed(northwind, now, order="W-1", system=name) for name in ("shopify", "erp", "crm")]
    ids = place_orders(news=told, by=system, now=now) + place_orders(news=told[:1], by=system, now=now)
    assert len(set(ids)) == 1
    assert set(OrderIdentifier.objects.values_list("system", flat=True)) == {"shopify", "erp", "crm"}


def test_a_carrier_rejection_brings_the_order_back_to_the_warehouse(place: make.Place, tell: make.Tell) -> None:
    order = place()
    key = order.fulfilments.get().key
    for kind in ("task.confirmed", "shipment.packed", "shipment.handed_over", "shipment.rejected"):
        tell(kind, key)
    assert states(order) == ("carrier_rejected", ["rejected"])


def test_a_refusal_for_want_of_stock_corrects_the_count_and_waits(place: make.Place, tell: make.Tell) -> None:
    order = place(lines=[make.line(quantity=10)])
    tell("task.refused", order.fulfilments.get().key, reason="out_of_stock")
    assert states(order) == ("paid_no_stock", ["cancelled"])
    assert StockItem.objects.get().on_hand == 0


def test_cancelling_in_time_puts_everything_back(place: make.Place, tell: make.Tell) -> None:
    order = place()
    tell("order.cancelled", order.number)
    assert states(order) == ("cancelled", ["cancelled"])
    assert StockItem.objects.get().reserved == 0


def test_what_is_cancelled_too_late_waits_for_a_decision(place: make.Place, tell: make.Tell) -> None:
    order = place()
    tell("shipment.handed_over", order.fulfilments.get().key)
    tell("order.cancelled", order.number)
    assert states(order) == ("cancel_undecided", ["handed_over"])


@pytest.mark.parametrize("first", ["order.placed", "payment.captured", "order.cancelled"])
def test_any_order_of_arrival_ends_in_the_same_place(
    northwind: Client, system: Actor, now: datetime, first: str
) -> None:
    told = [
        make.placed(northwind, now, order="W-7"),
        make.news("payment.captured", northwind, "W-7", now + timedelta(minutes=1)),
        make.news("order.cancelled", northwind, "W-7", now + timedelta(minutes=2)),
    ]
    for one in sorted(told, key=lambda one: one.type != first):
        take = place_orders if one.type == "order.placed" else take_news
        take(news=[one], by=system, now=now)
    order = Order.objects.get()
    assert (order.state, order.paid_at, order.cancelled_at) == (
        "cancelled",
        now + timedelta(minutes=1),
        now + timedelta(minutes=2),
    )


def test_what_was_seen_shipped_is_true_even_without_a_task_of_ours(
    northwind: Client, system: Actor, now: datetime
) -> None:
    place_orders(
        news=[make.placed(northwind, now, order="W-8", lines=[make.line(vendor="a"), make.line(vendor="b")])],
        by=system,
        now=now,
    )
    take_news(news=[make.news("shipment.handed_over", northwind, "W-8", now, order="W-8")], by=system, now=now)
    assert (Order.objects.get().state, Fulfilment.objects.count()) == ("shipped", 2)


def test_several_parcels_leaving_in_one_batch_are_all_taken_off_the_count(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    keys = [place().fulfilments.get().key for _ in range(3)]
    told = [make.news("shipment.handed_over", northwind, key, now, task=key) for key in keys]
    take_news(news=told, by=system, now=now)
    item = StockItem.objects.get()
    assert (item.on_hand, item.reserved) == (7, 0)


def test_whoever_speaks_with_the_customer_is_told_once_that_a_parcel_has_left(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        System.objects.create(slug="crm", name="CRM", layer=Layer.CRM, owner=Owner.objects.get(slug="integrations"))
    parcel = place().fulfilments.get()
    tell("shipment.handed_over", parcel.key, tracking="0512", carrier="DPD")
    for kind in ("shipment.handed_over", "shipment.delivered"):
        tell(kind, parcel.key, tracking="0512", carrier="DPD")
    message = OutboundMessage.objects.get(system__slug="crm", type="task.requested")
    told = {name: message.preview[name] for name in ("kind", "carrier", "tracking", "lines")}
    assert told == {"kind": "notify", "carrier": "DPD", "tracking": "0512", "lines": [{"sku": "TENT-2", "quantity": 1}]}
    assert not {"address", "contact"} & message.preview.keys()


def test_a_step_that_is_behind_is_noted_and_moves_nothing(place: make.Place, tell: make.Tell) -> None:
    parcel = place().fulfilments.get()
    for kind in ("shipment.delivered", "shipment.handed_over", "shipment.packed", "shipment.picked"):
        tell(kind, parcel.key, picker="Jo", manifest="M-7", tracking="0512", carrier="DPD")
    for kind in ("task.confirmed", "task.acknowledged", "task.refused", "shipment.rejected"):
        tell(kind, parcel.key, carrier="DPD")
    parcel.refresh_from_db()
    assert (parcel.state, parcel.order.state) == ("delivered", "delivered")
    assert parcel.handed_over_at is not None


def test_the_first_payment_and_the_first_cancellation_count(place: make.Place, tell: make.Tell, now: datetime) -> None:
    order = place()
    tell("payment.captured", order.number, captured_at="2026-11-21T09:00:00+00:00")
    order.refresh_from_db()
    assert order.paid_at == now
    for day in (22, 23):
        tell("order.cancelled", order.number, cancelled_at=f"2026-11-{day}T09:00:00+00:00")
    order.refresh_from_db()
    assert (order.state, order.cancelled_at.day if order.cancelled_at else None) == ("cancelled", 22)

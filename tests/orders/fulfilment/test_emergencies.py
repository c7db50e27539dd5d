"""Break-glass on a real order: it goes on at once, every page about it says so, and one act calls it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import subject_ref
from exceptions import services
from exceptions.models import ExceptionCase, Waiver
from orders.fulfilment.models import Fulfilment, Hold, Order
from orders.fulfilment.selectors.impacts import SHIP_DESPITE_CASE, SKIP_CONFIRMATION
from orders.fulfilment.services.news import count_stock
from orders.fulfilment.services.overrides import override_order
from orders.fulfilment.services.settling import settle_orders
from orders.fulfilment.states import FulfilmentState, HoldState, OrderState
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make

BAD_ADDRESS = {**make.BERLIN, "postcode": "1011"}
WHY = "The truck leaves in five minutes and the customer waits."


def smash(order: Order, house: House, gate: str = SHIP_DESPITE_CASE) -> Waiver:
    return services.break_glass(
        gate=gate,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        case_id=ExceptionCase.objects.live().filter(subject_id=str(order.pk)).values_list("pk", flat=True).first(),
        reason=WHY,
        plan="The address is corrected on the way.",
        minutes=60,
        confirm=order.key,
        by=house.actor("lee"),
        now=clock.now(),
    )


def test_it_goes_on_at_once_says_so_everywhere_and_one_act_calls_it_back(house: House, paid: Any) -> None:
    order, other = paid("1", "2", address=BAD_ADDRESS)
    assert {order.state, other.state} == {OrderState.ADDRESS_INVALID}
    broken = smash(order, house)
    order.refresh_from_db()
    parcel = Fulfilment.objects.get()
    assert (order.state, parcel.order_id) == (OrderState.IN_FULFILMENT, order.pk), "the other order stays where it is"
    lee = signed_in(house.users["lee"])
    case = ExceptionCase.objects.get(subject_id=str(order.pk))
    elsewhere = ExceptionCase.objects.get(subject_id=str(other.pk))
    fix = override_order(
        order_id=order.pk, field="segment", value="vip", reason="Told by phone", by=house.actor("amal"), now=clock.now()
    )
    pages = (
        f"/overrides/{fix.key}/",
        f"/orders/{order.key}/return/",
        f"/orders/{order.key}/",
        f"/orders/{order.key}/trace/",
        f"/orders/{order.key}/holds/",
        f"/orders/{order.key}/reroute/",
        f"/orders/{order.key}/override/",
        f"/exceptions/{case.key}/",
        f"/exceptions/{case.key}/note/",
        f"/time-limited/{broken.key}/",
    )
    bar = f"Break-glass for {order.key}."
    assert [path for path in pages if bar not in lee.get(path).content.decode()] == []
    assert "Break-glass for" not in lee.get(f"/exceptions/{elsewhere.key}/").content.decode()

    told = lee.post(f"/time-limited/{broken.key}/roll-back/", follow=True).content.decode()
    assert parcel.key in told
    parcel.refresh_from_db()
    order.refresh_from_db()
    assert parcel.state == FulfilmentState.CANCELLED
    assert Hold.objects.get(order=order, state=HoldState.ACTIVE).words == f"{broken.key} was rolled back"
    assert order.state in {OrderState.ON_HOLD, OrderState.ADDRESS_INVALID}
    assert bar not in lee.get(f"/orders/{order.key}/").content.decode()


def test_of_two_parcels_only_the_one_in_scope_passes_and_other_orders_never(house: House, paid: Any) -> None:
    lines = [
        make.line("KAYAK", sku_type="preorder", vendor="kestrel"),
        make.line("PADDLE", sku_type="drop_ship", vendor="osprey"),
    ]
    order, other = paid("7", "8", channel="marketplace", lines=lines)
    first, second = Fulfilment.objects.filter(order=order).order_by("key")
    asked = services.request_waiver(
        gate=SKIP_CONFIRMATION,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        reason=WHY,
        plan="Call the vendors tomorrow.",
        minutes=60,
        owner="client-success",
        scope=[first.key],
        by=house.actor("amal"),
        now=clock.now(),
    )
    done = services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=clock.now())
    assert done.granted_scope == [first.key]
    states = dict(Fulfilment.objects.values_list("key", "state"))
    waiting = states[second.key]
    assert states[first.key] != waiting
    assert {states[one.key] for one in Fulfilment.objects.filter(order=other)} == {waiting}
    assert done.starts_at is not None
    assert done.expires_at == done.starts_at + timedelta(minutes=60)


def test_it_keeps_what_brings_orders_under_the_rules_from_its_own_and_ends_by_itself(house: House, paid: Any) -> None:
    """M15: the settling after each event is what puts orders back today; no worker runs in this test, only the clock."""
    by, client = system_actor("test"), house.clients["northwind"]
    order, other = paid("1", "2", address=BAD_ADDRESS, lines=[make.line("TENT-2"), make.line("PEG-9")])
    begun, seen = smash(order, house).starts_at, {}
    assert begun is not None
    for minutes in (0, 59, 60):
        at = begun + timedelta(minutes=minutes)
        with acting(by, at=at):
            settle_orders(order_ids=[order.pk, other.pk])
        seen[minutes] = [Order.objects.get(pk=one.pk).state for one in (order, other)]
    back = OrderState.ADDRESS_INVALID
    assert seen == {0: ["partly_fulfilled", back], 59: ["partly_fulfilled", back], 60: [back, back]}
    at = begun + timedelta(minutes=61)
    count_stock(news=[make.stock(client, at, "PEG-9", 10)], by=by, now=at)
    assert [one.order_id for one in Fulfilment.objects.all()] == [order.pk], "what comes after its end waits again"
    assert Waiver.objects.get().state == "approved", "nobody has written its end down"

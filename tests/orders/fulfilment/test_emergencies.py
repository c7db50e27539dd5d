"""Break-glass on a real order: it goes on at once, every page about it says so, and one act calls it back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import Event
from audit.selectors.invariants import check_all
from audit.subject_refs import subject_ref
from exceptions import services
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors import pauses
from orders.fulfilment.models import Fulfilment, Hold, Order, Override
from orders.fulfilment.selectors.impacts import SHIP_DESPITE_CASE, SKIP_CONFIRMATION
from orders.fulfilment.services.bulk import plan_chosen
from orders.fulfilment.services.news import count_stock, take_news
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


def promise(order: Order) -> str:
    found = Order.objects.get(pk=order.pk).promised_at
    return found.date().isoformat() if found else ""


def test_what_systems_say_of_promises_waits_for_the_end_of_its_own_and_is_told_once(
    house: House, paid: Any, system: Actor
) -> None:
    """M15: nobody but the clock ends the pause, and what was held back is told by its timer."""
    order, other = paid("1", "2", address=BAD_ADDRESS)
    broken, client, now = smash(order, house), house.clients["northwind"], clock.now()
    end = broken.starts_at and broken.expires_at
    assert end is not None

    def say(one: Order, day: str, at: datetime) -> None:
        data = {"changed_at": at.isoformat(), "promised_at": f"{day}T12:00:00+00:00"}
        take_news(news=[make.news("order.changed", client, one.number, at, **data)], by=system, now=at)

    for one in (order, other):
        say(one, "2026-12-01", now)
    assert (promise(order), promise(other)) == ("", "2026-12-01")
    assert [(one.waiver, one.held_back) for one in pauses(by=house.actor("lee"), now=now)] == [(broken, 1)]
    assert pauses(by=house.actor("noor"), now=now) == []
    say(order, "2026-12-02", now + timedelta(seconds=1))
    services.sweep_timers(now=end - timedelta(seconds=1))
    assert promise(order) == ""
    assert pauses(by=house.actor("lee"), now=end) == [], "by the clock alone: nothing has run since"
    services.sweep_timers(now=end)
    assert promise(order) == "2026-12-02"
    told = Event.objects.filter(subject_id=str(order.pk), type__in=["order.news_held_back", "order.changed"])
    assert (
        list(told.order_by("seq").values_list("type", flat=True))
        == ["order.news_held_back"] * 2 + ["order.changed"] * 2
    )
    say(order, "2026-12-03", end + timedelta(minutes=1))
    services.sweep_timers(now=end + timedelta(minutes=2))
    assert promise(order) == "2026-12-03", "what was told once is not told again"


def test_newer_news_after_the_end_are_not_written_over_by_what_was_held_back(
    house: House, paid: Any, system: Actor
) -> None:
    """Also where no worker has run since the end."""
    (order,) = paid("1", address=BAD_ADDRESS)
    broken, client = smash(order, house), house.clients["northwind"]
    begun, end = broken.starts_at, broken.expires_at
    assert begun is not None
    assert end is not None
    for at, day in ((begun, "2026-12-01"), (end, "2026-12-05")):
        data = {"changed_at": at.isoformat(), "promised_at": f"{day}T12:00:00+00:00"}
        take_news(news=[make.news("order.changed", client, order.number, at, **data)], by=system, now=at)
    assert promise(order) == "2026-12-05"
    services.sweep_timers(now=end + timedelta(minutes=1))
    assert promise(order) == "2026-12-05"


@pytest.mark.parametrize("rolled_back", [False, True])
def test_a_fix_by_hand_is_taken_back_at_the_end_and_not_before(house: House, paid: Any, *, rolled_back: bool) -> None:
    """What nobody reviewed lapses on the order beside it; on its own when the glass is whole again, however that comes."""
    order, other = paid("1", "2", address=BAD_ADDRESS)
    placed = clock.now() - timedelta(hours=96) + timedelta(minutes=30)
    fixes = [
        override_order(order_id=one.pk, field="segment", value="vip", reason=WHY, by=house.actor("amal"), now=placed)
        for one in (order, other)
    ]
    services.sweep_timers(now=placed + timedelta(hours=24))
    broken, lapses = smash(order, house), placed + timedelta(hours=96)
    end = broken.expires_at
    assert end is not None

    def states() -> list[str]:
        return [Override.objects.get(pk=one.pk).state for one in fixes]

    assert services.sweep_timers(now=lapses) >= 1
    assert states() == ["waiting", "expired"]
    services.sweep_timers(now=end - timedelta(seconds=1))
    assert states() == ["waiting", "expired"]
    held = Event.objects.filter(type="waiver.held_back", subject_id=str(broken.pk))
    assert [json.loads(one.body)["data"]["count"] for one in held] == [1], "said once"
    assert [one.id for one in check_all(only=["inv-24d"]) if not one.holds] == []
    if rolled_back:
        end = lapses + timedelta(minutes=1)
        services.roll_back(waiver_id=broken.pk, by=house.actor("lee"), now=end)
    services.sweep_timers(now=end)
    assert states() == ["expired", "expired"]


def test_rules_of_today_leave_it_alone_and_say_until_when(house: House, paid: Any) -> None:
    order, other = paid("1", "2", address=BAD_ADDRESS)
    broken = smash(order, house)
    plan = plan_chosen(action="decide-anew", keys=[order.key, other.key], by=house.actor("lee"), now=clock.now())
    why = dict(plan.stay)
    assert broken.key in why[order.key]
    assert broken.key not in why.get(other.key, "")


def test_the_status_page_says_what_is_paused_who_why_and_until_when(house: House, paid: Any) -> None:
    (order,) = paid("1", address=BAD_ADDRESS)
    broken = smash(order, house)
    lee, noor = signed_in(house.users["lee"]), signed_in(house.users["noor"])
    page = lee.get("/status/").content.decode()
    assert [
        text for text in ("Paused by hand", order.key, broken.key, WHY, broken.owner.name) if text not in page
    ] == []
    assert broken.key not in noor.get("/status/").content.decode()
    assert "handrail_paused_by_hand 1.0" in lee.get("/metrics").content.decode()
    (one,) = lee.get("/status.json").json()["paused"]
    assert (one["key"], one["subjects"], one["owner"], one["reason"]) == (
        broken.key,
        [order.key],
        broken.owner.slug,
        WHY,
    )
    assert noor.get("/status.json").json()["paused"] == []

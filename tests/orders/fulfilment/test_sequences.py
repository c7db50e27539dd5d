"""What cannot follow each other: kept as it was told, flagged with an owner, and off the desk again when a later word explains it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from audit import checks
from audit.context import Actor
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions.outcomes import Task, expected_outcomes
from orders.fulfilment.decisions.sequence import Way, contradictions
from orders.fulfilment.models import EarlyNotice, Fulfilment, Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import take_news
from rules.models import Client
from tests.factories import orders as make

T = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KAYAK = make.line("KAYAK-1", sku_type="drop_ship", vendor="kestrel")


def hours(count: int) -> datetime:
    return T + timedelta(hours=count)


@pytest.mark.parametrize(
    ("paid", "left", "came", "kinds"),
    [
        (1, 2, 3, set()),
        (1, 1, 1, set()),
        (1, None, None, set()),
        (None, None, None, set()),
        (1, None, 3, set()),
        (None, 2, None, {"left-unpaid"}),
        (None, None, 2, {"left-unpaid"}),
        (3, 2, 4, {"left-before-paid"}),
        (3, None, 2, {"left-before-paid"}),
        (1, 3, 2, {"arrived-before-left"}),
        (4, 3, 2, {"left-before-paid", "arrived-before-left"}),
        (-3, -2, -1, {"left-before-placed"}),
    ],
)
def test_what_contradicts_itself(paid: int | None, left: int | None, came: int | None, kinds: set[str]) -> None:
    moments = [hours(one) if one is not None else None for one in (paid, left, came)]
    found = contradictions(placed_at=T, paid_at=moments[0], ways=[Way("P-1", moments[1], moments[2])])
    assert {one.kind for one in found} == kinds


def flagged(order: Order) -> list[tuple[str, str]]:
    cases = ExceptionCase.objects.filter(subject_id=str(order.pk), type="impossible-sequence")
    return list(cases.order_by("pk").values_list("state", "owner__slug"))


def unflagged() -> list[object]:
    check = next(one for one in checks.invariants() if one.id == "orders-08")
    with connection.cursor() as cursor:
        cursor.execute(check.sql)
        return cursor.fetchall()


@pytest.mark.django_db
def test_what_left_unpaid_is_somebodys_until_the_payment_says_that_it_came_before(
    place: make.Place, tell: make.Tell, now: datetime
) -> None:
    order = place(paid=False, lines=[KAYAK])
    tell("shipment.handed_over", order.number, at=hours(2).isoformat())
    assert flagged(order) == [("open", "ops-team-review")]
    assert unflagged() == []
    tell("payment.captured", order.number, captured_at=hours(1).isoformat())
    assert flagged(order) == [("withdrawn", "ops-team-review")]


@pytest.mark.django_db
def test_moments_stay_as_they_were_told_and_each_contradiction_is_flagged(place: make.Place, tell: make.Tell) -> None:
    order = place(lines=[KAYAK])
    tell("shipment.delivered", order.number, at=hours(3).isoformat())
    assert flagged(order) == []
    tell("shipment.handed_over", order.number, at=hours(4).isoformat())
    assert flagged(order) == [("open", "ops-team-review")]
    parcel = Fulfilment.objects.get(order=order)
    assert (parcel.state, parcel.handed_over_at, parcel.delivered_at) == ("delivered", hours(4), hours(3))
    assert unflagged() == []


@pytest.mark.django_db
def test_what_is_said_to_have_left_of_an_order_without_anything_to_send_is_flagged_and_not_shipped(
    place: make.Place, tell: make.Tell
) -> None:
    empty, called_off = place(lines=[]), place(lines=[KAYAK])
    tell("order.cancelled", called_off.number)
    for order in (empty, called_off):
        tell("shipment.handed_over", order.number, task=order.number, at=hours(2).isoformat())
    states = dict(Order.objects.values_list("number", "state"))
    assert states == {empty.number: "quarantined", called_off.number: "cancelled"}
    assert flagged(empty) == [("open", "ops-team-review")]
    left = ExceptionCase.objects.get(subject_id=str(called_off.pk), type="moved-while-held")
    assert (left.cause, left.state) == ("left-nevertheless", "open")


@pytest.mark.django_db
@pytest.mark.parametrize("before_the_order", [False, True])
def test_a_refusal_that_overtakes_the_payment_is_heard_when_the_parcel_is_there(
    northwind: Client, system: Actor, now: datetime, before_the_order: bool
) -> None:
    placed = make.placed(northwind, now, order="W-1", lines=[KAYAK])
    refused = make.news("task.refused", northwind, "W-1", now, task="W-1", at=now.isoformat(), reason="unavailable")
    paid = make.news("payment.captured", northwind, "W-1", now, captured_at=now.isoformat())
    if before_the_order:
        take_news(news=[refused, paid], by=system, now=now)
        place_orders(news=[placed], by=system, now=now)
    else:
        place_orders(news=[placed], by=system, now=now)
        take_news(news=[refused], by=system, now=now)
        assert Order.objects.get().state == "awaiting_payment"
        take_news(news=[paid], by=system, now=now)
    assert Order.objects.get().state == "vendor_refused"
    assert not EarlyNotice.objects.filter(told_at=None).exists()


@pytest.mark.django_db
def test_a_seller_is_expected_to_hand_over_until_the_limit_the_store_named(place: make.Place) -> None:
    order = place(lines=[{**KAYAK, "ship_by": hours(50).isoformat()}, {**KAYAK, "ship_by": hours(40).isoformat()}])
    parcel = Fulfilment.objects.get(order=order)
    assert parcel.ship_by_at == hours(40)
    task = Task("drop_ship", T, hours(2), hours(90), parcel.ship_by_at, lambda _, since: since + timedelta(hours=9))
    assert [(one.event_type, one.due_at) for one in expected_outcomes(task)] == [
        ("task.confirmed", hours(2)),
        ("shipment.handed_over", hours(40)),
        ("shipment.delivered", hours(90)),
    ]
    late = replace(task, tasked_at=hours(41), due_at=hours(43), promised_at=None)
    assert [one.due_at for one in expected_outcomes(late)] == [hours(43), hours(52), hours(61)]

"""What the clock alone decides: exceptions that nobody takes, and permission that nobody ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from audit import clock
from audit.checks import invariants
from audit.context import Actor, acting
from audit.errors import IllegalTransition
from audit.models import Event
from audit.subject_refs import SubjectRef, subject_ref
from exceptions import selectors, services, tasks
from exceptions.models import ExceptionCase, Notification, Timer, Waiver
from exceptions.models.timers import LIVE
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import Absence, Owner
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BAD_ADDRESS = {**make.BERLIN, "postcode": "1011"}
GATE = "ship-despite-open-case"
Clock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let it be another time, for every edge that reads the clock."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


def broken() -> list[str]:
    """Every invariant that does not hold, but for those that compare with the real clock."""
    found = []
    for check in invariants():
        if " now()" not in check.sql and "clock_timestamp()" not in check.sql:
            with connection.cursor() as cursor:
                cursor.execute(check.sql)
                found += [(check.id, row) for row in cursor.fetchall()]
    return [f"{name}: {row}" for name, row in found]


def test_with_everybody_away_an_exception_climbs_its_whole_ladder_and_never_stops_asking(
    house: House, system: Actor, now: datetime, set_clock: Clock
) -> None:
    with acting(system, at=now):
        away = [Absence(owner=owner, starts_at=now, ends_at=now + timedelta(days=30)) for owner in Owner.objects.all()]
        Absence.objects.bulk_create(away)
    case = services.open_case(
        type="address",
        subject=SubjectRef("test.parcel", "1", house.clients["northwind"].pk),
        subject_key="NW-1",
        client_id=house.clients["northwind"].pk,
        title="Parcel 1 cannot be delivered",
        by=system,
        now=now,
    )
    walked: list[tuple[timedelta, str, int]] = []
    while len(walked) < 7:
        due = Timer.objects.filter(LIVE).order_by("due_at").values_list("due_at", flat=True)[0]
        kinds = list(Timer.objects.filter(LIVE, due_at=due).values_list("kind", flat=True))
        set_clock(due - timedelta(microseconds=1))
        assert tasks.sweep_timers() == 0
        set_clock(due)
        tasks.sweep_timers()
        assert tasks.sweep_timers() == 0
        tasks.reassign_from_absent()  # to whom? nobody is there, so it stays with who answers for it
        case.refresh_from_db()
        walked.append((due - now, case.owner.slug, case.ladder_step))
        assert kinds == ["case.route"] or Notification.objects.filter(owner=case.owner, at=due).exists()
        assert broken() == []
    ladder = [(datetime.fromisoformat(rung["due_at"]) - now, rung["to"]) for rung in case.ladder]
    late = case.due_at - now
    assert ladder == [(HOUR, "backup"), (2 * HOUR, "owner:ops-team-review")]
    assert walked == [
        (5 * MINUTE, "client-success", 0),
        (HOUR, "ops-team", 1),
        (late - HOUR / 2, "ops-team", 1),
        (2 * HOUR, "ops-team-review", 2),
        (late + 48 * HOUR, "revenue-ops-review", 2),
        (late + 96 * HOUR, "ops-team-review", 2),
        (late + 144 * HOUR, "revenue-ops-review", 2),
    ]
    trail = Event.objects.filter(subject_id=str(case.pk)).order_by("seq").values_list("type", flat=True)
    told = [
        "case.opened",
        "case.route_taken",
        "case.not_acknowledged",
        "case.at_risk",
        "case.breached",
        "case.escalated",
    ]
    assert list(trail) == [*told, *["case.overrun"] * 3]

    back = now + timedelta(days=30)
    services.acknowledge_case(case_id=case.pk, by=house.actor("mara"), now=back)
    services.resolve_case(case_id=case.pk, outcome=case.outcomes[0]["slug"], by=house.actor("mara"), now=back + HOUR)
    assert list(Timer.objects.filter(LIVE).values_list("kind", flat=True)) == ["case.close"]


@pytest.fixture
def waiting_for_stock(house: House, system: Actor, now: datetime) -> Order:
    """A paid order with an address nobody can deliver to, for a stove that is not on the shelf."""
    client = house.clients["northwind"]
    told = make.placed(client, now, address=BAD_ADDRESS, lines=[make.line("STOVE")])
    (order_id,) = place_orders(news=[told], by=system, now=now)
    order = Order.objects.get(pk=order_id)
    paid = make.news("payment.captured", client, order.number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=system, now=now)
    return order


def ask(order: Order, house: House, at: datetime) -> Waiver:
    case = ExceptionCase.objects.live().get(type="address", subject_id=str(order.pk))
    return services.request_waiver(
        gate=GATE,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        case_id=case.pk,
        reason="The customer confirmed the address by telephone.",
        plan="The address is corrected in the shop meanwhile.",
        minutes=60,
        owner="client-success",
        by=house.actor("amal"),
        now=at,
    )


def went_out(order: Order) -> bool:
    return order.fulfilments.exists()


@pytest.mark.parametrize(
    ("arrives", "goes"),
    [
        (-MINUTE, False),  # asked for, and not decided
        (timedelta(0), True),
        (HOUR - timedelta(microseconds=1), True),
        (HOUR, False),
        (HOUR + timedelta(days=3), False),
    ],
)
def test_with_every_worker_stopped_nothing_passes_outside_its_window(
    house: House, waiting_for_stock: Order, system: Actor, now: datetime, arrives: timedelta, goes: bool
) -> None:
    order, approved_at = waiting_for_stock, now + 5 * MINUTE
    waiver = ask(order, house, now + MINUTE)
    stove = make.stock(house.clients["northwind"], now, "STOVE", 1)

    def stock_comes() -> None:
        count_stock(news=[stove], by=system, now=approved_at + arrives)

    if arrives < timedelta(0):
        stock_comes()
        assert not went_out(order)
        return
    services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=approved_at)
    assert not went_out(order)
    stock_comes()
    assert went_out(order) is goes
    waiver.refresh_from_db()
    assert waiver.state == "approved"  # nobody has written its end down, and nobody needs to
    at = approved_at + arrives
    held = selectors.live_waiver(gate=GATE, subject=subject_ref(order), now=at)
    assert (held is not None, waiver.is_in_force(at)) == (goes, goes)
    assert [one.pk for one in selectors.approvals(by=house.actor("lee"), tab="live", now=at)] == [waiver.pk] * goes


def test_the_first_worker_that_comes_back_writes_the_end_down_once_tells_and_puts_it_under_the_rule(
    house: House, waiting_for_stock: Order, now: datetime, set_clock: Clock
) -> None:
    waiver, late = ask(waiting_for_stock, house, now), now + timedelta(days=2)
    services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now)
    set_clock(late)
    tasks.sweep_timers()
    tasks.sweep_timers()
    waiver.refresh_from_db()
    assert (waiver.state, waiver.expires_at, waiver.ended_at) == ("expired", now + HOUR, late)
    assert Event.objects.filter(subject_id=str(waiver.pk), type="waiver.expired").count() == 1
    told = Notification.objects.filter(event="waiver.expired", at=late).values_list("owner__slug", flat=True)
    assert sorted(told) == ["amal", "client-success"]
    waiting_for_stock.refresh_from_db()
    assert waiting_for_stock.state == "address_invalid", "under its rule again"
    again = ExceptionCase.objects.live().filter(type="address", subject_id=str(waiting_for_stock.pk))
    assert again.count() == 1, "somebody has it"
    page = signed_in(house.users["lee"]).get(f"/time-limited/{waiver.key}/")
    assert (page.status_code, "Its time was over." in page.content.decode()) == (200, True)
    assert broken() == []


def test_a_request_that_nobody_answered_cannot_be_approved_even_if_no_worker_let_it_lapse(
    house: House, waiting_for_stock: Order, now: datetime, set_clock: Clock
) -> None:
    waiver = ask(waiting_for_stock, house, now)
    with pytest.raises(IllegalTransition, match="lapsed"):
        services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=waiver.answer_by)
    set_clock(waiver.answer_by)
    tasks.sweep_timers()
    waiver.refresh_from_db()
    assert (waiver.state, went_out(waiting_for_stock)) == ("lapsed", False)

"""Nobody leaves and takes work with them: what they had is somebody else's after one sweep, or it is told as a gap."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services, tasks
from exceptions.models import ExceptionCase, Notification
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock
from rules.models import Flow, Owner
from tests.cast import House, furnish
from tests.factories import orders as make


@pytest.fixture
def house(db: None, system: Actor, now: datetime) -> House:
    """Every team has somebody or an address, so that nothing is a gap before the test makes one."""
    house = furnish(by=system, now=now)
    with acting(system, at=now):
        Owner.objects.filter(slug__in=["logistics", "finance-ops"]).update(emails=["team@example.org"])
    return house


@pytest.fixture
def three(house: House, system: Actor, now: datetime) -> tuple[list[ExceptionCase], Order]:
    """Two exceptions and an order that amal has."""
    client, amal = house.clients["northwind"], house.owners["amal"]
    cases = [
        services.open_case(
            type="address",
            subject=SubjectRef("test.parcel", str(n), client.pk),
            subject_key=f"NW-{n}",
            client_id=client.pk,
            title=f"Parcel {n} cannot be delivered",
            by=system,
            now=now,
        )
        for n in (1, 2)
    ]
    for case in cases:
        services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=now)
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=system, now=now)
    (order_id,) = place_orders(news=[make.placed(client, now)], by=system, now=now)
    with acting(system, at=now):
        Order.objects.filter(pk=order_id).update(owner=amal)
    return cases, Order.objects.get(pk=order_id)


def owners(three: tuple[list[ExceptionCase], Order]) -> list[str]:
    cases, order = three
    records: list[ExceptionCase | Order] = [*cases, order]
    for record in records:
        record.refresh_from_db()
    return [record.owner.slug for record in records]


def checked() -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("check_ownership", "--json", stdout=out)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue())


def test_nothing_is_a_gap_where_everybody_is_there(house: House, three: Any, now: datetime) -> None:
    assert services.watch_ownership(now=now) == 0
    assert (selectors.ownership_gaps(now), checked()[0]) == ([], 0)
    assert not ExceptionCase.objects.filter(type="ownership-gap").exists()


def test_switching_an_owner_off_in_the_admin_moves_all_three_in_one_sweep(
    house: House, three: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=1))
    browser, amal = Browser(), Owner.objects.get(slug="amal")
    browser.force_login(house.users["kim"])
    typed = {"name": amal.name, "kind": amal.kind, "user": amal.user_id, "backup": amal.backup_id, "emails": "[]"}
    typed |= {"calendar": amal.calendar_id, "seen_version": amal.version, "reason": "left the house"}
    assert browser.post(reverse("admin:rules_owner_change", args=[amal.pk]), typed).status_code == 302
    assert not Owner.objects.get(slug="amal").is_active
    assert owners(three) == ["amal"] * 3

    assert tasks.watch_ownership() == 0
    assert owners(three) == ["client-success"] * 3
    assert Event.objects.filter(type="case.owner_away").count() == 2
    assert Event.objects.filter(type="order.owner_gone", subject_id=str(three[1].pk)).count() == 1
    told = Notification.objects.filter(owner=house.owners["client-success"])
    assert told.filter(event="case.owner_away").count() == 2
    assert told.filter(event="order.owner_gone").count() == 1
    assert selectors.ownership_gaps(now) == []


def test_who_leaves_and_answers_for_a_flow_is_an_exception_until_somebody_else_does(
    house: House, three: Any, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Flow.objects.filter(slug="manual-review").update(owner=house.owners["amal"])
    house.users["amal"].is_active = False
    house.users["amal"].save()
    assert services.watch_ownership(now=now) == 1
    assert owners(three) == ["client-success"] * 3
    raised = ExceptionCase.objects.get(type="ownership-gap")
    assert (raised.subject_key, raised.client, raised.severity, raised.state) == ("amal", None, "P1", "open")
    assert raised.title == "Nobody is behind Amal Okafor, who still has 1 flow as owner"
    code, document = checked()
    assert (code, document["items"][-1]["where"]) == (1, "owner amal")

    assert services.watch_ownership(now=now + timedelta(minutes=1)) == 1
    assert ExceptionCase.objects.filter(type="ownership-gap").count() == 1
    with acting(system, at=now):
        Flow.objects.filter(slug="manual-review").update(owner=house.owners["bo"])
    assert services.watch_ownership(now=now + timedelta(minutes=2)) == 0
    raised.refresh_from_db()
    assert raised.state == "withdrawn"


def test_where_nobody_stands_in_the_items_are_listed_for_who_may_see_them(
    house: House, three: Any, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Owner.objects.update(is_active=False)
    services.watch_ownership(now=now)
    assert owners(three) == ["amal"] * 3
    gap = next(one for one in selectors.ownership_gaps(now) if one.owner.slug == "amal")
    assert gap.open_count == 3
    seen = {name: selectors.gap_page(by=house.actor(name), now=now).items for name in ("lee", "noor")}
    assert {item.key for item in seen["lee"]} >= {*(case.key for case in three[0]), three[1].key}
    assert [item.key for item in seen["noor"]] == []


def test_the_page_says_what_nobody_took_in_time(house: House, system: Actor, now: datetime) -> None:
    client = house.clients["northwind"]
    case = services.open_case(
        type="address",
        subject=SubjectRef("test.parcel", "9", client.pk),
        subject_key="NW-9",
        client_id=client.pk,
        title="Parcel 9 cannot be delivered",
        by=system,
        now=now,
    )
    for at, keys in ((case.acknowledge_by, []), (case.acknowledge_by + timedelta(seconds=1), [case.key])):
        page = selectors.gap_page(by=house.actor("lee"), now=at)
        assert ([row.key for row in page.untaken], page.untaken_count) == (keys, len(keys))
    assert selectors.gap_page(by=house.actor("noor"), now=now + timedelta(days=1)).untaken_count == 0


def test_the_sweep_asks_as_much_for_one_as_for_many(
    house: House, system: Actor, now: datetime, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    client, amal = house.clients["northwind"], house.owners["amal"]
    count_stock(news=[make.stock(client, now, "TENT-2", 100)], by=system, now=now)

    def orphans(count: int) -> None:
        with acting(system, at=now):
            placed = place_orders(news=[make.placed(client, now) for _ in range(count)], by=system, now=now)
            Order.objects.filter(pk__in=placed).update(owner=amal)

    house.users["amal"].is_active = False
    house.users["amal"].save()
    services.watch_ownership(now=now)
    orphans(2)
    with django_assert_max_num_queries(60) as few:
        services.watch_ownership(now=now)
    orphans(9)
    with django_assert_num_queries(len(few.captured_queries)):
        services.watch_ownership(now=now)
    assert not Order.objects.filter(owner=amal).exists()

"""A rule's fallback: who has an order that has not gone on when the rule's delay is over."""

import json
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client as Browser
from django.urls import reverse

from audit.access import Role
from audit.context import Actor, acting
from audit.models import Event, User
from exceptions.models import Notification, Timer
from exceptions.services import sweep_timers
from orders.fulfilment.models import Export, Fulfilment, Order
from orders.fulfilment.selectors import order_story
from orders.fulfilment.services import holds
from orders.sync.models import System
from rules.models import Absence, Flow, Owner, OwnershipRule, Sla
from rules.services import freeze_rule_book
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PREORDER = {"channel": "marketplace", "lines": [make.line("KAYAK", sku_type="preorder", vendor="kestrel")]}


def owner_of(order: Order) -> str:
    return Order.objects.values_list("owner__slug", flat=True).get(pk=order.pk)


def fell_back(order: Order) -> list[Event]:
    return list(Event.objects.filter(type="order.fell_back", subject_id=str(order.pk)))


def running(order: Order) -> list[datetime]:
    """Until when the owner has time, while that runs."""
    live = Timer.objects.filter(subject_id=str(order.pk), kind="fulfilment.fallback", fired_at=None, cancelled_at=None)
    return list(live.values_list("due_at", flat=True))


def shown(order: Order, by: Actor) -> str:
    return order_story(by=by, key=order.key).if_it_fails


def sweep(now: datetime) -> None:
    while sweep_timers(now=now):
        pass


def made_in_the_admin() -> None:
    """The rule of the requirement, typed and frozen by an admin."""
    kim = User.objects.create_user("kim", is_staff=True)
    kim.groups.add(Group.objects.get_or_create(name=Role.ADMIN.value)[0])
    browser = Browser()
    browser.force_login(kim)
    named = {
        **{name: Owner.objects.get(slug="ops-team-review").pk for name in ("fallback", "rule_owner")},
        "owner": Owner.objects.get(slug="fulfillment-service-vendor").pk,
        "flow": Flow.objects.get(slug="vendor-drop-ship").pk,
        "sla": Sla.objects.get(slug="vendor-confirmation", minutes=60).pk,
    }
    typed = {
        "name": "Preorders of marketplaces",
        "slug": "preorders-of-markets",
        "why": "Only the vendor knows when a preorder arrives.",
        "predicate": 'channel == "marketplace" && lines.exists(l, l.sku_type == "preorder")',
        "position": 1,
        "fallback_after_minutes": 120,
        "is_active": "on",
        "reason": "as agreed with the vendor",
    }
    assert browser.post(reverse("admin:rules_ownershiprule_add"), {**typed, **named}).status_code == 302
    assert browser.post(reverse("admin:rules_rulebookversion_freeze"), {"note": "preorders"}).status_code == 302


def test_the_rule_made_in_the_admin_gives_its_orders_to_the_owner_and_after_its_delay_to_the_fallback(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    made_in_the_admin()
    with acting(system, at=now):
        crm = {"slug": "crm", "name": "CRM", "layer": "crm", "owner": Owner.objects.get(slug="integrations")}
        System.objects.create(wants_exports=True, **crm)
    order = place(**PREORDER)
    assert order.decision is not None
    assert (order.decision.rule_slug, owner_of(order)) == ("preorders-of-markets", "fulfillment-service-vendor")
    assert (order.sla_due_at, order.falls_back_at) == (now + HOUR, now + 2 * HOUR)
    assert shown(order, system) == "If it has not gone on by Fri 20 Nov 11:00 UTC, Ops Review has it."
    for at in (now + HOUR, now + 2 * HOUR - MINUTE):
        sweep(at)
    assert (owner_of(order), fell_back(order)) == ("fulfillment-service-vendor", [])

    for minutes in (0, 1):
        sweep(now + 2 * HOUR + minutes * MINUTE)
    (event,) = fell_back(order)
    told = json.loads(event.body)
    assert (event.actor, told["reason"]) == (
        "system:timers",
        "It had not gone on 120 min after it came to its owner.",
    )
    heir = Owner.objects.get(slug="ops-team-review")
    assert told["changes"]["owner_id"][1] == str(heir.pk)
    parcel = Fulfilment.objects.get(order=order)
    assert {parcel.owner, Order.history.filter(id=order.pk).latest("history_id").owner} == {heir}
    notice = Notification.objects.get(event="order.fell_back")
    assert (notice.owner, notice.text, notice.url) == (
        heir,
        f"{order.key} came to you, because it had not gone on in time.",
        f"/orders/{order.key}/",
    )
    assert Export.objects.filter(order=order).latest("number").document["owner"] == "ops-team-review"
    assert broken() == []

    # Held for the customer an hour later, it comes back to the fallback, and nobody has it by turns.
    sweep(now + 3 * HOUR)
    assert owner_of(order) != "ops-team-review"
    tell("task.confirmed", parcel.key)
    sweep(now + 9 * HOUR)
    assert (owner_of(order), len(fell_back(order))) == ("ops-team-review", 1)
    assert broken() == []


def test_what_has_gone_on_or_stands_with_somebody_else_is_left_alone_and_what_came_at_once_is_told_at_once(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    confirmed, first, second = (place(**PREORDER) for _ in range(3))
    held = place(segment="vip")
    tell("task.confirmed", f"{confirmed.key}-1")
    hold = holds.hold_order(order_id=held.pk, words="Wait for it", by=system, now=now + MINUTE)
    assert not running(held)
    with acting(system, at=now):
        OwnershipRule.objects.filter(slug="marketplace-preorder").update(fallback_after_minutes=5)
        freeze_rule_book(by=system, now=now)
    sweep(now + 2 * HOUR - MINUTE)
    assert not Event.objects.filter(
        type="order.fell_back"
    ).exists()  # what was decided keeps the delay it was decided with
    sweep(now + 2 * HOUR)
    assert [len(fell_back(one)) for one in (confirmed, held, first, second)] == [0, 0, 1, 1]
    assert owner_of(confirmed) == "fulfillment-service-vendor"
    notice = Notification.objects.get(event="order.fell_back")
    assert notice.text == "Orders that came to you, because they had not gone on in time: 2."
    assert shown(confirmed, system) == "What does not come in time becomes an exception."

    # Back from its hold it is the owner's again, who has the whole delay of what was decided.
    holds.release_hold(hold_id=hold.pk, reason="it is here", by=system, now=now + 2 * HOUR)
    assert running(held) == [now + 4 * HOUR]
    sweep(now + 4 * HOUR)
    assert (owner_of(held), len(fell_back(held)), running(held)) == ("ops-team", 1, [])
    assert broken() == []


def test_who_stands_in_for_the_fallback_gets_it_while_the_fallback_is_away(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(segment="vip")
    fallback = Owner.objects.get(slug="ops-team")
    with acting(system, at=now):
        Absence.objects.create(owner=fallback, starts_at=now, ends_at=now + 3 * HOUR)
    sweep(now + 2 * HOUR)
    assert (owner_of(order), broken()) == (fallback.backup.slug, [])
    assert shown(order, system) == "Ops has it since Fri 20 Nov 11:00 UTC: it had not gone on in time."
    assert Notification.objects.get(event="order.fell_back").owner == fallback.backup

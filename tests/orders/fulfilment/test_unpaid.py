"""Orders whose money does not come: each has somebody and a deadline, then a case; more time, a cancellation, or the payment ends it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from audit.context import Actor
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.unpaid import watch_unpaid
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
THREE_DAYS = timedelta(days=3)


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Iterator[None]:
    """No invariant is broken, and the trail alone tells where everything stands."""
    yield
    assert broken() == []


def late() -> list[tuple[str, str, str]]:
    rows = ExceptionCase.objects.filter(type="payment-overdue").order_by("number")
    return list(rows.values_list("subject_key", "owner__slug", "state"))


def test_an_order_is_somebodys_and_late_once_and_paying_ends_that(
    place: make.Place, tell: make.Tell, now: datetime
) -> None:
    order, paid = place(paid=False), place()
    assert (order.owner.slug, order.sla_due_at) == ("finance-ops", now + THREE_DAYS)
    assert watch_unpaid(now=now + THREE_DAYS - timedelta(seconds=1)) == 0
    assert [watch_unpaid(now=now + THREE_DAYS) for _ in range(2)] == [1, 0]
    assert late() == [(order.key, "finance-ops", "open")]
    tell("payment.captured", order.number, captured_at=now.isoformat())
    assert late() == [(order.key, "finance-ops", "withdrawn")]
    assert {one.state for one in Order.objects.filter(pk__in=[order.pk, paid.pk])} == {"in_fulfilment"}
    assert watch_unpaid(now=now + 9 * THREE_DAYS) == 0


def test_a_promised_payment_has_its_own_deadline(place: make.Place, tell: make.Tell) -> None:
    order = place(paid=False)
    promised = {"reference": "P-1", "amount_minor": 9_900, "currency": "EUR", "authorised_at": "2026-11-20T09:00:00Z"}
    tell("payment.authorised", order.number, **promised)
    order.refresh_from_db()
    assert (order.state, order.owner.slug, order.sla_due_at is not None) == ("payment_authorised", "finance-ops", True)
    assert watch_unpaid(now=order.sla_due_at or order.placed_at) == 1
    assert "promised" in ExceptionCase.objects.get().title


@pytest.mark.parametrize(
    ("outcome", "state", "again"), [("resolved", "awaiting_payment", 1), ("cancelled", "cancelled", 0)]
)
def test_whoever_has_it_gives_more_time_or_cancels(
    place: make.Place, system: Actor, now: datetime, outcome: str, state: str, again: int
) -> None:
    order, due = place(paid=False), now + THREE_DAYS
    watch_unpaid(now=due)
    case = ExceptionCase.objects.get()
    exceptions.acknowledge_case(case_id=case.pk, by=system, now=due)
    exceptions.resolve_case(case_id=case.pk, outcome=outcome, note="Asked the customer", by=system, now=due)
    order.refresh_from_db()
    assert order.state == state
    assert [watch_unpaid(now=due + wait) for wait in (timedelta(), THREE_DAYS)] == [0, again]

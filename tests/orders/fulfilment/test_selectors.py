"""What lists and pages of orders show, and to whom."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from audit.access import GRANTS, Role
from audit.context import Actor, acting
from audit.errors import Invalid, NotFound
from orders.fulfilment import selectors
from orders.fulfilment.selectors import OrderFilters
from orders.fulfilment.services.intake import place_orders
from rules.models import Client
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def person(role: Role, *clients: Client) -> Actor:
    return Actor(
        "person",
        "user:1",
        "Amal",
        1,
        frozenset({role}),
        GRANTS[role],
        clients=frozenset(client.pk for client in clients),
    )


def test_a_list_shows_newest_first_in_pages_that_do_not_overlap(
    northwind: Client, system: Actor, now: datetime
) -> None:
    told = [make.placed(northwind, now.replace(minute=minute), order=f"W-{minute}") for minute in range(30)]
    place_orders(news=told, by=system, now=now)
    first = selectors.order_page(by=system, filters=OrderFilters(per=25), now=now)
    rest = selectors.order_page(by=system, filters=OrderFilters(per=25, after=first.next_after), now=now)
    numbers = [row.number for row in [*first.rows, *rest.rows]]
    assert numbers == [f"W-{minute}" for minute in reversed(range(30))]
    assert (first.count, rest.next_after) == (30, "")


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_needs_the_same_queries_for_one_and_for_three(
    northwind: Client, system: Actor, now: datetime, count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    place_orders(news=[make.placed(northwind, now) for _ in range(count)], by=system, now=now)
    with django_assert_num_queries(4):
        page = selectors.order_page(by=system, filters=OrderFilters(), now=now)
    assert len(page.rows) == count


def test_an_unknown_filter_is_refused_and_never_widens_the_list(
    northwind: Client, system: Actor, now: datetime
) -> None:
    with pytest.raises(Invalid) as refused:
        selectors.order_page(by=system, filters=OrderFilters(state=["adress"]), now=now)
    assert [error.pointer for error in refused.value.errors] == ["state"]


def test_tabs_and_filters_narrow_the_list(place: make.Place, system: Actor, now: datetime) -> None:
    stuck = place(lines=[make.line("STOVE")])
    place()
    found = selectors.order_page(by=system, filters=OrderFilters(tab="stuck", hold=["stock"], sku=["STOVE"]), now=now)
    assert [row.key for row in found.rows] == [stuck.key]
    assert found.rows[0].holds == ("Waiting for stock",)
    assert selectors.tab_counts(by=system, now=now)["stuck"] == 1


def test_the_search_box_takes_keys_numbers_external_ids_and_addresses_of_customers(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(identifiers=[{"system": "erp", "external_id": "E-77"}], contact={"email": "Ida@Example.org"})
    place()
    for words in (order.key, order.number, "E-77", "ida@example.org"):
        page = selectors.order_page(by=system, filters=OrderFilters(q=words), now=now)
        assert [row.key for row in page.rows] == [order.key], words


def test_another_clients_order_reads_the_same_as_none(place: make.Place, system: Actor, now: datetime) -> None:
    order = place()
    with acting(system, at=now):
        fable = make.client_named("fable", "FB", name="Fable & Co")
    noor = person(Role.ACCOUNT_MANAGER, fable)
    assert selectors.order_page(by=noor, filters=OrderFilters(), now=now).rows == []
    for key in (order.key, "NW-1"):
        with pytest.raises(NotFound):
            selectors.order_story(by=noor, key=key)


def test_the_page_answers_the_four_questions_in_words(place: make.Place, northwind: Client) -> None:
    story = selectors.order_story(by=person(Role.ACCOUNT_MANAGER, northwind), key=place().key)
    assert story.triggered_by == "Payment captured Fri 20 Nov 09:00 UTC (web) started warehouse pick and pack."
    assert story.source_of_record == "Handrail; other systems follow it"
    assert story.next_step.startswith("Ops owns the next step, until ")
    assert story.if_it_fails == "If it has not gone on by Fri 20 Nov 11:00 UTC, Ops Review has it."


def test_nobody_owns_the_next_step_of_an_order_that_is_over(
    place: make.Place, tell: make.Tell, northwind: Client
) -> None:
    order = place()
    tell("shipment.delivered", f"{order.key}-1", at=order.placed_at.isoformat())
    story = selectors.order_story(by=person(Role.ACCOUNT_MANAGER, northwind), key=order.key)
    assert (story.next_step, story.if_it_fails) == ("Nothing is left to do.", "Nothing more is awaited.")


def test_personal_data_is_masked_unless_one_may_see_it(place: make.Place, northwind: Client) -> None:
    order = place()
    masked = selectors.order_story(by=person(Role.ACCOUNT_MANAGER, northwind), key=order.key).address
    clear = selectors.order_story(by=person(Role.ADMIN, northwind), key=order.key).address
    assert (masked["street_address"], masked["city"]) == ("•••", "Berlin")
    assert clear["street_address"] == "Torstraße 12"


def test_a_hold_shows_its_condition_and_what_it_is_worth_now(place: make.Place, northwind: Client) -> None:
    order = place(lines=[make.line(quantity=11)])
    (hold,) = selectors.order_story(by=person(Role.SUPPORT, northwind), key=order.key).holds
    assert (hold.releases_when, hold.now_worth) == ("11 of TENT-2 are free", "10 are free")


def test_the_trace_tells_every_step_of_order_and_fulfilments_in_order(
    place: make.Place, tell: make.Tell, system: Actor
) -> None:
    order = place()
    tell("task.confirmed", order.fulfilments.get().key)
    steps = selectors.order_trace(by=system, key=order.key).rows
    assert [step.type for step in steps] == [
        "order.received",
        "order.payment_captured",
        "order.paid",
        "order.routed",
        "fulfilment.planned",
        "fulfilment.tasked",
        "order.in_fulfilment",
        "run.started",
        "fulfilment.confirmed",
    ]

"""The list of orders: narrowed down in its address, acted on as a plan shows it, at a cost that does not grow with its rows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone, translation

from audit import clock
from audit.context import Actor
from audit.subject_refs import subject_ref
from exceptions.services import open_case, reassign_case
from exceptions.views.ranges import range_in_words
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors import OrderFilters
from orders.fulfilment.selectors import orders as lists
from tests.cast import House
from tests.factories import orders as make
from tests.orders.fulfilment.conftest import paid
from tests.pages.conftest import SignedIn

__all__ = ["paid"]


def test_a_list_is_narrowed_down_in_its_address_and_what_is_not_known_shows_nothing(
    signed_in: SignedIn, paid: Any
) -> None:
    (risky,) = paid("W-1", fraud_score=40)
    paid("W-2")
    amal = signed_in("amal")
    page = amal.get("/orders/?fraud=30..69&placed=7d&behind=false&test=false&tab=all")
    assert [row.key for row in page.context["page"].rows] == [risky.key]
    assert [(chip.label, chip.value) for chip in page.context["chips"]] == [
        ("Placed", "In the last 7 days"),
        ("Fraud score", "Raised, 30 to 69"),
        ("Other systems behind", "As promised, or told of nothing"),
        ("Test orders", "Without"),
    ]
    for wrong in ("fraud=much", "behind=perhaps", "owner=nobody-knows", "placed=soon", "colour=red"):
        refused = amal.get(f"/orders/?{wrong}")
        assert (refused.status_code, refused.context["page"].rows) == (400, []), wrong
    assert "No order matches these filters." in amal.get("/orders/?tab=late").content.decode()


def test_a_paid_order_without_stock_is_listed_by_that_state(signed_in: SignedIn, paid: Any) -> None:
    paid("W-1")
    (short,) = paid("W-2", lines=[make.line("STOVE")])
    page = signed_in("amal").get("/orders/?state=paid_no_stock")
    assert [(row.key, row.state_label) for row in page.context["page"].rows] == [(short.key, "Paid, no stock")]


def test_orders_are_chosen_planned_and_held_and_the_plan_of_yesterday_is_shown_anew(
    signed_in: SignedIn, paid: Any
) -> None:
    first, second = paid("W-1", "W-2")
    amal = signed_in("amal")
    nothing = amal.post("/orders/bulk/", {"do": "hold"}, follow=True)
    assert "Choose at least one order" in nothing.content.decode()
    plan = amal.post("/orders/bulk/", {"do": "hold", "all": "1", "query": "tab=in-progress"})
    assert "Put 2 orders on hold" in plan.content.decode()
    confirm = {"plan": str(plan.context["plan"].pk)}
    assert amal.post("/orders/bulk/", {**confirm, "reason": "x"}).status_code == 422
    job = amal.post("/orders/bulk/", {**confirm, "reason": "The vendor asks us to wait"}, follow=True)
    assert (job.context["work"].done, Hold.objects.filter(placed_by__startswith="user:").count()) == (2, 2)
    foreign = signed_in("noor").post("/orders/bulk/", {"do": "hold", "id": [first.key]})
    assert foreign.context["plan"].items == []
    none = amal.post("/orders/bulk/", {"do": "decide-anew", "id": [second.key]})
    assert "The rules say the same of it as before." in none.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_needs_no_more_queries_for_three_orders_than_for_one(
    signed_in: SignedIn, paid: Any, count: int, django_assert_max_num_queries: Any
) -> None:
    paid(*(f"W-{n}" for n in range(count)))
    amal = signed_in("amal")
    amal.get("/orders/")
    with django_assert_max_num_queries(16):
        page = amal.get("/orders/")
    assert len(page.context["page"].rows) == count


@pytest.mark.parametrize("sort", ["due", "-due", "total", "-placed", "key"])
def test_a_list_in_any_order_shows_every_order_once_page_by_page_and_what_has_no_such_moment_last(
    house: House, paid: Any, now: datetime, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    placed = paid("W-1", "W-2", "W-3", "W-4")
    without = {order.pk for order in placed[1:3]}
    Order.objects.filter(pk=placed[1].pk).update(sla_due_at=None)
    Order.objects.filter(pk=placed[2].pk).update(state="cancelled", cancelled_at=now)
    Order.objects.filter(pk=placed[3].pk).update(total_minor=1)
    monkeypatch.setattr(lists, "PAGE_SIZES", (1,))
    seen, after = [], ""
    while True:
        filters = OrderFilters(sort=sort, per=1, after=after)
        page = lists.order_page(by=house.actor("amal"), filters=filters, now=now)
        seen += [row.id for row in page.rows]
        if not (after := page.next_after):
            break
    whole = list(lists.in_order(Order.objects.all(), sort).values_list("pk", flat=True))
    assert (seen, len(seen)) == (whole, 4)
    assert sort not in {"due", "-due"} or set(seen[2:]) == without


@pytest.mark.parametrize("sort", ["due", "-due", "promised", "-state"])
def test_programs_page_through_the_same_order_both_ways(
    signed_in: SignedIn, house: House, paid: Any, now: datetime, sort: str
) -> None:
    placed = paid("W-1", "W-2", "W-3")
    Order.objects.filter(pk=placed[0].pk).update(sla_due_at=None, promised_at=now)
    Order.objects.filter(pk=placed[1].pk).update(state="cancelled", cancelled_at=now)
    amal, there, back = signed_in("amal"), list[str](), list[str]()
    page = amal.get(f"/api/v1/orders?sort={sort}&limit=1").json()
    while page:
        there += [row["key"] for row in page["results"]]
        page, last = amal.get(page["next"]).json() if page["next"] else None, page
    while last:
        back += [row["key"] for row in last["results"]]
        last = amal.get(last["previous"]).json() if last["previous"] else None
    listed = lists.order_page(by=house.actor("amal"), filters=OrderFilters(sort=sort), now=now).rows
    assert there == back[::-1] == [row.key for row in listed]


def test_the_list_says_who_has_an_order_now_as_its_page_does_in_files_too(
    signed_in: SignedIn, house: House, paid: Any, system: Actor
) -> None:
    first, other = paid("W-1", "W-2")
    case = open_case(
        type="address",
        subject=subject_ref(first),
        subject_key=first.key,
        client_id=first.client_id,
        title="Address cannot be delivered to",
        by=system,
        now=clock.now(),
    )
    reassign_case(case_id=case.pk, to="sam", reason="Knows the street", by=system, now=clock.now())
    amal = signed_in("amal")
    rows = {row.key: row.owner for row in amal.get("/orders/?sort=key&per=25").context["page"].rows}
    assert rows == {first.key: "Sam Baptiste", other.key: other.owner.name}
    assert "Sam Baptiste owns the next step" in amal.get(f"/orders/{first.key}/").content.decode()
    for owner, key in (("sam", first.key), (other.owner.slug, other.key)):
        assert [row.key for row in amal.get(f"/orders/?holder={owner}").context["page"].rows] == [key]
    told = json.loads(b"".join(amal.get("/orders.json?sort=key")))
    assert [(one["order"], one["owner"], one["exceptions"]) for one in told] == [
        (first.key, "Sam Baptiste", 1),
        (other.key, other.owner.name, 0),
    ]
    refused = [amal.get(f"/orders/?{wrong}").status_code for wrong in ("sort=colour", "per=7", "per=x", "after=x")]
    assert refused == [400] * 4


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("2026-11-01T00:00Z..2026-11-20T23:59:59.999999Z", "1 Nov 2026 to 20 Nov 2026"),
        ("2026-11-03T08:30Z..", "from 3 Nov 2026, 08:30"),
        ("..2026-11-03", "up to 3 Nov 2026"),
        ("2026-11-03..2026-11-03", "3 Nov 2026"),
        ("10..20", "10 to 20"),
        ("7d", "7d"),
        ("2026-99-99..", "2026-99-99.."),
    ],
)
def test_a_range_that_a_link_asks_for_is_said_in_words(asked: str, words: str) -> None:
    with timezone.override("UTC"), translation.override("en-gb"):
        assert range_in_words(asked) == words

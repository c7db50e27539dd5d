"""The list of orders: narrowed down in its address, acted on as a plan shows it, at a cost that does not grow with its rows."""

from __future__ import annotations

from typing import Any

import pytest

from orders.fulfilment.models import Hold
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
        ("Other systems behind", "false"),
        ("Test orders", "Without"),
    ]
    for wrong in ("fraud=much", "behind=perhaps", "owner=nobody-knows", "placed=soon", "colour=red"):
        refused = amal.get(f"/orders/?{wrong}")
        assert (refused.status_code, refused.context["page"].rows) == (400, []), wrong
    assert "No order matches these filters." in amal.get("/orders/?tab=late").content.decode()


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

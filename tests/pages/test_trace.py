"""The trace of one order: the four answers of support and the way from trigger to outcome, as a page and as one API answer."""

from datetime import timedelta

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

MINUTE = timedelta(minutes=1)


def test_support_reads_it_all_on_one_page_and_programs_in_one_answer(house: House, signed_in: SignedIn) -> None:
    client, now, by = house.clients["northwind"], clock.now() - 5 * MINUTE, system_actor("test")
    (order_id,) = place_orders(news=[make.placed(client, now, paid_at=now.isoformat())], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    sam = signed_in("sam")
    page = sam.get(f"/orders/{order.key}/trace/").content.decode()
    for words in ("What started it", "Which system is right", "Who has the next action", "Where a problem goes"):
        assert words in page
    assert "Why, and why not" in page
    assert "of rule book v" in page
    german = sam.get(f"/orders/{order.key}/trace/", headers={"accept-language": "de"}).content.decode()
    assert ("Zuständig ist" in german, "of rule book" in german) == (True, False)
    assert "svg" in page
    only = sam.get(f"/orders/{order.key}/trace/?kind=attempt").content.decode()
    assert "Nothing of this kind has happened." in only
    for asked in ("kind=weather", "system=elsewhere"):
        assert not sam.get(f"/orders/{order.key}/trace/?{asked}").context["trace"].rows
    one = sam.get(f"/orders/{order.key}/trace/?system=store&as=table").context["trace"]
    assert {row.system for row in one.rows} == set(one.systems) == {"store"}
    answer = sam.get(f"/orders/{order.key}/trace/?as=table")
    table = answer.content.decode()
    assert len(one.rows) < len(answer.context["trace"].rows)
    assert ('class="step' in table, f"/api/v1/orders/{order.key}/trace" in table) == (False, True)
    told = sam.get(f"/api/v1/orders/{order.key}/trace").json()
    narrowed = sam.get(f"/api/v1/orders/{order.key}/trace?kind=trigger&system=store").json()["waterfall"]
    assert {(row["kind"], row["system"]) for row in narrowed} == {("trigger", "store")}
    assert sam.get(f"/api/v1/orders/{order.key}/trace?kind=weather").json()["waterfall"] == []
    assert set(told["answers"]) == {"triggered_by", "source_of_record", "next_step", "if_it_fails"}
    assert any(row["why"] for row in told["waterfall"])
    assert [span["name"] for span in told["spans"]] == [
        "Trigger to decision",
        "Decision to confirmation",
        "Trigger to outcome",
    ]
    assert signed_in("noor").get(f"/orders/{order.key}/trace/").status_code == 404

"""Frozen rule books as everybody who may look at rules reads them."""

from typing import Any

from audit import clock
from audit.context import Actor
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from rules.models import OwnershipRule, Sla
from rules.services import freeze_rule_book, save_edited
from tests.cast import House
from tests.factories import orders as make

NOTE = "Vendors need longer"


def test_a_book_says_who_froze_it_why_what_it_changed_and_what_it_decided(
    signed_in: Any, house: House, system: Actor
) -> None:
    kim, now, client = house.actor("kim"), clock.now(), house.clients["northwind"]
    (order_id,) = place_orders(news=[make.placed(client, now, paid_at=now.isoformat())], by=system, now=now)
    order = Order.objects.get(pk=order_id)
    assert order.decision is not None
    rule = OwnershipRule.objects.filter(is_default=False).order_by("position")[0]
    sla = Sla.objects.get(slug="vendor-confirmation")
    rule.fallback_after_minutes += 15
    save_edited(edited=rule, by=kim, now=now, seen=rule.version, reason=NOTE)
    sla.minutes = 75
    save_edited(edited=sla, by=kim, now=now, seen=sla.version, reason=NOTE)
    before = order.decision.book.number
    book = freeze_rule_book(by=kim, now=now, note=NOTE)
    amal = signed_in("amal")
    (newest, older, *_) = amal.get("/rules/books/").context["rows"]
    assert (newest.book.number, newest.who, newest.book.note, newest.book.is_active) == (
        book.number,
        "Kim Park",
        NOTE,
        True,
    )
    assert older.book.number == before
    page = amal.get(f"/rules/books/{book.number}/").context["page"]
    changed = {(one.part, one.slug): one for one in page.changes}
    assert changed["Service level", "vendor-confirmation"].fields == [("minutes", "60", "75")]
    told = changed["Ownership rule", rule.slug]
    assert told.after.endswith(f"takes over after {rule.fallback_after_minutes} min.")
    assert len(changed) == 2
    assert page.decided == []
    old = amal.get(f"/rules/books/{before}/?against={book.number}").context["page"]
    assert [(one.part, one.fields) for one in old.changes if one.part == "Service level"] == [
        ("Service level", [("minutes", "75", "60")])
    ]
    assert ([count for _, count in old.decided], [one.subject_key for one in old.examples]) == ([1], [order.key])
    theirs = signed_in("noor").get(f"/rules/books/{before}/").context["page"]
    assert (theirs.decided, list(theirs.examples)) == ([], [])
    assert [amal.get(f"/rules/books/{one}/").status_code for one in ("999", "x")] == [404, 404]

"""Customers for programs: who looks alike, merging, splitting, keeping apart."""

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Customer
from orders.fulfilment.services.intake import place_orders
from tests.api.conftest import Api
from tests.cast import House
from tests.factories import orders as make

WHY = {"reason": "They said so on the phone"}


def test_programs_decide_who_is_the_same(amal: Api, house: House) -> None:
    client, now = house.clients["northwind"], clock.now()
    contacts = [{"email": f"{name}@example.org", "phone": "0301234567", "customer_id": name} for name in ("a", "b")]
    address = {"country": "DE", "kept_by_store": True}
    news = [make.placed(client, now, contact=contact, address=address) for contact in contacts]
    place_orders(news=news, by=system_actor("test"), now=now)
    one, other = Customer.objects.order_by("pk").values_list("key", flat=True)
    (pair,) = amal.get("duplicates?sign=phone&state=likely").json()["results"]
    assert (pair["one"], pair["other"], pair["signs"]) == (one, other, ["phone"])
    assert amal.get("duplicates?sign=nose").status_code == 400
    wrong = amal.post(f"{pair['self']}/merge", {"keep": "CU-0", **WHY})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/keep")
    merged = amal.post(f"{pair['self']}/merge", {"keep": other, **WHY})
    assert (merged.status_code, merged.json()["one"], merged.json()["other"]) == (200, other, other)
    again = amal.post(f"{pair['self']}/merge", {"keep": other, **WHY})
    assert (again.status_code, "was faster" in again.json()["detail"]) == (409, True)
    assert amal.get("duplicates").json()["results"] == []
    facts = amal.get(f"customers/{other}").json()["facts"]
    assert (facts["orders"], [row["key"] for row in facts["merged"]]) == (2, [one])
    assert {sign["text"] for sign in facts["signs"] if sign["kind"] == "number"} == {"•••"}
    listed = amal.get(f"orders?customer={one}").json()["results"]
    story = amal.get(f"orders/{listed[0]['key']}").json()["story"]
    assert (len(listed), story["customer"]) == (2, {"key": other, "other_orders": 1, "alike": 0})
    split = amal.post(f"customers/{one}/split", WHY)
    assert (split.status_code, split.json()["state"], split.json()["merged_into"]) == (200, "own", None)
    assert amal.get("duplicates").json()["results"][0]["state"] == "apart"
    assert amal.post(f"{pair['self']}/ask-again", WHY).json()["state"] == "likely"
    assert amal.post(f"{pair['self']}/keep-apart", WHY).json()["state"] == "apart"
    into = amal.post(f"customers/{one}/merge", {"into": "CU-0", **WHY})
    assert (into.status_code, into.json()["errors"][0]["pointer"]) == (422, "/into")
    assert amal.post(f"customers/{one}/merge", {"into": other, **WHY}).json()["head"] == other
    assert [row["key"] for row in amal.get("customers?state=merged").json()["results"]] == [one]

"""Orders that are held for what is missing: found, completed and let go, by people who may."""

import json
from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from exceptions.models import CaseStep, ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.decisions.suggestions import suggest
from orders.fulfilment.models import Order
from orders.fulfilment.selectors import quarantine_detail
from orders.fulfilment.selectors.quarantine import quarantined
from orders.fulfilment.services import resubmitting
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.states import OrderState
from orders.sync.models import InboundEvent, System
from orders.sync.states import InboundState
from rules.states import Layer
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

PREFIXED = {**make.BERLIN, "postcode": "D-10119"}
HOPELESS = {**make.BERLIN, "postcode": "unknown"}
LINES = {"sku-0": "TENT-2", "quantity-0": "2", "price-0": "49.50"}


def held(house: House, **data: Any) -> Order:
    """A paid order of northwind, and tents on the shelf."""
    system, now, client = system_actor("test"), clock.now() - timedelta(minutes=1), house.clients["northwind"]
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=system, now=now)
    (order_id,) = place_orders(news=[make.placed(client, now, **data)], by=system, now=now)
    number = Order.objects.get(pk=order_id).number
    paid = make.news("payment.captured", client, number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=system, now=now)
    return Order.objects.get(pk=order_id)


def log_the_audit_steps(signed_in: SignedIn, house: House, order: Order) -> None:
    detail = quarantine_detail(by=house.actor("amal"), key=order.key, now=clock.now())
    assert detail.case is not None
    for number, _ in detail.audit_steps:
        answer = signed_in("amal").post(
            f"/exceptions/{detail.case.case.key}/step/{number}/",
            {"outcome": "looked", "return": f"/quarantine/{order.key}/"},
        )
        assert answer["Location"] == f"/quarantine/{order.key}/"


def live_cases(order: Order) -> int:
    return ExceptionCase.objects.filter(subject_id=str(order.pk), state__in=CASE_LIVE).count()


def test_the_list_says_what_is_missing_who_has_it_and_until_when(signed_in: SignedIn, house: House) -> None:
    orders = [held(house, address=PREFIXED), held(house, lines=[])]
    page = signed_in("amal").get("/quarantine/").context["page"]
    assert {row.order.key: row.reason for row in page.rows} == {
        orders[0].key: "Postal code is not valid",
        orders[1].key: "The order has no lines",
    }
    assert all(row.case and row.owner and row.due_at and row.steps for row in page.rows)
    assert signed_in("noor").get("/quarantine/").context["page"].count == 0
    assert signed_in("noor").get(f"/quarantine/{orders[0].key}/").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(
    signed_in: SignedIn, house: House, count: int, django_assert_max_num_queries
) -> None:
    for _ in range(count):
        held(house, address=PREFIXED)
    browser = signed_in("amal")
    with django_assert_max_num_queries(28):
        assert len(browser.get("/quarantine/").context["page"].rows) == count


def test_a_bad_filter_shows_nothing(signed_in: SignedIn, house: House) -> None:
    held(house, address=PREFIXED)
    answer = signed_in("amal").get("/quarantine/?client=fable")
    assert (answer.status_code, list(answer.context["page"].rows)) == (400, [])


def test_personal_values_are_shown_only_to_who_may_see_them(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=PREFIXED)
    amal, kim = (signed_in(name).get(f"/quarantine/{order.key}/").content.decode() for name in ("amal", "kim"))
    assert "Torstraße" not in amal
    assert "10119" not in amal
    assert "without the country before it" in amal
    assert "Torstraße" in kim
    assert "10119" in kim


def test_what_the_system_said_is_beside_what_is_missing(signed_in: SignedIn, house: House) -> None:
    order, now = held(house, address=PREFIXED), clock.now()
    told = Event.objects.get(subject_id=str(order.pk), type="order.received")
    about: dict[str, Any] = {"client": house.clients["northwind"], "owner": house.owners["lee"]}
    with acting(system_actor("test"), at=now):
        shop = System.objects.create(slug="shop", name="The shop", layer=Layer.STORE, **about)
    when: dict[str, Any] = {"time": now, "received_at": now, "due_at": now, "finished_at": now, "lane": 0}
    InboundEvent.objects.create(
        system=shop,
        event_id=json.loads(told.body)["data"]["event"],
        source="/shop",
        type="order.placed",
        subject=order.number,
        preview={"channel": "by phone"},
        state=InboundState.APPLIED,
        **when,
    )
    page = signed_in("amal").get(f"/quarantine/{order.key}/").content.decode()
    for words in ("What The shop said", "by phone", "each parcel that the rules make of it"):
        assert words in page


def test_nothing_goes_on_before_the_audit_steps_are_done(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=PREFIXED)
    answer = signed_in("amal").post(f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1"})
    assert answer.status_code == 422
    assert "Not done yet: Compare the address with what the customer wrote." in answer.content.decode()
    order.refresh_from_db()
    assert (order.state, CaseStep.objects.count()) == (OrderState.ADDRESS_INVALID, 0)


def test_one_click_takes_the_suggestion_and_the_order_goes_on(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=PREFIXED)
    log_the_audit_steps(signed_in, house, order)
    answer = signed_in("amal").post(
        f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1", "seen": order.version}
    )
    order.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.key}/")
    assert order.state == OrderState.IN_FULFILMENT
    assert live_cases(order) == 0
    event = Event.objects.get(subject_id=str(order.pk), type="order.address_corrected")
    assert (event.actor, "as in the store" in event.body) == (house.actor("amal").id, True)
    again = signed_in("amal").post(f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1"})
    assert (again.status_code, "as in the store" in again.content.decode()) == (409, True)
    assert Event.objects.filter(subject_id=str(order.pk), type="order.address_corrected").count() == 1


def test_a_field_that_still_fails_is_named_and_the_rest_is_kept(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=HOPELESS)
    log_the_audit_steps(signed_in, house, order)
    amal = signed_in("amal")
    wrong = amal.post(f"/quarantine/{order.key}/", {"reason": "the customer wrote", "postal_code": "999"})
    assert wrong.status_code == 422
    assert wrong.context["form"].errors["postal_code"] == ["Postal code is not valid"]
    assert "the customer wrote" in wrong.content.decode()
    right = amal.post(f"/quarantine/{order.key}/", {"reason": "the customer wrote", "postal_code": "10119"})
    order.refresh_from_db()
    assert (right.status_code, order.state) == (302, OrderState.IN_FULFILMENT)


def test_an_order_without_lines_gets_them_and_goes_on(signed_in: SignedIn, house: House) -> None:
    order = held(house, lines=[])
    log_the_audit_steps(signed_in, house, order)
    amal = signed_in("amal")
    asked = amal.get(f"/quarantine/{order.key}/").content.decode()
    for words in ("How many are set aside and packed. A whole number from 1 to 100,000.", "without accents"):
        assert words in asked
    unknown = amal.post(f"/quarantine/{order.key}/", {**LINES, "sku-0": "NO-SUCH", "reason": "from the mail"})
    assert (unknown.status_code, list(unknown.context["form"].errors)) == (422, ["sku-0"])
    amal.post(f"/quarantine/{order.key}/", {**LINES, "reason": "from the mail", "seen": order.version})
    order.refresh_from_db()
    assert [(line.sku.code, line.quantity, line.unit_minor) for line in order.lines.select_related("sku")] == [
        ("TENT-2", 2, 4950)
    ]
    assert order.state == OrderState.IN_FULFILMENT
    assert live_cases(order) == 0


def test_a_stale_look_and_who_may_only_read_change_nothing(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=PREFIXED)
    log_the_audit_steps(signed_in, house, order)
    stale = signed_in("amal").post(
        f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1", "seen": order.version - 1}
    )
    assert stale.status_code == 409
    assert "was changed since you looked" in stale.content.decode()
    reading = signed_in("sam").post(f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1"})
    assert reading.status_code == 403
    assert Event.objects.filter(type="access.refused").count() == 1
    order.refresh_from_db()
    assert order.state == OrderState.ADDRESS_INVALID


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"postal_code": "D-10119"}, {"postal_code": "10119"}),
        ({"postal_code": "1O119"}, {"postal_code": "10119"}),
        ({"postal_code": "1067", "city": "Dresden"}, {"postal_code": "01067"}),
        ({"postal_code": "unknown"}, {}),
        ({"country_code": "GERMANY"}, {"country_code": "DE"}),
        ({}, {}),
    ],
)
def test_only_what_would_pass_is_suggested(changed: dict[str, str], expected: dict[str, str]) -> None:
    berlin = {
        "name": "Ida Berg",
        "street_address": "Torstraße 12",
        "postal_code": "10119",
        "city": "Berlin",
        "country_code": "DE",
    }
    assert {one.field: one.value for one in suggest({**berlin, **changed})} == expected


def test_a_region_is_suggested_where_the_postal_code_lies() -> None:
    given = {"name": "A", "street_address": "1 Main St", "city": "Albany", "postal_code": "12207", "country_code": "US"}
    assert [(one.field, one.value) for one in suggest(given)] == [("country_area", "NY")]


def test_several_are_resubmitted_at_once_those_that_would_pass_go_on_and_the_others_say_why_not(
    signed_in: SignedIn, house: House, django_assert_max_num_queries
) -> None:
    orders = [held(house, **data) for data in ({"address": PREFIXED}, {"address": PREFIXED}, {"address": HOPELESS})]
    unlogged, empty = held(house, address=PREFIXED), held(house, lines=[])
    amal = signed_in("amal")
    for order in (*orders, empty):
        log_the_audit_steps(signed_in, house, order)
    assert f'name="id" value="{orders[0].key}"' in amal.get("/quarantine/").content.decode()
    assert amal.post("/quarantine/bulk/", {}, follow=True).context["page"].count == 5
    chosen = {"id": [order.key for order in (*orders, unlogged, empty)]}
    with django_assert_max_num_queries(26):
        plan = amal.post("/quarantine/bulk/", chosen)
    assert [key for key, _ in plan.context["shown"]] == [order.key for order in orders[:2]]
    every = amal.post("/quarantine/bulk/", {"all": "1", "q": "", "client": "northwind", "id": [empty.key]})
    assert (every.context["shown"], every.context["plan"].stay) == (plan.context["shown"], plan.context["plan"].stay)
    assert signed_in("bo").post("/quarantine/bulk/", {"all": "1", "q": unlogged.key}).context["count"] == 0
    told = resubmitting.plan_found(found=quarantined(house.actor("amal")), by=house.actor("amal"), now=clock.now())
    assert [item["key"] for item in told.items] == [order.key for order in orders[:2]]
    assert dict(plan.context["plan"].stay) == {
        orders[2].key: "Postal code is not valid",
        unlogged.key: "Not done yet: Compare the address with what the customer wrote; "
        "Not done yet: Ask the customer and note the answer",
        empty.key: "The order has no lines",
    }
    text = plan.content.decode()
    assert ("Postal code: without the country before it" in text, "10119" in text) == (True, False)
    confirm = {"plan": str(plan.context["plan"].pk)}
    assert amal.post("/quarantine/bulk/", confirm).status_code == 422
    for _ in range(2):  # a second click is the same job
        done = amal.post("/quarantine/bulk/", {**confirm, "reason": "as in the store"}, follow=True)
        assert done.status_code == 200
    states = dict(Order.objects.filter(client=house.clients["northwind"]).values_list("key", "state"))
    went = {key for key, state in states.items() if state == OrderState.IN_FULFILMENT}
    assert went == {order.key for order in orders[:2]}
    assert Event.objects.filter(type="order.address_corrected", body__contains="as in the store").count() == 2
    assert [live_cases(order) for order in (*orders, unlogged)] == [0, 0, 1, 1]


def test_what_changed_since_the_plan_or_is_somebody_elses_is_not_resubmitted(signed_in: SignedIn, house: House) -> None:
    order = held(house, address=PREFIXED)
    log_the_audit_steps(signed_in, house, order)
    noor, amal = signed_in("noor"), signed_in("amal")
    theirs = noor.post("/quarantine/bulk/", {"id": [order.key]}).context["plan"]
    assert (theirs.items, [why for _, why in theirs.stay]) == (
        [],
        ["There is no such order, or it is not yours to see."],
    )
    assert signed_in("sam").post("/quarantine/bulk/", {"id": [order.key]}).status_code == 403
    plan = resubmitting.plan_resubmission(keys=[order.key], by=house.actor("amal"), now=clock.now())
    amal.post(f"/quarantine/{order.key}/", {"reason": "as in the store", "accept": "1"})
    late = amal.post("/quarantine/bulk/", {"plan": str(plan.pk), "reason": "once more"}, follow=True)
    assert "It changed since the plan was made." in late.content.decode()
    assert Event.objects.filter(type="order.address_corrected").count() == 1


def test_a_person_puts_an_order_into_quarantine_and_it_goes_on_once_all_is_confirmed(
    signed_in: SignedIn, house: House
) -> None:
    order, amal = held(house, address=make.BERLIN), signed_in("amal")
    given = {"doubts": ["address", "price"], "line": "1", "reason": "The customer called"}
    assert f"/orders/{order.key}/quarantine/" in amal.get(f"/orders/{order.key}/").content.decode()
    wrong = amal.post(f"/orders/{order.key}/quarantine/", {"reason": "The customer called"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["doubts"])
    answer = amal.post(f"/orders/{order.key}/quarantine/", given)
    assert answer["Location"] == f"/quarantine/{order.key}/"
    assert amal.post(f"/orders/{order.key}/quarantine/", given).status_code == 409
    rows = amal.get("/quarantine/").context["page"].rows
    assert [row.reason for row in rows] == ["In doubt: Address it goes to, Prices and total"]
    page = amal.get(f"/quarantine/{order.key}/").content.decode()
    for words in ("Amal", "The customer called", "because of line 1", f"/orders/{order.key}/override/?field=address"):
        assert words in page
    early = amal.post(f"/quarantine/{order.key}/", {"address": "on", "price": "on", "reason": "They sent a mail"})
    assert (early.status_code, "Not done yet" in early.content.decode()) == (422, True)
    log_the_audit_steps(signed_in, house, order)
    partly = amal.post(f"/quarantine/{order.key}/", {"address": "on", "reason": "They sent a mail"})
    assert (partly.status_code, list(partly.context["form"].errors)) == (422, ["price"])
    order.refresh_from_db()
    done = amal.post(
        f"/quarantine/{order.key}/",
        {"address": "on", "price": "on", "reason": "They sent a mail", "seen": order.version},
    )
    order.refresh_from_db()
    assert (done["Location"], order.state, live_cases(order)) == (
        f"/orders/{order.key}/",
        OrderState.IN_FULFILMENT,
        0,
    )


def test_each_field_says_why_and_what_passes_and_a_group_is_kept_until_somebody_was_faster(
    signed_in: SignedIn, house: House
) -> None:
    order, kim = held(house, address=HOPELESS), signed_in("kim")
    page = f"/quarantine/{order.key}/"
    shown = kim.get(page).content.decode()
    for words in ("No parcel can be brought in DE without it.", "As in 2", "Two capital letters", "data-unsaved"):
        assert words in shown
    assert kim.post(page, {"keep": "where", "postal_code": "10119", "seen": order.version})["Location"] == page
    order.refresh_from_db()
    assert (order.state, live_cases(order)) == (OrderState.ADDRESS_INVALID, 1)
    (row,) = kim.get("/quarantine/").context["page"].rows
    assert (row.reason, row.missing) == ("Filled in, and not resubmitted yet", 0)
    told = Event.objects.get(subject_id=str(order.pk), type="order.address_noted")
    assert json.loads(told.body)["data"]["fields"] == ["postal_code"]
    late = kim.post(page, {"keep": "where", "postal_code": "10999", "seen": order.version - 1})
    said = late.content.decode()
    assert (late.status_code, "It says now: 10119" in said, 'value="10999"' in said) == (409, True, True)
    assert f'name="seen" value="{order.version}"' in said
    again = kim.post(page, {"keep": "where", "postal_code": "10999", "seen": order.version})
    assert again.status_code == 302

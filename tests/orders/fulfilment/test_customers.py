"""Who ordered: the same number or e-mail address is the same customer, who only looks alike is listed, and people merge and split."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.access import GRANTS, Role
from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound
from audit.models import Event
from orders.fulfilment.models import Customer, CustomerSign, Likeness, Order
from orders.fulfilment.services.customers import ask_again, keep_apart, merge_customers, split_customer
from orders.fulfilment.services.intake import place_orders
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
NOWHERE = {"country": "DE", "kept_by_store": True}
WHY = {"reason": "They said so on the phone"}


class Shop:
    """Orders of people; each tells only what is given."""

    def __init__(self, client: Client, by: Actor, now: datetime) -> None:
        self.client, self.by, self.now = client, by, now

    def news(self, *, system: str = "shop", order: str = "", address: Any = None, **contact: str) -> Any:
        address = address or NOWHERE
        return make.placed(self.client, self.now, system=system, order=order, address=address, contact=contact)

    def buys(self, **told: Any) -> Customer:
        (order_id,) = place_orders(news=[self.news(**told)], by=self.by, now=self.now)
        customer = Order.objects.get(pk=order_id).customer
        assert customer is not None
        return customer

    def says(self, act: Any, **about: Any) -> Any:
        return act(**{"by": self.by, "now": self.now, **WHY, **about})


@pytest.fixture
def shop(northwind: Client, system: Actor, now: datetime) -> Shop:
    return Shop(northwind, system, now)


def alike() -> list[tuple[set[str], list[str]]]:
    pairs = Likeness.objects.select_related("one", "other").order_by("pk")
    return [({pair.one.key, pair.other.key}, pair.signs) for pair in pairs]


def test_the_same_number_or_address_is_the_same_customer_of_the_same_client(
    shop: Shop, system: Actor, now: datetime
) -> None:
    ida = shop.buys(email="Ida@Example.org", customer_id="77")
    assert shop.buys(email=" ida@example.ORG") == shop.buys(customer_id="77", email="work@example.org") == ida
    assert shop.buys(email="work@example.org") == ida
    other = shop.buys(system="market", customer_id="77")
    assert other != ida
    news = [shop.news(email="bo@example.org") for _ in range(2)]
    together = Order.objects.filter(pk__in=place_orders(news=news, by=system, now=now)).values_list(
        "customer", flat=True
    )
    assert len(set(together)) == 1
    with acting(system, at=now):
        fable = make.client_named("fable", "FB", name="Fable & Co")
    assert Shop(fable, system, now).buys(email="ida@example.org").client == fable
    unknown = place_orders(news=[shop.news()], by=system, now=now)
    assert Order.objects.get(pk__in=unknown).customer is None
    assert [(one.kind, bool(one.sealed)) for one in ida.signs.order_by("pk")] == [
        ("number", True),
        ("email", False),
        ("email", False),
    ]
    received = Event.objects.filter(type="order.received", body__contains=f'"customer":"{ida.key}"').order_by("seq")
    assert [one.body.split('"known_by":"')[1].split('"')[0] for one in received] == ["", "email", "number", "email"]
    assert (alike(), broken()) == ([], [])


def test_who_only_shares_a_phone_or_a_name_and_postcode_is_listed_and_nothing_is_merged(shop: Shop) -> None:
    first = shop.buys(email="ida@example.org", phone="+49 30 1234567", address=make.BERLIN)
    phone = shop.buys(email="else@example.org", phone="030/1234567")
    turned = {**make.BERLIN, "recipient": "BERG, Ída", "street": "Elsewhere 3"}
    place = shop.buys(email="third@example.org", address=turned)
    shop.buys(email="third@example.org", address=turned)
    assert len({first, phone, place}) == 3
    assert alike() == [({first.key, phone.key}, ["phone"]), ({first.key, place.key}, ["place"])]
    two = shop.buys(email="ida@example.org", customer_id="9")
    shop.buys(customer_id="9", email="else@example.org")  # one order names both
    assert (two, alike()[2:]) == (first, [])  # the two of them are listed already
    news = [shop.news(email=f"{number}@example.org", phone="0800 0000000") for number in range(12)]
    place_orders(news=news, by=shop.by, now=shop.now)
    shared = CustomerSign.objects.filter(kind="phone").exclude(customer__in=[first, phone])
    assert (shared.count(), Likeness.objects.count()) == (10, 2 + 9)  # what so many share says nothing
    assert broken() == []


def test_what_another_system_tells_of_a_known_order_is_known_of_its_customer(shop: Shop) -> None:
    ida = shop.buys(order="W-1", email="ida@example.org")
    told = make.placed(
        shop.client,
        shop.now,
        system="crm",
        order="C-1",
        identifiers=[{"system": "shop", "external_id": "W-1"}],
        address=NOWHERE,
        contact={"customer_id": "K-5"},
    )
    place_orders(news=[told], by=shop.by, now=shop.now)
    assert shop.buys(system="crm", customer_id="K-5") == ida


def test_a_batch_asks_and_writes_as_often_as_one_order(shop: Shop, system: Actor, now: datetime) -> None:
    def asked(*news: Any) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            place_orders(news=news, by=system, now=now)
        return len(captured)

    asked(shop.news())
    nobody = asked(shop.news())
    one = asked(shop.news(email="a@example.org", customer_id="1"))
    many = asked(*(shop.news(email=f"{n}@example.org", customer_id=f"0{n}") for n in range(9)))
    assert (one - nobody, many - nobody) == (3, 3)  # who is it, the customers, what they are known by


def test_a_split_puts_back_exactly_what_a_merge_brought_together(shop: Shop) -> None:
    ida, work, third = (shop.buys(email=f"{name}@example.org", phone="0301234567") for name in ("ida", "work", "third"))
    shop.says(merge_customers, customer_id=work.pk, into_id=ida.pk)
    assert shop.says(merge_customers, customer_id=ida.pk, into_id=third.pk) == third
    assert shop.buys(email="work@example.org") == work
    heads = dict(Customer.objects.values_list("key", "head__key"))
    assert heads == dict.fromkeys((ida.key, work.key, third.key), third.key)
    assert broken() == []

    shop.says(split_customer, customer_id=ida.pk)
    heads = dict(Customer.objects.values_list("key", "head__key"))
    assert heads == {ida.key: ida.key, work.key: ida.key, third.key: third.key}
    shop.says(split_customer, customer_id=work.pk)
    assert {one.key: one.head_id == one.pk for one in Customer.objects.all()} == dict.fromkeys(heads, True)
    assert [work.orders.count(), ida.orders.count()] == [2, 1]
    apart = Likeness.objects.filter(state="apart").order_by("pk")
    assert [(pair.one, pair.other, pair.reason) for pair in apart] == [
        (ida, work, WHY["reason"]),
        (ida, third, WHY["reason"]),
    ]
    shop.buys(email="work@example.org", phone="0301234567")
    assert Likeness.objects.exclude(state="apart").count() == 0
    told = Event.objects.filter(subject_id=str(ida.pk), type__startswith="customer.").order_by("seq")
    assert [one.type for one in told] == ["customer.merged", "customer.split"]
    assert '"state":["own","merged"]' in told[0].body
    assert f'"merged_into_id":["{third.pk}",null]' in told[1].body
    shop.says(merge_customers, customer_id=work.pk, into_id=ida.pk)  # after all
    assert Likeness.objects.get(one=ida, other=work).state == "likely"
    assert broken() == []


def test_two_that_are_not_the_same_are_not_listed_again_until_somebody_asks(shop: Shop, now: datetime) -> None:
    ida, other = (shop.buys(email=f"{name}@example.org", phone="0301234567") for name in ("ida", "other"))
    pair = Likeness.objects.get()
    assert shop.says(keep_apart, likeness_id=pair.pk).state == "apart"
    shop.buys(email="other@example.org", phone="0301234567")
    assert Likeness.objects.count() == 1
    with pytest.raises(IllegalTransition, match="was faster: it was decided at 09:00 UTC"):
        shop.says(keep_apart, likeness_id=pair.pk)
    assert shop.says(ask_again, likeness_id=pair.pk).decided_at is None
    with CaptureQueriesContext(connection) as captured:
        shop.says(merge_customers, customer_id=other.pk, into_id=ida.pk)
    locking = [one["sql"] for one in captured if "FOR NO KEY UPDATE" in one["sql"]]
    assert 'ORDER BY "fulfilment_customer"."id" ASC' in locking[0]
    for late in (
        lambda: shop.says(merge_customers, customer_id=other.pk, into_id=ida.pk),
        lambda: shop.says(merge_customers, customer_id=ida.pk, into_id=other.pk),
        lambda: shop.says(keep_apart, likeness_id=pair.pk),
    ):
        with pytest.raises(IllegalTransition, match=f"was faster: {other.key} was merged into {ida.key} at 09:00 UTC"):
            late()
    with pytest.raises(IllegalTransition, match=f"was faster: {ida.key} was changed"):
        shop.says(split_customer, customer_id=ida.pk)
    with pytest.raises(Invalid):
        shop.says(merge_customers, customer_id=ida.pk, into_id=ida.pk)
    stranger = Actor("person", "user:1", "Noor", 1, frozenset(), GRANTS[Role.OPS_LEAD], clients=frozenset())
    for act in (
        lambda: shop.says(split_customer, customer_id=other.pk, by=stranger),
        lambda: shop.says(keep_apart, likeness_id=pair.pk, by=stranger),
    ):
        with pytest.raises(NotFound):
            act()

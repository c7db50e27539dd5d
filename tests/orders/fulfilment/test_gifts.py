"""Gifts: the card is read by whoever packs it and by nobody else, no price is in the parcel, and it goes where it is to go."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps

from audit.context import Actor, acting
from audit.errors import Invalid
from exceptions.models import ExceptionCase
from exceptions.selectors import AUDIT_KINDS
from exceptions.services import complete_step
from orders.fulfilment.decisions.gifts import Gift, read_gift
from orders.fulfilment.errors import AlreadyPacked
from orders.fulfilment.models import EarlyNotice, Export, Fulfilment, GiftCard, Order, OrderGift
from orders.fulfilment.selectors import order_story
from orders.fulfilment.selectors.quarantine import quarantine_detail
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.giving import say_gift
from orders.fulfilment.shopify import SHOPIFY
from orders.sync.connectors import translate
from orders.sync.models import OutboundMessage, System
from rules import selectors as rules
from rules.models import Client, Owner
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
WORDS, GRAN = "Happy birthday, Grandma Zoe!", {**make.BERLIN, "recipient": "Zoe Zimmer", "street": "Am Zwinger 9"}
SECRETS = ("birthday", "Zoe Zimmer", "Zwinger")


@pytest.fixture
def wms(northwind: Client, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        for layer in (Layer.WMS, Layer.CARRIER):
            System.objects.create(slug=f"nw-{layer}", name=str(layer), layer=layer, client=northwind, owner=owner)


@pytest.fixture
def order(wms: None, place: make.Place) -> Order:
    """The first tent goes to somebody else, the second is wrapped and goes along with the third, which is nobody's gift."""
    gifts = [{"message": WORDS, "address": GRAN}, {"message": "For Bo", "wrap": "red paper"}, None]
    return place(lines=[make.line(gift=gift) for gift in gifts], total_minor=29_700)


def tasks(order: Order, kind: str) -> dict[str, Any]:
    found = OutboundMessage.objects.filter(type="task.requested", ordering_key=order.key).order_by("number")
    return {one.payload["task"][-1]: one.payload for one in found if one.payload["kind"] == kind}


def told_anywhere() -> list[str]:
    """Tables in which something of the message or the address of a gift can be read."""
    tables = [
        model for model in apps.get_models() if model._meta.app_label in {"audit", "exceptions", "fulfilment", "sync"}
    ]
    rows = {model.__name__: repr(list(model._default_manager.values())) for model in tables if model._meta.managed}
    return [name for name, text in rows.items() if any(word in text for word in SECRETS)]


def test_a_gift_goes_its_own_way_with_its_card_and_without_a_price(
    order: Order, tell: make.Tell, system: Actor, now: datetime
) -> None:
    packing = tasks(order, "pick_pack")
    assert {key: [line.get("gift") for line in one["lines"]] for key, one in packing.items()} == {
        "1": [{"message": WORDS}],
        "2": [{"wrap": "red paper", "message": "For Bo"}, None],
    }
    assert [one["address"]["recipient"] for one in packing.values()] == ["Zoe Zimmer", "Ida Berg"]
    tell("shipment.packed", f"{order.key}-1", at=now.isoformat())
    label = tasks(order, "ship")["1"]
    assert (label["address"]["street"], label["no_prices"]) == ("Am Zwinger 9", True)
    assert "gift" not in label["lines"][0]
    assert all(one["no_prices"] for one in packing.values())
    document = Export.objects.get(pk=export_order(order_id=order.pk, by=system, now=now).pk).document
    assert "gift" not in json.dumps(document)
    seen = [rules.contract("order.placed").redact({"lines": [make.line(gift={"message": WORDS, "address": GRAN})]})]
    assert not [word for word in SECRETS if word in json.dumps(seen)]
    assert (told_anywhere(), broken()) == ([], [])

    # A parcel that names a price, or two receivers in one, would be found.
    message = OutboundMessage.objects.filter(key__startswith=f"{order.key}-1/").earliest("number")
    OutboundMessage.objects.filter(pk=message.pk).update(preview={**message.preview, "total_minor": 9_900})
    GiftCard.objects.filter(gift__position=2).update(raw="sealed")
    assert [found for found in broken() if "gifts" in str(found)] == [
        ("orders-gifts-apart", (f"{order.key}-2",)),
        ("orders-gifts-unpriced", (message.key,)),
    ]


def test_a_gift_is_changed_until_it_is_packed_and_not_afterwards(
    order: Order, tell: make.Tell, system: Actor, now: datetime
) -> None:
    def say(line: str, gift: Gift | None) -> Order:
        return say_gift(order_id=order.pk, line=line, gift=gift, reason="They called", by=system, now=now)

    say("2", Gift(None, "gold", dict(GRAN)))
    live = Fulfilment.objects.filter(order=order).exclude(state="cancelled").order_by("key")
    assert [parcel.key[-1] for parcel in live] == ["1", "3", "4"]
    packing = tasks(order, "pick_pack")
    assert [line.get("gift") for key in "34" for line in packing[key]["lines"]] in (
        [{"wrap": "gold", "message": "For Bo"}, None],
        [None, {"wrap": "gold", "message": "For Bo"}],
    )
    say("2", Gift(None, "gold", dict(GRAN)))
    assert live.count() == 3  # nothing is different, so nothing is called back

    for parcel in live:
        tell("shipment.packed", parcel.key, at=now.isoformat())
    with pytest.raises(AlreadyPacked, match=r"Line 2 of .* is packed already"):
        say("2", None)
    row = {"line": "1", "quantity": 1, "gift": {"message": "Too late, Zoe"}}
    tell("order.changed", order.number, lines=[row], changed_at=now.isoformat())
    (request,) = order_story(by=system, key=order.key).requests
    assert request.state == "declined"
    assert request.why == "It is packed already, so the gift in line 1 stays as it is."
    assert (told_anywhere(), broken()) == ([], [])


def test_a_store_makes_a_gift_of_a_line_and_takes_it_back_also_before_the_order_is_known(
    wms: None, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    rows = [{"sku": "TENT-2", "quantity": 1, "gift": {"message": WORDS}}]
    tell("order.changed", "W-early", lines=rows, changed_at=now.isoformat(), order="W-early")
    assert EarlyNotice.objects.filter(told_at=None).count() == 1
    assert told_anywhere() == []
    order = place(order="W-early")
    assert [line.get("gift") for one in tasks(order, "pick_pack").values() for line in one["lines"]][-1] == {
        "message": WORDS
    }
    tell("order.changed", order.number, lines=[{**rows[0], "gift": None}], changed_at=now.isoformat())
    gift = OrderGift.objects.select_related("card").get(order=order)
    assert (gift.is_active, gift.card.message, order_story(by=system, key=order.key).gifts) == (False, "", [])
    assert "no_prices" not in list(tasks(order, "pick_pack").values())[-1]
    assert broken() == []


def test_a_gift_that_cannot_go_to_its_own_address_stops_the_order_until_that_is_mended(
    wms: None, place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(gift={"address": {**GRAN, "postcode": "1"}})])
    assert order.state == "address_invalid"
    (gift,) = quarantine_detail(by=system, key=order.key, now=now).gifts
    assert (gift.line, gift.address_problems) == (1, ["Postal code is not valid"])
    case = ExceptionCase.objects.get(type="address")
    assert case.title == "Postal code is not valid for DE"

    def say(address: dict[str, Any]) -> list[str]:
        gift = Gift(None, None, address)
        try:
            say_gift(order_id=order.pk, line="1", gift=gift, reason="They called", by=system, now=now)
        except Invalid as wrong:
            return [error.pointer for error in wrong.errors]
        return []

    assert set(say(GRAN)) == {"/steps"}
    for index, step in enumerate(case.playbook):
        if step["kind"] in AUDIT_KINDS:
            complete_step(case_id=case.pk, index=index, outcome="done", by=system, now=now)
    assert say({**GRAN, "city": "", "postcode": "x"}) == ["/address/city", "/address/postal_code"]
    assert say(GRAN) == []
    order.refresh_from_db()
    case.refresh_from_db()
    assert (order.state, case.state) == ("in_fulfilment", "withdrawn")
    assert broken() == []


def test_what_is_sold_as_one_is_given_as_one(wms: None, place: make.Place, system: Actor) -> None:
    order = place(
        lines=[make.line(bundle="77", gift={"wrap": "red", "address": GRAN}), make.line(bundle="77"), make.line()]
    )
    (gift,) = order_story(by=system, key=order.key).gifts
    assert (gift.line, gift.sku, gift.wrap) == (4, "77", "red")
    assert [len(one["lines"]) for one in tasks(order, "pick_pack").values()] == [2, 1]
    assert broken() == []


def test_shopify_says_it_in_the_properties_of_a_line_or_the_notes_of_the_cart(now: datetime) -> None:
    item = {"id": 1, "sku": "A", "title": "A", "quantity": 1, "price": "1.00"}
    says = [{"name": "Gift message", "value": WORDS}, {"name": "engraving", "value": "Z"}]
    payload = {
        "id": 1,
        "name": "#1",
        "created_at": "2026-11-20T09:00:00Z",
        "currency": "EUR",
        "total_price": "2.00",
        "client": "northwind",
        "email": "a@example.org",
        "shipping_address": None,
        "line_items": [{**item, "properties": says}, {**item, "properties": []}],
    }
    (connector,) = SHOPIFY

    def gifts(**more: Any) -> list[Gift | None]:
        event = translate(
            mapping=connector.mapping, event_type="order.placed", source="/s", payload={**payload, **more}, now=now
        )
        return [read_gift(line["gift"]) for line in event.data["lines"]]

    assert gifts() == [Gift(WORDS), None]
    noted = gifts(note_attributes=[{"name": "gift_wrap", "value": "red"}, {"name": "gift_message", "value": "All"}])
    assert noted == [Gift(WORDS, "red"), Gift("All", "red")]

"""What goes in one parcel: planned by rule, said otherwise by a person before it is picked, and taken back again."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Event
from orders.fulfilment.models import Fulfilment, Order, StockItem
from orders.fulfilment.services.arrivals import hear_arrivals
from orders.fulfilment.services.packing import pack_together
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner, QualityCheck
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
Arrives = Callable[..., None]


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Iterator[None]:
    """No invariant is broken, and the trail alone tells where everything stands."""
    yield
    assert broken() == []


@pytest.fixture
def arrives(northwind: Client, system: Actor, now: datetime) -> Arrives:
    """Goods come in."""

    def _arrives(sku: str, quantity: int, location: str = "main") -> None:
        told = {"sku": sku, "quantity": quantity, "location": location}
        hear_arrivals(news=[make.news("stock.received", northwind, sku, now, system="wms", **told)], by=system, now=now)

    return _arrives


def parcels(order: Order) -> list[list[str]]:
    """What is in each parcel that is sent."""
    live = order.fulfilments.exclude(state="cancelled").order_by("key")
    return [list(one.lines.order_by("line__position").values_list("line__sku__code", flat=True)) for one in live]


def test_a_person_splits_a_parcel_and_takes_that_back(
    place: make.Place, arrives: Arrives, northwind: Client, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        System.objects.create(slug="wms", name="WMS", layer=Layer.WMS, owner=Owner.objects.get(slug="integrations"))
    for sku in ("LAMP", "STOVE"):
        arrives(sku, 1)
    order = place(lines=[make.line("TENT-2"), make.line("LAMP"), make.line("STOVE")])
    assert parcels(order) == [["TENT-2", "LAMP", "STOVE"]]
    pack_together(order_id=order.pk, lines=[3], reason="Gas goes by itself", by=system, now=now)
    assert parcels(order) == [["TENT-2", "LAMP"], ["STOVE"]]
    pack_together(order_id=order.pk, lines=[2, 3], reason="They fit", by=system, now=now)
    assert sorted(parcels(order)) == [["LAMP", "STOVE"], ["TENT-2"]]
    pack_together(order_id=order.pk, lines=[], reason="As ever", by=system, now=now)
    assert parcels(order) == [["TENT-2", "LAMP", "STOVE"]]
    asked = OutboundMessage.objects.filter(type="task.requested").order_by("created_at", "pk")
    kinds = [one.preview["kind"] for one in asked]
    assert (kinds.count("pick_pack") - kinds.count("cancel"), Order.objects.get(pk=order.pk).state) == (
        1,
        "in_fulfilment",
    )
    assert set(StockItem.objects.values_list("reserved", flat=True)) == {1}
    assert Event.objects.filter(type="order.packed_as", subject_id=str(order.pk)).count() == 3
    with pytest.raises(Invalid, match="so already"):
        pack_together(order_id=order.pk, lines=[], reason="As ever", by=system, now=now)


def test_what_must_not_share_a_parcel_is_refused(
    place: make.Place, tell: make.Tell, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 1, "leeds")
    gift = {"message": "For you", "address": {**make.BERLIN, "street": "Torstraße 14"}}
    lines = [
        make.line("TENT-2"),
        make.line("TENT-2", gift=gift),
        make.line("STOVE"),
        make.line("KAYAK", sku_type="drop_ship", vendor="kestrel"),
        make.line("TENT-2", ship_by="2026-11-24T09:00:00+00:00"),
    ]
    order = place(lines=lines)
    before = parcels(order)
    refusals = {
        (1, 2): "gift with an address",
        (1, 3): "same place",
        (1, 4): "same house",
        (1, 5): "different days",
        (9,): "no line 9",
    }
    for together, words in refusals.items():
        with pytest.raises(Invalid, match=words):
            pack_together(order_id=order.pk, lines=together, reason="One box", by=system, now=now)
    tell("shipment.picked", Fulfilment.objects.get(lines__line__order=order, lines__line__position=1).key)
    with pytest.raises(Invalid, match="picked already"):
        pack_together(order_id=order.pk, lines=[1], reason="One box", by=system, now=now)
    assert parcels(order) == before


def test_what_comes_later_joins_the_parcel_nobody_was_asked_to_pick(
    place: make.Place, arrives: Arrives, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        QualityCheck.objects.filter(kind="sku_lot").update(is_active=True)
    freeze_rule_book(by=system, now=now, note="checks")
    order = place(lines=[make.line("TENT-2"), make.line("STOVE")])
    assert parcels(order) == [["TENT-2"]]
    arrives("STOVE", 1)
    assert parcels(order) == [["TENT-2", "STOVE"]]
    assert Event.objects.filter(type="fulfilment.joined").count() == 1

"""Bundles: what is sold as one is reserved, sent, checked and paid back as what is in it, and shown as both."""

from datetime import datetime
from typing import Any

import pytest

from audit import clock
from audit.context import Actor, acting
from audit.errors import Invalid
from orders.fulfilment.decisions.bundles import Part, PricedPart, priced
from orders.fulfilment.models import Export, Fulfilment, Order, Refund, Sku
from orders.fulfilment.selectors import order_story
from orders.fulfilment.services.bundles import say_parts
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.news import count_stock
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
CAMP = [Part("TENT-2", 1), Part("PEG-9", 8)]


@pytest.fixture
def bundle(northwind: Client, system: Actor, now: datetime) -> Sku:
    """A set of one tent and eight pegs; the shelf has a tenth tent and pegs for two sets."""
    count_stock(
        news=[make.stock(northwind, now, code, n) for code, n in (("PEG-9", 16), ("CAMP", 0))], by=system, now=now
    )
    sku = Sku.objects.get(code="CAMP")
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        System.objects.create(slug="nw-wms", name="WMS", layer=Layer.WMS, client=northwind, owner=owner)
    say_parts(sku_id=sku.pk, parts=CAMP, reason="As the shop sells it", by=system, now=now)
    return sku


def lines(order: Order) -> list[tuple[int, str, int, int, str]]:
    rows = order.lines.select_related("sku").order_by("position")
    return [(row.position, row.sku.code, row.quantity, row.unit_minor, row.state) for row in rows]


@pytest.mark.parametrize(
    ("price", "parts", "expected"),
    [
        (1000, [Part("A", 1), Part("B", 1)], [("A", 1, 500), ("B", 1, 500)]),
        (1000, [Part("A", 1), Part("B", 2)], [("A", 1, 334), ("B", 2, 333)]),
        (1000, [Part("A", 3)], [("A", 2, 333), ("A", 1, 334)]),
        (1000, [Part("A", 1, 3), Part("B", 1, 1)], [("A", 1, 750), ("B", 1, 250)]),
        (999, [Part("A", 2, 0), Part("B", 2, 0)], [("A", 1, 249), ("A", 1, 252), ("B", 2, 249)]),
        (0, [Part("A", 2)], [("A", 2, 0)]),
    ],
)
def test_a_price_is_divided_to_the_last_cent(price: int, parts: list[Part], expected: list[Any]) -> None:
    found = priced(price, parts)
    assert found == [PricedPart(*one) for one in expected]
    assert sum(one.per_bundle * one.unit_minor for one in found) == price


def test_a_bundle_goes_the_whole_way_as_what_is_in_it(
    bundle: Sku, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    sold = [make.line("CAMP", 2, unit_minor=10_000), make.line("TENT-2", unit_minor=9_900)]
    order = place(lines=sold, total_minor=29_900)

    # The tents and the pegs are lines behind what was ordered; one peg bears what cannot be divided.
    assert lines(order) == [
        (2, "TENT-2", 1, 9_900, "in_fulfilment"),
        (3, "TENT-2", 2, 1_112, "in_fulfilment"),
        (4, "PEG-9", 16, 1_111, "in_fulfilment"),
    ]
    task = OutboundMessage.objects.get(type="task.requested").payload
    assert [(line["sku"], line["quantity"], line.get("bundle")) for line in task["lines"]] == [
        ("TENT-2", 1, None),
        ("TENT-2", 2, "CAMP"),
        ("PEG-9", 16, "CAMP"),
    ]
    story = order_story(by=system, key=order.key)
    (told,) = story.bundles
    assert (told.position, told.code, told.quantity, told.ordered) == (1, "CAMP", 2, 2)
    assert [line.position for line in told.lines] == [3, 4]
    assert [line.position for line in story.loose_lines] == [2]
    assert [one.place for line in told.lines for one in line.held] == ["main", "main"]
    assert [(one.sku, one.quantity, one.bundle) for one in story.parcels[0].contents] == [
        ("TENT-2", 1, ""),
        ("TENT-2", 2, "CAMP"),
        ("PEG-9", 16, "CAMP"),
    ]

    # One of the two is cancelled by the name the store knows: its parts are, and their price goes back to the cent.
    tell("order.cancelled", order.number, lines=[{"sku": "CAMP", "quantity": 1}], cancelled_at=now.isoformat())
    assert [(code, units) for _, code, units, _, _ in lines(order)] == [("TENT-2", 1), ("TENT-2", 1), ("PEG-9", 8)]
    refund = Refund.objects.get(order=order)
    assert refund.amount == 100
    assert refund.request is not None
    assert refund.request.lines == {"3": 1, "4": 8}
    (told,) = order_story(by=system, key=order.key).bundles
    assert (told.quantity, told.ordered) == (1, 2)

    document = Export.objects.get(pk=export_order(order_id=order.pk, by=system, now=now).pk).document
    assert document["bundles"] == [{"line": "1", "sku": "CAMP", "title": "", "quantity": 1, "unit_minor": 10_000}]
    assert [line.get("bundle") for line in document["lines"]] == [None, "1", "1"]
    parcel = Fulfilment.objects.filter(order=order).exclude(state="cancelled").get()
    tell("shipment.handed_over", parcel.key, carrier="DPD", tracking="1", at=now.isoformat())
    assert {state for *_, state in lines(order)} == {"shipped"}
    assert broken() == []


def test_a_bundle_of_which_a_part_is_missing_waits_for_that_part(
    bundle: Sku, place: make.Place, tell: make.Tell, now: datetime
) -> None:
    order = place(lines=[make.line("CAMP", 3, unit_minor=10_000)], total_minor=30_000)
    assert [(code, state) for _, code, _, _, state in lines(order)] == [
        ("TENT-2", "in_fulfilment"),
        ("PEG-9", "back_ordered"),
    ]
    assert order.state == "partly_fulfilled"
    tell("order.changed", order.number, lines=[{"sku": "CAMP", "quantity": 2}], changed_at=now.isoformat())
    assert [(code, units, state) for _, code, units, _, state in lines(order)] == [
        ("TENT-2", 2, "in_fulfilment"),
        ("PEG-9", 16, "in_fulfilment"),
    ]
    added = [{"sku": "CAMP", "quantity": 1}, {"sku": "ROPE", "quantity": 1, "unit_minor": 50}]
    tell("order.changed", place().number, lines=added, changed_at=now.isoformat())
    other = Order.objects.get(bundles__position=2)
    assert [(position, code, units) for position, code, units, *_ in lines(other)] == [
        (1, "TENT-2", 1),
        (3, "TENT-2", 1),
        (4, "PEG-9", 8),
        (5, "ROPE", 1),
    ]
    assert broken() == []


def test_lines_a_store_divided_itself_stay_together(place: make.Place, system: Actor) -> None:
    order = place(lines=[make.line(bundle="77"), make.line("PEG-9", 2, unit_minor=100, bundle="77"), make.line("ROPE")])
    (told,) = order_story(by=system, key=order.key).bundles
    assert (told.code, told.position, told.unit_minor, [one.position for one in told.lines]) == (
        "77",
        4,
        10_100,
        [1, 2],
    )
    assert broken() == []


def test_what_cannot_be_in_a_bundle_is_named(bundle: Sku, system: Actor, now: datetime) -> None:
    def refused(sku: Sku, *parts: Part) -> list[str]:
        with pytest.raises(Invalid) as wrong:
            say_parts(sku_id=sku.pk, parts=parts, reason="Try it", by=system, now=now)
        return [error.pointer for error in wrong.value.errors]

    assert refused(bundle, Part("TENT-2", 0), Part("NONE", 1), Part("CAMP", 1), Part("TENT-2", 1)) == [
        "/parts/0",
        "/parts/1",
        "/parts/2",
        "/parts/3",
    ]
    peg = Sku.objects.get(code="PEG-9")
    assert refused(peg, Part("CAMP", 1)) == ["/parts/0"]
    say_parts(sku_id=bundle.pk, parts=[], reason="Not sold any more", by=system, now=clock.now())
    assert bundle.parts.filter(is_active=True).count() == 0

"""Stock in places and lots: who gets it, in which order, from where, for how long; and what a recall takes back."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound
from audit.models import Event
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from orders.fulfilment.models import Location, Order, OrderLine, Reservation, Sku, StockItem, StockLot
from orders.fulfilment.services.arrivals import Arrival, hear_arrivals, receive_stock, set_safety_stock
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.services.recalling import readmit_lot, recall_lot
from orders.fulfilment.services.resuming import cancel_order
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
Arrives = Callable[..., None]


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Iterator[None]:
    """No invariant of orders and stock is broken, and the trail alone tells where everything stands."""
    yield
    assert broken() == []


@pytest.fixture
def arrives(northwind: Client, system: Actor, now: datetime) -> Arrives:
    """Goods come in, as a system tells it."""

    def _arrives(sku: str, quantity: int, location: str = "main", **more: str) -> None:
        told = {"sku": sku, "quantity": quantity, "location": location, **more}
        hear_arrivals(news=[make.news("stock.received", northwind, sku, now, system="wms", **told)], by=system, now=now)

    return _arrives


@pytest.fixture
def queue(place: make.Place) -> list[Order]:
    """Three orders that wait for a stove: for four, for one and for two."""
    return [place(lines=[make.line("STOVE", units)]) for units in (4, 1, 2)]


def states(orders: list[Order]) -> list[str]:
    return [Order.objects.get(pk=order.pk).state for order in orders]


def item(sku: str = "STOVE") -> StockItem:
    return StockItem.objects.get(sku__code=sku)


def sku_id(code: str = "STOVE") -> UUID:
    return Sku.objects.get(code=code).pk


def lots(sku: str = "STOVE") -> list[tuple[str, str, int, int]]:
    rows = StockLot.objects.filter(item__sku__code=sku).order_by("location__slug", "code")
    return list(rows.values_list("location__slug", "code", "on_hand", "reserved"))


def test_who_waits_longest_is_served_first_and_nobody_goes_past(
    queue: list[Order], place: make.Place, arrives: Arrives
) -> None:
    arrives("STOVE", 3)
    assert states(queue) == ["paid_no_stock"] * 3
    late = place(lines=[make.line("STOVE", 1)])
    assert states([late]) == ["paid_no_stock"]
    arrives("STOVE", 2)
    assert states([*queue, late]) == ["in_fulfilment", "in_fulfilment", "paid_no_stock", "paid_no_stock"]
    arrives("STOVE", 3)
    assert states([*queue, late]) == ["in_fulfilment"] * 4
    told = Event.objects.filter(type="stock.received").count()
    assert (told, item().on_hand, item().reserved) == (3, 8, 8)


def test_pre_orders_and_back_orders_of_a_product_leave_in_the_order_they_came(
    place: make.Place, arrives: Arrives
) -> None:
    kinds = ("preorder", "stock", "preorder", "preorder")
    waiting = [place(lines=[make.line("STOVE", sku_type=kind)]) for kind in kinds]
    served = []
    for units in (1, 2, 1):
        served.append(states(waiting).count("in_fulfilment"))
        arrives("STOVE", units)
        assert states(waiting) == sorted(states(waiting))  # whoever is in fulfilment came before those who wait
    assert (served, states(waiting)) == ([0, 1, 3], ["in_fulfilment"] * 4)


def test_what_a_cancelled_order_gives_back_goes_to_who_waits(
    place: make.Place, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 2)
    first, second = (place(lines=[make.line("STOVE", 2)]) for _ in range(2))
    cancel_order(order_id=first.pk, reason="Ordered twice", by=system, now=now)
    assert states([first, second]) == ["cancelled", "in_fulfilment"]


def test_who_cannot_go_on_steps_aside_and_keeps_its_place(
    queue: list[Order], arrives: Arrives, system: Actor, now: datetime
) -> None:
    hold = hold_order(order_id=queue[0].pk, words="Customer is moving house", by=system, now=now)
    arrives("STOVE", 2)
    assert states(queue) == ["on_hold", "in_fulfilment", "paid_no_stock"]
    release_hold(hold_id=hold.pk, by=system, now=now)
    arrives("STOVE", 4)
    assert states(queue) == ["in_fulfilment", "in_fulfilment", "paid_no_stock"]


def test_an_order_that_somebody_works_on_is_asked_again_a_minute_later(
    queue: list[Order], arrives: Arrives, system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("orders.fulfilment.services.settling.settle_orders", lambda **_: [])
        arrives("STOVE", 7)
    assert states(queue) == ["paid_no_stock"] * 3
    exceptions.sweep_timers(now=now + timedelta(seconds=59))
    assert states(queue) == ["paid_no_stock"] * 3
    exceptions.sweep_timers(now=now + timedelta(seconds=60))
    assert states(queue) == ["in_fulfilment"] * 3


def test_lots_leave_in_the_order_in_which_they_expire_and_what_has_expired_stays(
    place: make.Place, arrives: Arrives, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        System.objects.create(slug="our-wms", name="wms", layer="wms", owner=owner)
    today = now.date()
    for code, days in (("L-late", 90), ("L-soon", 3), ("L-past", 1)):
        arrives("STOVE", 2, lot=code, expires_on=(today + timedelta(days=days)).isoformat())
    arrives("STOVE", 2)
    StockLot.objects.filter(code="L-past").update(expires_on=today - timedelta(days=1), version=2)
    order = place(lines=[make.line("STOVE", 3)])
    taken = Reservation.objects.filter(line__order=order).order_by("lot__expires_on")
    assert list(taken.values_list("lot__code", "quantity")) == [("L-soon", 2), ("L-late", 1)]
    task = OutboundMessage.objects.get().payload
    lots_to_pick = [{"lot": "L-soon", "quantity": 2}, {"lot": "L-late", "quantity": 1}]
    assert (task["location"], task["lines"]) == ("main", [{"sku": "STOVE", "quantity": 3, "lots": lots_to_pick}])
    assert states([place(lines=[make.line("STOVE", 4)])]) == ["paid_no_stock"]
    assert lots() == [("main", "", 2, 0), ("main", "L-late", 2, 1), ("main", "L-past", 2, 0), ("main", "L-soon", 2, 2)]


def test_an_order_is_sent_from_the_nearest_place_that_has_it_all_and_else_in_several_parcels(
    place: make.Place, arrives: Arrives, system: Actor, now: datetime
) -> None:
    for sku, where in (("STOVE", "leeds"), ("STOVE", "berlin"), ("LAMP", "leeds"), ("MAP", "berlin")):
        arrives(sku, 5, where)
    with acting(system, at=now):
        for number, (slug, country) in enumerate((("leeds", "GB"), ("berlin", "DE"))):
            Location.objects.filter(slug=slug).update(country=country, priority=number, version=2)

    def sent_from(*skus: str) -> list[tuple[str, int]]:
        parcels = place(lines=[make.line(sku) for sku in skus]).fulfilments.order_by("location__slug")
        return [(str(parcel.location), parcel.lines.count()) for parcel in parcels]

    assert sent_from("STOVE") == [("berlin", 1)]
    assert sent_from("STOVE", "LAMP") == [("leeds", 2)]
    assert sent_from("LAMP", "MAP") == [("berlin", 1), ("leeds", 1)]


def test_what_is_kept_back_is_not_promised_until_it_is_kept_back_no_more(
    place: make.Place, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 3)
    set_safety_stock(sku_id=sku_id(), location="main", units=2, reason="For the shop", by=system, now=now)
    orders = [place(lines=[make.line("STOVE")]) for _ in range(2)]
    assert states(orders) == ["in_fulfilment", "paid_no_stock"]
    set_safety_stock(sku_id=sku_id(), location="main", units=1, reason="Shop is closed", by=system, now=now)
    assert states(orders) == ["in_fulfilment"] * 2
    with pytest.raises(Invalid, match="no place"):
        set_safety_stock(sku_id=sku_id(), location="moon", units=1, reason="For the shop", by=system, now=now)


def test_units_nobody_works_on_are_free_after_a_week_and_the_order_waits_at_the_end(
    place: make.Place, tell: make.Tell, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 2)
    idle = place(lines=[make.line("STOVE", 2), make.line("TENT-2")])
    waits = place(lines=[make.line("STOVE")])
    hold = hold_order(order_id=idle.pk, words="Customer is moving house", by=system, now=now)
    exceptions.sweep_timers(now=now + timedelta(days=7, seconds=-1))
    assert states([idle, waits]) == ["on_hold", "paid_no_stock"]
    week = now + timedelta(days=7)
    exceptions.sweep_timers(now=week)
    assert states([idle, waits]) == ["on_hold", "in_fulfilment"]
    assert sorted(Reservation.objects.values_list("state", flat=True)) == ["expired", "expired", "held"]
    assert (item().on_hand, item().reserved, item("TENT-2").reserved) == (2, 1, 0)
    line = OrderLine.objects.get(order=idle, sku__code="STOVE")
    assert (line.state, line.queued_at) == ("back_ordered", week)
    assert Event.objects.filter(type="order.reservation_expired", subject_id=str(idle.pk)).count() == 1
    release_hold(hold_id=hold.pk, by=system, now=week)
    assert states([idle]) == ["partly_fulfilled"]


def test_units_of_an_order_that_goes_on_in_time_are_not_touched(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    hold = hold_order(order_id=order.pk, words="Customer is moving house", by=system, now=now)
    release_hold(hold_id=hold.pk, by=system, now=now)
    tell("shipment.packed", f"{order.key}-1")
    hold_order(order_id=order.pk, words="Customer is moving house", by=system, now=now)
    exceptions.sweep_timers(now=now + timedelta(days=8))
    assert (Reservation.objects.get().state, Timer.objects.filter(kind="fulfilment.reservation_expiry").count()) == (
        "held",
        1,
    )


def test_a_recalled_lot_is_taken_out_of_everything_that_has_not_been_picked(
    place: make.Place, tell: make.Tell, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 3, lot="L1")
    picked, shelved, waits = (place(lines=[make.line("STOVE")]) for _ in range(3))
    tell("shipment.picked", f"{picked.key}-1")
    arrives("STOVE", 1, lot="L2")
    late = place(lines=[make.line("STOVE")])
    told = recall_lot(sku_id=sku_id(), lot="L1", reason="The valve leaks", by=system, now=now)
    assert sorted(order.key for order in told) == sorted(one.key for one in (picked, shelved, waits))
    assert states([picked, shelved, waits, late]) == [
        "in_fulfilment",
        "paid_no_stock",
        "paid_no_stock",
        "in_fulfilment",
    ]
    case = ExceptionCase.objects.live().get(type="lot-recalled")
    assert (case.subject_key, case.title) == (
        picked.key,
        f"{picked.key}-1 has units of the recalled lot L1 in it",
    )
    arrives("STOVE", 5, "leeds", lot="L1")
    assert states([shelved]) == ["paid_no_stock"]
    arrives("STOVE", 1)
    assert states([shelved, waits]) == ["in_fulfilment", "paid_no_stock"]
    readmit_lot(sku_id=sku_id(), lot="L1", reason="Tested again", by=system, now=now)
    assert states([waits]) == ["in_fulfilment"]


def test_a_count_of_one_place_leaves_the_others_alone_and_never_takes_what_is_set_aside(
    place: make.Place, northwind: Client, arrives: Arrives, system: Actor, now: datetime
) -> None:
    arrives("STOVE", 4, "berlin", lot="L1")
    place(lines=[make.line("STOVE", 2)])

    def count(units: int, **where: str) -> list[tuple[str, str, int, int]]:
        told = make.news("stock.changed", northwind, "STOVE", now, system="wms", sku="STOVE", available=units, **where)
        count_stock(news=[told], by=system, now=now)
        return lots()

    assert count(7) == [("berlin", "L1", 4, 2), ("main", "", 7, 0)]
    assert count(6, location="berlin") == [("berlin", "", 2, 0), ("berlin", "L1", 4, 2), ("main", "", 7, 0)]
    assert count(0, location="berlin") == [("berlin", "", 0, 0), ("berlin", "L1", 2, 2), ("main", "", 7, 0)]


def test_nonsense_is_refused_by_name(northwind: Client, arrives: Arrives, system: Actor, now: datetime) -> None:
    arrives("STOVE", 1, lot="L1", expires_on="2027-05-01")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"expires_on": now.date() - timedelta(days=1)}, "/expires_on"),
        ({"expires_on": date(2027, 6, 1)}, "/expires_on"),
    ]
    for more, field in wrong:
        arrival = Arrival(northwind.pk, "STOVE", "main", 1, "L1", **more)
        with pytest.raises(Invalid) as refused:
            receive_stock(sku_id=sku_id(), arrival=arrival, reason="Delivery 7", by=system, now=now)
        assert refused.value.errors[0].pointer == field
    with pytest.raises(Invalid):
        recall_lot(sku_id=sku_id(), lot="L9", reason="The valve leaks", by=system, now=now)
    with pytest.raises(IllegalTransition):
        readmit_lot(sku_id=sku_id(), lot="L1", reason="Tested again", by=system, now=now)
    with pytest.raises(NotFound):
        recall_lot(sku_id=northwind.pk, lot="L1", reason="The valve leaks", by=system, now=now)
    with pytest.raises(ValueError, match="quantity"):
        arrives("STOVE", 0)


@pytest.mark.parametrize(
    ("kind", "hours", "left"),
    [
        ("stock.changed", -1, 3),  # counted before the parcel left, and heard after
        ("stock.changed", 1, 5),
        ("stock.received", -1, 3),
        ("stock.received", 1, 5),
    ],
)
def test_what_left_before_we_hear_that_it_was_there_is_on_no_shelf(
    place: make.Place, northwind: Client, system: Actor, now: datetime, kind: str, hours: int, left: int
) -> None:
    order = place(lines=[make.line("STOVE", 2)])
    gone = make.news("shipment.handed_over", northwind, order.number, now, system="wms", at=now.isoformat())
    take_news(news=[gone], by=system, now=now)
    at = now + timedelta(hours=hours)
    told = make.news(kind, northwind, "STOVE", at, system="wms", sku="STOVE", available=5, quantity=5)
    hear = count_stock if kind == "stock.changed" else hear_arrivals
    hear(news=[told], by=system, now=now)
    assert lots() == [("main", "", left, 0)]
    hear_arrivals(
        news=[make.news("stock.received", northwind, "STOVE", at, sku="STOVE", quantity=1)], by=system, now=now
    )
    assert (item().on_hand, states([order])) == (left + 1, ["shipped"])


def test_a_late_count_brings_nothing_back_that_has_left(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    """Counted before two of ten left, heard when one more is asked for: eight are there, not ten."""
    order = place(lines=[make.line(quantity=2)])
    gone = make.news("shipment.handed_over", northwind, order.number, now, system="wms", at=now.isoformat())
    take_news(news=[gone], by=system, now=now)
    assert item("TENT-2").on_hand == 8
    count_stock(news=[make.stock(northwind, now - timedelta(hours=1), "TENT-2", 10)], by=system, now=now)
    assert item("TENT-2").on_hand == 8


def test_a_parcel_of_which_nothing_was_set_aside_leaves_the_shelf_that_was_filled_meanwhile(
    place: make.Place, northwind: Client, system: Actor, now: datetime, arrives: Arrives
) -> None:
    order = place(lines=[make.line("STOVE", 2)])
    for kind in ("shipment.picked", "", "shipment.handed_over", "shipment.delivered"):
        if kind:
            told = make.news(kind, northwind, order.number, now, system="wms", at=now.isoformat())
            take_news(news=[told], by=system, now=now)
        else:
            arrives("STOVE", 5)
    assert lots() == [("main", "", 3, 0)]

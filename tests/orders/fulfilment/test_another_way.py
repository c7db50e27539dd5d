"""A parcel goes another way: what was done for it is undone last things first, and what nobody undoes is somebody's."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, NotFound
from audit.models import Event
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order, StockItem, Unwind, UnwindStep
from orders.fulfilment.services.resuming import cancel_order
from orders.fulfilment.services.unwinding import reroute
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Iterator[None]:
    """No invariant of orders and stock is broken, and the trail alone tells where everything stands."""
    yield
    assert broken() == []


@pytest.fixture(autouse=True)
def systems(northwind: Client, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        for layer in ("wms", "vendor", "carrier"):
            System.objects.create(slug=f"our-{layer}", name=layer, layer=layer, owner=owner)


@pytest.fixture
def packed(place: make.Place, tell: make.Tell) -> Order:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    return order


def to_vendor(order: Order, by: Actor, now: datetime) -> None:
    reroute(order_id=order.pk, fulfilment=f"{order.key}-1", flow="vendor-drop-ship", reason="Too slow", by=by, now=now)


def steps() -> list[tuple[str, str]]:
    return list(UnwindStep.objects.order_by("-position").values_list("kind", "state"))


def asked() -> list[tuple[str, str]]:
    messages = OutboundMessage.objects.select_related("system").order_by("number")
    return [(message.system.slug, message.payload["kind"]) for message in messages]


def stands(order: Order) -> tuple[str, str, list[str]]:
    found = Order.objects.select_related("owner").get(pk=order.pk)
    return found.state, found.owner.slug, list(found.fulfilments.order_by("key").values_list("state", flat=True))


def test_everything_is_undone_in_strict_reverse_and_only_then_goes_the_other_way(
    packed: Order, tell: make.Tell, system: Actor, now: datetime
) -> None:
    to_vendor(packed, system, now)
    assert (stands(packed), steps()) == (
        ("rerouting", "ops-team-review", ["unwinding"]),
        [("booking", "asked"), ("task", "stands"), ("reservation", "stands")],
    )
    assert asked() == [("our-wms", "pick_pack"), ("our-carrier", "ship"), ("our-carrier", "cancel")]
    tell("task.cancelled", f"{packed.key}-1")
    assert steps() == [("booking", "undone"), ("task", "asked"), ("reservation", "stands")]
    assert (asked()[3:], StockItem.objects.get().reserved) == ([("our-wms", "cancel")], 1)
    tell("task.cancelled", f"{packed.key}-1")
    assert steps() == [("booking", "undone"), ("task", "undone"), ("reservation", "undone")]
    assert stands(packed)[::2] == ("in_fulfilment", ["cancelled", "tasked"])
    assert (asked()[4:], StockItem.objects.get().reserved) == ([("our-vendor", "drop_ship")], 0)
    told = Event.objects.filter(type="unwind.step_undone").order_by("transaction", "seq")
    assert [body.split('"step":"')[1].split('"')[0] for body in told.values_list("body", flat=True)] == [
        "booking",
        "task",
        "reservation",
    ]
    exceptions.sweep_timers(now=now + timedelta(minutes=61))
    assert Unwind.objects.get().state == "done"


def test_what_nobody_had_accepted_goes_at_once(place: make.Place, system: Actor, now: datetime) -> None:
    order = place()
    to_vendor(order, system, now)
    assert (stands(order)[::2], steps()) == (
        ("in_fulfilment", ["cancelled", "tasked"]),
        [("task", "undone"), ("reservation", "undone")],
    )


@pytest.mark.parametrize(
    ("outcome", "ends", "parcels"),
    [("resolved", "done", ["cancelled", "tasked"]), ("old-way", "given_up", ["tasked"])],
)
def test_what_stalls_is_watched_and_ends_as_a_case(
    packed: Order, tell: make.Tell, system: Actor, now: datetime, outcome: str, ends: str, parcels: list[str]
) -> None:
    to_vendor(packed, system, now)
    tell("task.cancelled", f"{packed.key}-1")
    exceptions.sweep_timers(now=now + timedelta(minutes=59))
    assert Unwind.objects.get().state == "running"
    exceptions.sweep_timers(now=now + timedelta(minutes=60))
    case = ExceptionCase.objects.live().get()
    assert (case.type, case.owner.slug, case.title) == (
        "unwind-stalled",
        "ops-team-review",
        f"{packed.key}-1 is being called back, and nobody answers: task given out",
    )
    exceptions.withdraw_case(case_id=case.pk, reason="Not mine", by=system, now=now)
    again = ExceptionCase.objects.live().get()
    exceptions.resolve_case(case_id=again.pk, outcome=outcome, by=system, now=now + timedelta(minutes=61))
    assert (Unwind.objects.get().state, stands(packed)[2]) == (ends, parcels)


def test_a_late_answer_goes_on_and_takes_the_case_away(
    packed: Order, tell: make.Tell, system: Actor, now: datetime
) -> None:
    to_vendor(packed, system, now)
    exceptions.sweep_timers(now=now + timedelta(minutes=60))
    for _ in range(2):
        tell("task.cancelled", f"{packed.key}-1")
    assert (Unwind.objects.get().state, ExceptionCase.objects.live().count()) == ("done", 0)


def test_what_leaves_meanwhile_is_not_called_back_any_more(
    packed: Order, tell: make.Tell, system: Actor, now: datetime
) -> None:
    to_vendor(packed, system, now)
    tell("shipment.handed_over", f"{packed.key}-1")
    assert (stands(packed)[::2], Unwind.objects.get().state) == (("shipped", ["handed_over"]), "overtaken")
    tell("task.cancelled", f"{packed.key}-1")
    with pytest.raises(Conflict, match="cannot go another way any more"):
        to_vendor(packed, system, now)


def test_what_is_cancelled_meanwhile_waits_for_a_decision_and_stops_everything(
    packed: Order, system: Actor, now: datetime
) -> None:
    to_vendor(packed, system, now)
    cancel_order(order_id=packed.pk, reason="Ordered twice", by=system, now=now)
    assert stands(packed)[0] == "cancel_undecided"
    case = ExceptionCase.objects.live().get(type="late-cancellation")
    exceptions.resolve_case(case_id=case.pk, outcome="stop", by=system, now=now)
    assert (stands(packed)[::2], Unwind.objects.get().state) == (("cancelled", ["cancelled"]), "overtaken")


def test_nonsense_is_refused_by_name(packed: Order, system: Actor, now: datetime) -> None:
    key = f"{packed.key}-1"
    for given, field in (
        ({"fulfilment": "NW-9", "flow": "vendor-drop-ship", "reason": "Too slow"}, "/fulfilment"),
        ({"fulfilment": key, "flow": "warehouse-pick-pack", "reason": "Too slow"}, "/flow"),
        ({"fulfilment": key, "flow": "vendor-drop-ship", "reason": "x"}, "/reason"),
    ):
        with pytest.raises(Invalid) as refused:
            reroute(order_id=packed.pk, **given, by=system, now=now)
        assert refused.value.errors[0].pointer == field
    with pytest.raises(NotFound):
        reroute(order_id=Unwind().pk, fulfilment=key, flow="vendor-drop-ship", reason="Too slow", by=system, now=now)

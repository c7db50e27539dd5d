"""What follows the feed alone comes to the same decisions as we do (C12.1), and acts on nothing it cannot check (C12.2, C12.3)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from audit import clock
from audit.canonical import timestamp
from audit.context import Actor, acting
from orders.fulfilment.models import Export, Order
from orders.fulfilment.services.holds import hold_order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.services.resuming import cancel_order
from orders.fulfilment.states import ORDER_FINAL, HoldState, LineState
from orders.sync.models import System
from orders.sync.sandbox.downstream import NEEDED, Downstream, ExportRefused, Routing, check
from rules.models import Client
from tests.api.conftest import Api
from tests.cast import House
from tests.factories import orders as make

Place = Callable[..., Order]
Tell = Callable[..., None]


@pytest.fixture
def followed(house: House, northwind: Client, system: Actor) -> Client:
    """Northwind, with a tent on the shelf and somebody who follows its orders through the feed."""
    now = clock.now()
    with acting(system, at=now):
        owner = house.owners["client-success"]
        System.objects.create(slug="planner", name="Planner", layer="crm", owner=owner, wants_exports=True)
    count_stock(news=[make.stock(northwind, now, "TENT-2", 20)], by=system, now=now)
    return northwind


@pytest.fixture
def place(followed: Client, system: Actor) -> Place:
    """A paid order."""

    def _place(**data: Any) -> Order:
        now = clock.now()
        (order_id,) = place_orders(
            news=[make.placed(followed, now, paid_at=now.isoformat(), **data)], by=system, now=now
        )
        return Order.objects.get(pk=order_id)

    return _place


@pytest.fixture
def tell(followed: Client, system: Actor) -> Tell:
    """What a system says about a parcel."""

    def _tell(kind: str, parcel: str, **data: Any) -> None:
        now = clock.now()
        take_news(news=[make.news(kind, followed, parcel, now, task=parcel, **data)], by=system, now=now)

    return _tell


@pytest.fixture
def ask(program: Callable[..., Api], followed: Client) -> Callable[[str], Any]:
    """The product over HTTP, with a token for the feed, and nothing else of it."""
    caller = program(followed, of="ivy", scopes=["orders.export_order"])
    return lambda address: json.loads(caller.get(address).content)


def test_it_decides_as_we_do_about_every_order_of_a_run(
    place: Place, tell: Tell, system: Actor, ask: Callable[[str], Any]
) -> None:
    run(place, tell, system)
    with acting(system, at=clock.now()):
        Export.objects.update(transaction=F("transaction") - 1)  # the transaction of the test counts as ended
    downstream = Downstream(ask)
    assert downstream.follow() == Export.objects.count()
    routed = Order.objects.filter(decision__isnull=False)
    assert len({order.state for order in routed}) >= 7
    assert downstream.routes == {order.key: ours(order) for order in routed}
    assert downstream.refused == []
    assert downstream.follow() == 0


def run(place: Place, tell: Tell, system: Actor) -> None:
    """Orders along every flow, stopped at every stage."""
    placed: dict[str, Any] = {
        "new": place(),
        "by-vendor": place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")]),
        "nowhere": place(address={**make.BERLIN, "postcode": "0", "city": ""}),
        "split": place(lines=[make.line(), make.line("KAYAK", sku_type="drop_ship", vendor="kestrel")]),
        "suspect": place(fraud_score=99),
        "held": place(),
        "cancelled": place(),
        "gone": place(),
        "arrived": place(),
        "refused": place(),
        "not-there": place(lines=[make.line("TENT-2", 50)]),  # whoever comes after it waits behind it
    }
    hold_order(order_id=placed["held"].pk, words="Checking something", by=system, now=clock.now())
    cancel_order(order_id=placed["cancelled"].pk, reason="Not wanted", by=system, now=clock.now())
    told = {
        "gone": ["task.confirmed", "shipment.handed_over"],
        "arrived": ["task.confirmed", "shipment.handed_over", "shipment.delivered"],
        "refused": ["task.refused"],
    }
    for name, kinds in told.items():
        for kind in kinds:
            tell(kind, placed[name].fulfilments.get().key, **({"reason": "out_of_stock"} if "refused" in kind else {}))


def ours(order: Order) -> Routing:
    """What our own tables say."""
    assert order.flow is not None
    assert order.decision is not None
    lines = order.lines.exclude(state=LineState.CANCELLED)
    return Routing(
        order=order.key,
        owner="" if order.state in ORDER_FINAL else order.owner.slug,
        flow=order.flow.slug,
        until=timestamp(order.sla_due_at) if order.sla_due_at else None,
        otherwise=order.decision.outcome["fallback"],
        lines={str(line.position): line.flow.slug if line.flow else None for line in lines},
        waits_for=tuple(sorted(order.holds.filter(state=HoldState.ACTIVE).values_list("reason", flat=True))),
    )


def test_it_acts_on_nothing_incomplete_or_changed(place: Place, ask: Callable[[str], Any]) -> None:
    place()
    keys, document = Downstream(ask).keys, Export.objects.get().document
    check(document, keys)
    for path in NEEDED:
        broken = json.loads(json.dumps(document))
        *above, last = path.split("/")
        del (broken[above[0]] if above else broken)[last]
        with pytest.raises(ExportRefused, match=f"/{path} is missing"):
            check(broken, keys)
    for name, value in (("owner", "somebody-else"), ("audit_token", document["audit_token"][:-3] + "AAA")):
        with pytest.raises(ExportRefused, match="/audit_token"):
            check({**document, name: value}, keys)

"""What each scenario sends, how the other systems are told to misbehave, and what has to become of it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

BERLIN: Final = {
    "recipient": "Ida Berg",
    "street": "Torstraße 12",
    "postcode": "10119",
    "city": "Berlin",
    "country": "DE",
}
SLOPPY: Final = {
    "recipient": "Jelle de Wit",
    "street": "Prinsengracht 300",
    "postcode": "1016hx",
    "city": "Amsterdam",
    "country": "NL",
}
BROKEN: Final = {**BERLIN, "postcode": "1011"}
CLIENT: Final = "northwind"
GOOD_STOCK: Final = 10_000


@dataclass(frozen=True)
class PlannedOrder:
    """One order to send: the data of its order.placed event, and the flow each line has to get (by SKU)."""

    number: str
    data: Mapping[str, Any]
    flows: Mapping[str, str]
    stuck_in: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Scenario:
    """Orders to send and the stock to begin with; `failures` mark orders by number for the sandbox."""

    name: str
    orders: Sequence[PlannedOrder]
    stock: Mapping[str, int]

    @property
    def failures(self) -> dict[str, str]:
        """How the sandbox treats marked orders."""
        return {order.number: order.failure for order in self.orders if order.failure}


@dataclass(frozen=True)
class _Kind:
    """A way an order can go wrong: how many, what is different, where it has to end."""

    count: int
    changes: Mapping[str, Any]
    stuck_in: str
    failure: str = ""


def hundred_orders(seed: int, now: datetime) -> Scenario:
    """A hundred orders of which ninety need nobody; ten get stuck in five ways, two each."""
    chance = random.Random(seed)  # noqa: S311 -- a scenario, the same for the same seed
    mark = f"H{seed}-{now:%d%H%M%S}"
    tent, rare = f"SC-TENT-{mark}", f"SC-RARE-{mark}"
    kinds = (
        _Kind(2, {"address": BROKEN}, "address_invalid"),
        _Kind(2, {"fraud_score": 91}, "manual_review"),
        _Kind(2, {"lines": [_line(rare, 1)]}, "paid_no_stock"),
        _Kind(2, {"lines": [_line(tent, 1), _line(rare, 1)]}, "partly_fulfilled"),
        _Kind(2, {}, "carrier_rejected", "carrier_reject"),
    )
    wrong = [kind for kind in kinds for _ in range(kind.count)]
    places: list[_Kind | None] = [*wrong, *([None] * (100 - len(wrong)))]
    chance.shuffle(places)
    orders = []
    for place, kind in enumerate(places, start=1):
        quantity = chance.choice((1, 1, 1, 2, 3))
        usual = {
            "address": chance.choice((BERLIN, BERLIN, SLOPPY)),
            "fraud_score": chance.randint(0, 60),
            "lines": [_line(tent, quantity)],
        }
        number = f"{mark}-{place:03d}"
        data = _order(number, now, **{**usual, **(kind.changes if kind else {})})
        flows = {line["sku"]: "warehouse-pick-pack" for line in data["lines"]}
        orders.append(PlannedOrder(number, data, flows, kind.stuck_in if kind else "", kind.failure if kind else ""))
    return Scenario("hundred-orders", orders, {tent: GOOD_STOCK, rare: 0})


def weekend_preorder(seed: int, now: datetime) -> Scenario:
    """Friday's launch on three channels: some goods at once, some from the vendor, a part of it expedited."""
    chance = random.Random(seed)  # noqa: S311 -- a scenario, the same for the same seed
    mark = f"P{seed}-{now:%d%H%M%S}"
    there, vendor, early = f"SC-PACK-{mark}", f"SC-KAYAK-{mark}", f"SC-JACKET-{mark}"
    lines = {
        there: _line(there, 1),
        vendor: _line(vendor, 1, sku_type="drop_ship", vendor="kestrel"),
        early: _line(early, 1, sku_type="preorder", vendor="kestrel"),
    }
    orders = []
    for place in range(1, 61):
        channel = ("web", "marketplace", "retail")[place % 3]
        chosen = chance.sample(sorted(lines), chance.choice((1, 1, 2, 3)))
        sla = "expedited" if chance.random() < 0.25 else "standard"  # noqa: PLR2004 -- a quarter of them
        number = f"{mark}-{place:03d}"
        data = _order(number, now, channel=channel, delivery_sla=sla, lines=[lines[sku] for sku in chosen])
        by_vendor = {vendor, early} if channel == "marketplace" else {vendor}
        flows = {sku: "vendor-drop-ship" if sku in by_vendor else "warehouse-pick-pack" for sku in chosen}
        orders.append(PlannedOrder(number, data, flows))
    return Scenario("weekend-preorder", orders, {there: GOOD_STOCK, early: GOOD_STOCK})


def _line(sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_minor": 12_900, "sku_type": "stock", **more}


def _order(number: str, now: datetime, **more: Any) -> dict[str, Any]:
    lines = more["lines"]
    return {
        "client": CLIENT,
        "order": number,
        "channel": "web",
        "currency": "EUR",
        "total_minor": sum(line["unit_minor"] * line["quantity"] for line in lines),
        "placed_at": now.isoformat(),
        "address": BERLIN,
        **more,
    }

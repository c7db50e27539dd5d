"""What the sandbox's store sells while a demo runs: each sale follows from its number, so that every demo sees the same."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from orders.sync.sandbox.behaviour import an_event
from orders.sync.sandbox.goods import ADDRESSES, BROKEN_ADDRESSES, CURRENCIES, GOODS, Good

SEED: Final = 20_261_121
FIRST: Final = 8_000  # above the numbers of the orders a demo begins with
BUSY_SECONDS: Final = 3_600
OFTEN_SECONDS, SELDOM_SECONDS = 60, 900
TROUBLE_EVERY: Final = 8
COUNTED_EVERY: Final = 20
TO_PAY: Final = timedelta(seconds=1)
BUYERS: Final = ("northwind", "northwind", "northwind", "fable", "fable", "fable", "lumen")
SHORT_OF_SOMETHING: Final = tuple(slug for slug in BUYERS if any(good.is_scarce for good in GOODS[slug]))
CHANNELS: Final = ("web", "web", "marketplace", "retail")
Basket = tuple[str, Sequence[tuple[Good, int]], dict[str, Any]]  # whose, what and how many, and more facts of the order


def pause(open_for: float) -> int:
    """Seconds until the next sale, for a store that is open for so many: often at first, for whoever watches, then seldom.

    A demo that nobody looks at for a week gets some seven hundred orders.
    """
    return OFTEN_SECONDS if open_for < BUSY_SECONDS else SELDOM_SECONDS


def sale(number: int, *, at: datetime) -> list[dict[str, Any]]:
    """The events of the `number`-th sale, counted from 1: an order and its payment. One in eight ends in an exception."""
    chance = random.Random(f"{SEED}/{number}")  # noqa: S311 -- a demo, the same every time
    rounds, left = divmod(number, TROUBLE_EVERY)
    client, basket, facts = _ordinary(chance) if left else (_unknown_place, _dubious, _too_many)[rounds % 3](chance)
    order, total = f"{client[0].upper()}{FIRST + number}", sum(good.price * quantity for good, quantity in basket)
    paid_at = at + TO_PAY
    money = {"client": client, "order": order, "currency": CURRENCIES[client]}
    placed = {
        **money,
        "channel": chance.choice(CHANNELS),
        "total_minor": total,
        "placed_at": at.isoformat(),
        "promised_at": (at + timedelta(days=4)).isoformat(),
        "lines": [good.as_line(quantity) for good, quantity in basket],
        "address": chance.choice(ADDRESSES[client]),
        "fraud_score": chance.randint(0, 40),
        "delivery_sla": chance.choice(("standard", "standard", "expedited")),
        **facts,
    }
    paid = {**money, "amount_minor": total, "captured_at": paid_at.isoformat()}
    return [
        an_event(f"sale-{number}:order.placed", "order.placed", order, at, placed),
        an_event(f"sale-{number}:payment.captured", "payment.captured", order, paid_at, paid),
    ]


def counts(number: int, *, at: datetime) -> list[dict[str, Any]]:
    """What the warehouse says after the `number`-th sale: every so often its shelves are full again, but for what is scarce."""
    if number % COUNTED_EVERY != 1:
        return []
    return [
        an_event(
            f"sale-{number}:stock.changed:{good.code}",
            "stock.changed",
            good.code,
            at,
            {"client": client, "sku": good.code, "available": good.on_hand, "changed_at": at.isoformat()},
        )
        for client, goods in GOODS.items()
        for good in goods
        if good.sku_type == "stock" and not good.is_scarce
    ]


def facts(number: int, *, at: datetime) -> list[dict[str, Any]]:
    """What the product information says after the `number`-th sale, as often as shelves are counted: it is still so."""
    if number % COUNTED_EVERY != 1:
        return []
    return [
        an_event(
            f"sale-{number}:product.changed:{good.code}",
            "product.changed",
            good.code,
            at,
            {
                "client": client,
                "sku": good.code,
                "barcode": good.barcode,
                "weight_grams": good.grams,
                "size_mm": list(good.size),
                "changed_at": at.isoformat(),
            },
        )
        for client, goods in GOODS.items()
        for good in goods
    ]


def _ordinary(chance: random.Random, clients: Sequence[str] = BUYERS) -> Basket:
    client = chance.choice(clients)
    there = [good for good in GOODS[client] if not good.is_scarce and good.sku_type != "preorder"]
    return client, [(good, chance.choice((1, 1, 2))) for good in chance.sample(there, chance.choice((1, 1, 2)))], {}


def _unknown_place(chance: random.Random) -> Basket:
    client, basket, _ = _ordinary(chance)
    return client, basket, {"address": BROKEN_ADDRESSES[client]}


def _dubious(chance: random.Random) -> Basket:
    client, basket, _ = _ordinary(chance)
    return client, basket, {"fraud_score": chance.randint(75, 95)}


def _too_many(chance: random.Random) -> Basket:
    client, basket, facts = _ordinary(chance, SHORT_OF_SOMETHING)
    scarce = next(good for good in GOODS[client] if good.is_scarce)
    return client, [*basket, (scarce, scarce.on_hand + 1)], facts

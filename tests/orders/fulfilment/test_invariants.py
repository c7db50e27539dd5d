"""A leak of stock or of money, made with SQL behind the product's back, is found by the invariants that are about it, and by no other."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from django.db import connection

from audit.context import Actor
from orders.fulfilment.services.resuming import cancel_order
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db

KEPT_FOR_NOBODY = (
    "UPDATE fulfilment_reservation SET state = 'held', expires_at = NULL WHERE state = 'released'",
    "UPDATE fulfilment_stockitem SET reserved = reserved + 1",
    "UPDATE fulfilment_stocklot SET reserved = reserved + 1",
)
LESS_THAN_PROMISED = (
    'ALTER TABLE fulfilment_stockitem DROP CONSTRAINT "stockitem_never_oversold"',
    'ALTER TABLE fulfilment_stocklot DROP CONSTRAINT "stocklot_never_oversold"',
    "UPDATE fulfilment_stockitem SET on_hand = reserved - 1",
    "UPDATE fulfilment_stocklot SET on_hand = reserved - 1",
)
MORE_THAN_ARRIVED = (
    """
    INSERT INTO fulfilment_refund
        (id, version, created_at, updated_at, order_id, amount, currency, reason, rule, state, due_since, decided_by, reference)
    SELECT gen_random_uuid(), 1, now(), now(), order_id, amount + 0.01, currency, '', 'refund-small', 'promised', now(), '', ''
    FROM fulfilment_payment WHERE state = 'captured'
    """,
)


def plant(leak: Sequence[str]) -> None:
    """Run as the owner of the tables can who has switched their triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("reservation", "stockitem", "stocklot", "refund"):
            cursor.execute(f"ALTER TABLE fulfilment_{table} DISABLE TRIGGER USER")
        for statement in leak:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("leak", "is_cancelled", "found", "told_otherwise"),
    [
        (KEPT_FOR_NOBODY[:1], True, {"stock-01", "stock-03", "stock-04"}, {"reservation.state"}),
        (KEPT_FOR_NOBODY, True, {"stock-04"}, {"reservation.state", "stockitem.reserved"}),
        (LESS_THAN_PROMISED, False, {"stock-02"}, {"stockitem.on_hand"}),
        (MORE_THAN_ARRIVED, False, {"money-01"}, {"refund.state"}),
    ],
    ids=["units kept for nobody", "and hidden in the counts", "less than promised", "more money than arrived"],
)
def test_a_leak_is_found_and_told_otherwise_by_the_trail(
    place: make.Place,
    system: Actor,
    now: datetime,
    leak: Sequence[str],
    is_cancelled: bool,
    found: set[str],
    told_otherwise: set[str],
) -> None:
    order = place()
    if is_cancelled:
        cancel_order(order_id=order.pk, reason="Not wanted", by=system, now=now)
    assert broken() == []
    plant(leak)
    assert {one[0] for one in broken()} == found | {f"fulfilment.{kind}" for kind in told_otherwise}

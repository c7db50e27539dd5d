"""Orders and parcels whose owner is gone come to who stands in, many at once."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.words import said
from exceptions.services import Telling, notify_many
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.exports import send_exports
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, ORDER_FINAL
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster

MOST_MOVED: Final = 1_000


def mend_orders(*, owners: Collection[UUID], now: datetime) -> int:
    """Orders that are not finished, and their parcels, go from these owners to who stands in; how many orders. Runs inside `acting()`.

    What nobody stands in for stays, and is in the report of gaps.
    """
    roster, changes = rules.roster(now), Changes(now)
    heirs = {pk: heir for pk in owners if (heir := _heir(roster, pk)).pk != pk}
    orders = Order.objects.filter(owner__in=heirs).exclude(state__in=ORDER_FINAL).order_by("pk")
    locked = list(orders.select_for_update(skip_locked=True)[:MOST_MOVED])
    parcels = Fulfilment.objects.filter(order__in=locked, owner__in=heirs, state__in=FULFILMENT_IN_HOUSE)
    moved: Counter[tuple[UUID, UUID]] = Counter()
    for order in locked:
        moved[heirs[order.owner_id].pk, order.client_id] += 1
    held: list[Order | Fulfilment] = [*locked, *parcels.order_by("pk")]
    for record in held:
        before, heir = roster.owners[record.owner_id], heirs[record.owner_id]
        record.owner = heir
        changes.edit(record, "owner")
        changes.tell(f"{record._meta.model_name}.owner_gone", record, gone=before.slug)
    changes.write()
    send_exports(load_dockets([order.pk for order in locked]), changes)
    changes.write()
    notify_many(tellings=[_telling(roster.owners[to], client, count) for (to, client), count in moved.items()], now=now)
    return len(locked)


def _heir(roster: Roster, owner_id: UUID) -> Owner:
    return roster.on_duty(roster.owners[owner_id].slug)


def _telling(to: Owner, client_id: UUID, count: int) -> Telling:
    text = said("Orders that came to you, because nobody is behind the owner any more: %(count)s.", count=count)
    return Telling(to, "order.owner_gone", text, "/orders/", client_id)

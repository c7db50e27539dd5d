"""Orders that wait for their money: each has somebody and a deadline from the moment it comes in, and a case once that has passed.

The deadline is a column of the order and a sweep looks for it: a timer per order would be a row more for each that is taken in.
"""

from datetime import datetime, timedelta
from typing import Final

from audit.access import system_actor
from audit.context import acting
from audit.words import at, said
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.cases import Opening, open_all
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import ORDER_UNPAID, OrderState
from rules.models import Client
from rules.rulebook import CompiledBook

CASE: Final = "payment-overdue"
SLA: Final = "payment"
USUALLY: Final = timedelta(hours=72)
BATCH: Final = 500


def payment_due(book: CompiledBook, client: Client, since: datetime) -> datetime:
    """Until when an order of this client has to be paid that waits since then; three days where the book promises nothing."""
    if all(one.slug != SLA for one in book.slas()):
        return since + USUALLY
    return book.due_at(SLA, since, client.calendar.slug, in_words=False).due_at


def watch_unpaid(*, now: datetime) -> int:
    """Open a case for each order whose money has not come in time and that has none; how many there are now."""
    with acting(system_actor("fulfilment"), at=now):
        late = Order.objects.filter(state__in=ORDER_UNPAID, sla_due_at__lte=now).order_by("sla_due_at", "pk")
        known = ExceptionCase.objects.live().filter(type=CASE, subject_type="fulfilment.order")
        told = set(known.values_list("subject_id", flat=True))
        ids = [pk for pk in late.values_list("pk", flat=True) if str(pk) not in told][:BATCH]
        rows = Order.objects.select_for_update(of=("self",), skip_locked=True).select_related("client")
        orders = list(rows.filter(pk__in=ids, state__in=ORDER_UNPAID).order_by("pk"))
        open_all([_opening(order) for order in orders], now=now)
    return len(orders)


def wait_longer(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    """Whoever has the case gives the customer more time: as much again from now on."""
    order = docket.order
    if outcome != "cancelled" and order.state in ORDER_UNPAID:
        order.sla_due_at = payment_due(changes.book, order.client, changes.now)
        changes.edit(order, "sla_due_at")
        changes.tell("order.payment_awaited", order, case=case_key, until=order.sla_due_at.isoformat())


def _opening(order: Order) -> Opening:
    due = at(order.sla_due_at) if order.sla_due_at else ""
    told = {"state": order.state, "due_at": order.sla_due_at.isoformat() if order.sla_due_at else None}
    words = {
        OrderState.PAYMENT_AUTHORISED: said("The money was promised and has not arrived, due %(due)s", due=due),
        OrderState.PARTLY_PAID: said("Only a part of the money has arrived, due %(due)s", due=due),
    }
    title = words.get(OrderState(order.state), said("It is not paid, due %(due)s", due=due))
    return Opening(CASE, order, title, "unpaid", told)

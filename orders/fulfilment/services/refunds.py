"""Money that was asked to go back and is not seen to: somebody looks."""

from collections.abc import Sequence
from datetime import datetime

from audit.words import said
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.money import in_words
from orders.fulfilment.models import Order, Refund
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.paying import MISMATCH
from orders.fulfilment.states import RefundState


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these refunds, skipping those that somebody holds; the refunds that are now safe to work on."""
    orders = Refund.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=list(orders)).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk in Refund.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def still_unseen(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody has said that the money went back: a case for who has payments."""
    changes, ids = Changes(now), {timer.subject_id for timer in timers}
    waiting = Refund.objects.filter(pk__in=ids, state=RefundState.PROMISED).values_list("order_id", flat=True)
    for docket in load_dockets(set(waiting)):
        for refund in docket.refunds:
            if str(refund.pk) in ids and refund.state == RefundState.PROMISED:
                amount = in_words(refund.amount, refund.currency)
                title = said("%(amount)s was asked to be paid back and was not seen to be", amount=amount)
                evidence = {"refund": str(refund.pk), "decided_by": refund.decided_by}
                changes.openings.append(Opening(MISMATCH, docket.order, title, "refund-unseen", evidence))
    changes.write()

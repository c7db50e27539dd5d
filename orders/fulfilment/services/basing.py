"""What systems that keep a copy of orders say on the basis of it: it counts only while their copy is the newest."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Max

from orders.fulfilment.decisions.news import News
from orders.fulfilment.errors import StaleBase
from orders.fulfilment.models import Export
from orders.fulfilment.services.hearing import Told


def refuse_stale(told: Sequence[Told], early: Sequence[News]) -> None:
    """Let the news about these locked orders through, unless some name an export that is not the newest of their order.

    Of several in one batch that name the newest export the first counts. Raises `StaleBase` naming each of the others.
    """
    causes = {
        (one.system, one.event_id): f"It is based on export {one.based_on} of something that is not known here yet."
        for one in early
        if one.based_on is not None
    }
    bound = [(docket.order, one) for docket, one in told if one.based_on is not None]
    newest = _newest({order.pk for order, _ in bound}) if bound else {}
    for order, one in bound:
        if one.based_on != newest.get(order.pk):
            causes[one.system, one.event_id] = (
                f"It is based on export {one.based_on} of {order.key}, and that is not the newest any more: "
                "read the order again and say it anew."
            )
        else:
            newest.pop(order.pk)
    if causes:
        raise StaleBase(causes)


def _newest(order_ids: Collection[UUID]) -> dict[UUID, int]:
    rows = Export.objects.filter(order__in=order_ids).order_by().values_list("order")
    return dict(rows.annotate(newest=Max("number")))

"""Two orders that are one, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit.rest.views import ActResource
from orders.fulfilment import selectors
from orders.fulfilment.serializers import OrderSerializer
from orders.fulfilment.serializers.by_hand import SameOrderInput
from orders.fulfilment.services import merging


class SameOrder(ActResource):
    """Say that an order is the same as another one, which stays: names and payments go there, the rest ends. It cannot be taken back."""

    permission = merging.PERMISSION
    noun = "order"
    serializer_class: Any = OrderSerializer
    input_class = SameOrderInput
    tells_who_was_faster = False

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.orders_for(self.by)

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Merge it."""
        into = selectors.other_order(self.by, record, given["into"])
        merging.merge_orders(order_id=record.pk, into_id=into.pk, reason=given["reason"], by=self.by, now=now)

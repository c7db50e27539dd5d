"""Which lines of an order go in one parcel, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit.rest.views import ActResource
from orders.fulfilment import selectors, serializers
from orders.fulfilment.serializers.by_hand import PackInput
from orders.fulfilment.services.packing import pack_together


class Pack(ActResource):
    """Send some lines in one parcel of their own, or all as the rules plan it, while they are not picked."""

    permission = "orders.view_order"
    noun = "order"
    serializer_class = serializers.OrderSerializer
    input_class = PackInput
    tells_who_was_faster = False

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.orders_for(self.by)

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Plan the parcels anew."""
        pack_together(order_id=record.pk, **given, by=self.by, now=now)

"""What of an order is a gift, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit.rest.views import ActResource
from orders.fulfilment import selectors, serializers
from orders.fulfilment.decisions.gifts import Gift
from orders.fulfilment.serializers.contents import GiftInput
from orders.fulfilment.services.giving import say_gift


class SayGift(ActResource):
    """Say what is given with a line or bundle, how it is wrapped and where it goes; refused once it is packed."""

    permission = "orders.view_order"
    noun = "order"
    serializer_class = serializers.OrderSerializer
    input_class = GiftInput
    tells_who_was_faster = False

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.orders_for(self.by)

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Note it."""
        rest = {name: given[name] for name in ("line", "reason")}
        say_gift(order_id=record.pk, gift=_gift(given), **rest, seen=self.seen, by=self.by, now=now)


def _gift(given: Mapping[str, Any]) -> Gift | None:
    """What is not named is None: it stays as it was."""
    if not given["is_gift"]:
        return None
    address = (given["address"] or {}) if "address" in given else None
    return Gift(given.get("message"), given.get("wrap"), address)

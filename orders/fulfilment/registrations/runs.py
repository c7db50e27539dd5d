"""Parcels as what flow runs are about."""

from collections.abc import Sequence
from datetime import datetime

from orders.fulfilment.services import silence
from orders.sync import subjects
from orders.sync.models import Expectation


class ParcelSubject:
    """How the orders of parcels are locked, and what a step that did not come means for them."""

    def lock(self, ids: Sequence[str]) -> set[str]:
        """Lock their orders."""
        return silence.lock_orders_of(ids)

    def on_missed(self, missed: Sequence[Expectation], *, now: datetime) -> None:
        """Open the cases."""
        silence.outcomes_missed(missed, now=now)


subjects.register("fulfilment.fulfilment", ParcelSubject())

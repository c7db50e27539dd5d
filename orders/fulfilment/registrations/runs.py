"""Parcels as what flow runs are about."""

from collections.abc import Sequence
from datetime import datetime

from orders.fulfilment.services import silence, verifying
from orders.sync import subjects
from orders.sync.models import Expectation, FlowRun


class ParcelSubject:
    """How the orders of parcels are locked, and what a step that did not come means for them."""

    def lock(self, ids: Sequence[str]) -> set[str]:
        """Lock their orders."""
        return silence.lock_orders_of(ids)

    def on_missed(self, missed: Sequence[Expectation], *, now: datetime) -> None:
        """Open the cases."""
        silence.outcomes_missed(missed, now=now)

    def on_unverified(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Open the cases."""
        verifying.still_unverified(runs, now=now)

    def on_settled(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Withdraw them."""
        verifying.settled(runs, now=now)


subjects.register("fulfilment.fulfilment", ParcelSubject())

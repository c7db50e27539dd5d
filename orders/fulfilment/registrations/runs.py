"""Parcels, and goods that were asked for, as what flow runs are about."""

from collections.abc import Sequence
from datetime import datetime

from orders.fulfilment.services import levels, replenishing, silence, verifying
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


class ReplenishmentSubject:
    """How requests for more units are locked, and what it means when nothing comes of one."""

    def lock(self, ids: Sequence[str]) -> set[str]:
        """Lock the stock of their products."""
        return replenishing.lock_stock_of(ids)

    def on_missed(self, missed: Sequence[Expectation], *, now: datetime) -> None:
        """Open the cases."""
        replenishing.not_come(missed, now=now)

    def on_unverified(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Open the cases."""
        replenishing.only_said(runs, now=now)

    def on_settled(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Withdraw them."""
        replenishing.settled(runs, now=now)


subjects.register("fulfilment.fulfilment", ParcelSubject())
subjects.register(levels.ABOUT, ReplenishmentSubject())

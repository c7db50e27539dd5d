"""Parcels of several orders that go to the same buyer together."""

from typing import ClassVar

from django.db import models
from django.db.models import Func, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.places import Location
from orders.fulfilment.states import ShipmentState
from rules.models import Client

S = ShipmentState


class NextShipment(Func):
    """The next number of a shipment."""

    template = "nextval('fulfilment_shipment_number')"
    output_field = models.BigIntegerField()


class Shipment(FSMModelMixin, Accountable):
    """One booking and one tracking number for parcels of several orders; each parcel says in which shipment it is.

    Every order keeps its own state, owner and trail. `destination` is a keyed digest of where all of them go, `booking` the key of the
    message that asked a carrier to collect them, empty until all are packed.
    """

    number = models.BigIntegerField(unique=True, db_default=NextShipment(), editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    destination = models.CharField(max_length=64)
    booking = models.CharField(max_length=160, blank=True)
    state = StateField(choices=ShipmentState, default=S.TOGETHER, max_length=20)
    placed_by = models.CharField(max_length=160)
    placed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=280)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=ShipmentState.values), name="shipment_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=S.TOGETHER, ended_at=None) | Q(state=S.APART, ended_at__isnull=False),
                name="shipment_that_is_undone_says_when",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """What people call it."""
        return f"SH-{self.number}"

    @transition(field=state, source=S.TOGETHER, target=S.APART)
    def part(self) -> None:
        """Its parcels go each by itself again."""

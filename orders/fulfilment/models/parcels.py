"""What is sent, by whom, and what is told of it."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Least
from django_fsm import FSMModelMixin, can_proceed, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.lines import OrderLine
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.places import Location
from orders.fulfilment.models.shipments import Shipment
from orders.fulfilment.states import FULFILMENT_TO_PACK, FulfilmentState
from rules.models import Client, Flow, Owner

S = FulfilmentState


class Fulfilment(FSMModelMixin, Accountable):
    """The lines of an order that one warehouse or vendor sends together; its task is a message to that system.

    Each step is entered only by an event that was seen; a later event may arrive first and takes the steps before it along.
    """

    key = models.CharField(max_length=50, unique=True, editable=False, help_text="NW-104233-1")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    vendor = models.CharField(max_length=80, blank=True)
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Where its units lie"
    )
    shipment = models.ForeignKey(
        Shipment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="parcels",
        db_index=False,
        help_text="What it goes with, where parcels of several orders go together",
    )
    system = models.CharField(max_length=60, blank=True, help_text="The system that has the task")
    state = StateField(choices=FulfilmentState, default=FulfilmentState.PLANNED, max_length=20)
    round = models.PositiveIntegerField(default=0, help_text="How often its task was sent")
    task_message = models.CharField(max_length=160, blank=True, help_text="Key of the outbound message")
    due_at = models.DateTimeField(null=True, blank=True)
    warn_at = models.DateTimeField(null=True, blank=True, help_text="From when on its deadline is at risk")
    sla = models.CharField(max_length=80, blank=True, help_text="The service level its deadline follows from")
    ship_by_at = models.DateTimeField(null=True, blank=True, help_text="The earliest hand-over limit of its lines")
    tasked_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    packed_at = models.DateTimeField(null=True, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    stamps = models.JSONField(default=dict, editable=False, help_text="When it last came into each state")
    picker = models.CharField(max_length=80, blank=True, help_text="Who or what was assigned to pick")
    manifest = models.CharField(max_length=80, blank=True, help_text="Number of the packing manifest")
    carrier = models.CharField(max_length=60, blank=True)
    tracking_number = models.CharField(max_length=80, blank=True)

    unaudited_fields: ClassVar[frozenset[str]] = Accountable.unaudited_fields | {"stamps"}

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=S.values), name="fulfilment_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state__in=[S.HANDED_OVER]) | Q(handed_over_at__isnull=False),
                name="fulfilment_handed_over_was_seen",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.DELIVERED) | Q(delivered_at__isnull=False), name="fulfilment_delivered_was_seen"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="fulfilment_of_order"),
            models.Index(fields=["shipment"], condition=Q(shipment__isnull=False), name="fulfilment_in_shipment"),
            models.Index(
                fields=["picker"], condition=Q(state__in=FULFILMENT_TO_PACK), name="fulfilment_to_pack_by_picker"
            ),
            models.Index(Least("handed_over_at", "delivered_at"), name="fulfilment_left_at"),
            models.Index(
                fields=["state", "due_at", "id"],
                condition=~Q(state__in=[S.DELIVERED, S.CANCELLED]),
                name="fulfilment_open_by_state",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def can_be_sent_again(self) -> bool:
        """Whether its task went out and nobody has taken it on for good."""
        return self.round > 0 and can_proceed(self.send_task)

    @property
    def left_at(self) -> datetime | None:
        """When it left, as far as anybody told: what has arrived has left. Only ever becomes earlier."""
        return min(filter(None, [self.handed_over_at, self.delivered_at]), default=None)

    @transition(
        field=state, source=[S.PLANNED, S.REFUSED, S.REJECTED, S.TASKED, S.ACKNOWLEDGED, S.UNWINDING], target=S.TASKED
    )
    def send_task(self) -> None:
        """The task is on its way to the system that executes it."""

    @transition(field=state, source=S.TASKED, target=S.ACKNOWLEDGED)
    def acknowledge(self) -> None:
        """The system has the task."""

    @transition(field=state, source=[S.TASKED, S.ACKNOWLEDGED], target=S.CONFIRMED)
    def confirm(self) -> None:
        """The system will do it."""

    @transition(field=state, source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED], target=S.PICKED)
    def pick(self) -> None:
        """Its units are out of the shelf."""

    @transition(field=state, source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED, S.PICKED], target=S.PACKED)
    def pack(self) -> None:
        """It is packed, with a manifest."""

    @transition(
        field=state,
        source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED, S.PICKED, S.PACKED, S.UNWINDING],
        target=S.HANDED_OVER,
    )
    def hand_over(self) -> None:
        """The carrier has it."""

    @transition(
        field=state,
        source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED, S.PICKED, S.PACKED, S.UNWINDING, S.HANDED_OVER],
        target=S.DELIVERED,
    )
    def deliver(self) -> None:
        """The customer has it."""

    @transition(field=state, source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED, S.PICKED], target=S.REFUSED)
    def refuse(self) -> None:
        """The system will not do it."""

    @transition(field=state, source=[S.CONFIRMED, S.PICKED, S.PACKED, S.HANDED_OVER], target=S.REJECTED)
    def reject(self) -> None:
        """The carrier will not take it; it is back in the warehouse."""

    @transition(
        field=state,
        source=[S.TASKED, S.ACKNOWLEDGED, S.CONFIRMED, S.PICKED, S.PACKED, S.REFUSED, S.REJECTED],
        target=S.UNWINDING,
    )
    def call_back(self) -> None:
        """What was done for it is being undone, last things first."""

    @transition(
        field=state,
        source=[
            S.PLANNED,
            S.TASKED,
            S.ACKNOWLEDGED,
            S.CONFIRMED,
            S.PICKED,
            S.PACKED,
            S.UNWINDING,
            S.REFUSED,
            S.REJECTED,
        ],
        target=S.CANCELLED,
    )
    def cancel(self) -> None:
        """It will not be sent."""


class FulfilmentLine(Accountable):
    """So many units of an order line in a fulfilment."""

    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="fulfilment_lines")
    quantity = models.PositiveIntegerField()

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["fulfilment", "line"], name="fulfilmentline_once_per_fulfilment"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="fulfilmentline_sends_something"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"

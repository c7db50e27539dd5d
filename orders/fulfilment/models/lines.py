"""What is ordered: so many of each product."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.bundles import OrderBundle
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.skus import Sku
from orders.fulfilment.states import LineState, SkuType
from rules.models import Flow


class OrderLine(FSMModelMixin, Accountable):
    """So many of one product, with the flow that brings them."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    sku = models.ForeignKey(Sku, on_delete=models.PROTECT, related_name="lines")
    ordered_as = models.CharField(
        max_length=80, blank=True, help_text="The product that was ordered, where another one is sent instead"
    )
    sku_type = models.CharField(max_length=20, choices=SkuType, help_text="As it was when ordered")
    vendor = models.CharField(max_length=80, blank=True)
    quantity = models.PositiveIntegerField()
    unit_minor = models.BigIntegerField()
    state = StateField(choices=LineState, default=LineState.OPEN, max_length=20)
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    returned = models.PositiveIntegerField(default=0, help_text="Units that came back")
    queued_at = models.DateTimeField(
        null=True, blank=True, help_text="Its place in the queue for stock: the earlier goes first"
    )
    ship_by_at = models.DateTimeField(null=True, blank=True, help_text="When whoever sells it has to hand it over")
    bundle = models.ForeignKey(OrderBundle, on_delete=models.PROTECT, null=True, blank=True, related_name="lines")
    packed_as = models.PositiveSmallIntegerField(
        default=0, help_text="Lines that a person packs together have the same number; 0: as the rules plan it"
    )
    per_bundle = models.PositiveIntegerField(null=True, blank=True, help_text="Units in every unit of its bundle")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "position"], name="orderline_one_per_position"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="orderline_has_a_quantity"),
            models.CheckConstraint(condition=Q(unit_minor__gte=0), name="orderline_price_is_not_negative"),
            models.CheckConstraint(
                condition=Q(returned__lte=models.F("quantity")), name="orderline_returns_no_more_than_was_sent"
            ),
            models.CheckConstraint(condition=Q(state__in=LineState.values), name="orderline_state_is_known"),
            models.CheckConstraint(
                condition=Q(bundle__isnull=True, per_bundle__isnull=True) | Q(bundle__isnull=False, per_bundle__gte=1),
                name="orderline_part_says_how_many",
            ),
            models.CheckConstraint(
                condition=~Q(state=LineState.BACK_ORDERED) | Q(queued_at__isnull=False),
                name="orderline_that_waits_has_a_place",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["sku", "queued_at", "id"],
                condition=Q(state=LineState.BACK_ORDERED),
                name="orderline_waiting_for_stock",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.sku_id}"

    @transition(field=state, source=[LineState.OPEN, LineState.BACK_ORDERED], target=LineState.RESERVED)
    def reserve(self) -> None:
        """Units are set aside for it."""

    @transition(
        field=state, source=[LineState.OPEN, LineState.REFUSED, LineState.IN_FULFILMENT], target=LineState.BACK_ORDERED
    )
    def back_order(self) -> None:
        """There are not enough units; it waits for them."""

    @transition(
        field=state, source=[LineState.REFUSED, LineState.RESERVED, LineState.IN_FULFILMENT], target=LineState.OPEN
    )
    def reopen(self) -> None:
        """To be planned again."""

    @transition(
        field=state,
        source=[LineState.OPEN, LineState.RESERVED, LineState.BACK_ORDERED, LineState.REFUSED],
        target=LineState.IN_FULFILMENT,
    )
    def fulfil(self) -> None:
        """It is in a fulfilment."""

    @transition(field=state, source=LineState.IN_FULFILMENT, target=LineState.REFUSED)
    def refuse(self) -> None:
        """Whoever had it will not ship it."""

    @transition(field=state, source=LineState.IN_FULFILMENT, target=LineState.SHIPPED)
    def ship(self) -> None:
        """Its parcel left."""

    @transition(field=state, source=LineState.SHIPPED, target=LineState.IN_FULFILMENT)
    def come_back(self) -> None:
        """The carrier brought its parcel back."""

    @transition(field=state, source=[LineState.IN_FULFILMENT, LineState.SHIPPED], target=LineState.DELIVERED)
    def deliver(self) -> None:
        """Its parcel arrived."""

    @transition(
        field=state,
        source=[
            LineState.OPEN,
            LineState.RESERVED,
            LineState.BACK_ORDERED,
            LineState.IN_FULFILMENT,
            LineState.REFUSED,
            LineState.CANCEL_UNDECIDED,
        ],
        target=LineState.CANCELLED,
    )
    def cancel(self) -> None:
        """It will not be sent."""

    @transition(
        field=state,
        source=[LineState.IN_FULFILMENT, LineState.SHIPPED, LineState.DELIVERED],
        target=LineState.CANCEL_UNDECIDED,
    )
    def doubt(self) -> None:
        """Cancelled when its units were off the shelf already: a person decides."""

    @transition(field=state, source=LineState.CANCEL_UNDECIDED, target=LineState.IN_FULFILMENT)
    def stay_in_fulfilment(self) -> None:
        """It goes after all."""

    @transition(field=state, source=[LineState.CANCEL_UNDECIDED, LineState.RETURNING], target=LineState.SHIPPED)
    def stay_shipped(self) -> None:
        """It has left and goes on to the customer."""

    @transition(field=state, source=[LineState.CANCEL_UNDECIDED, LineState.RETURNING], target=LineState.DELIVERED)
    def stay_delivered(self) -> None:
        """The customer keeps it."""

    @transition(
        field=state,
        source=[LineState.SHIPPED, LineState.DELIVERED, LineState.CANCEL_UNDECIDED, LineState.PARTLY_RETURNED],
        target=LineState.RETURNING,
    )
    def expect_back(self) -> None:
        """It is on its way back."""

    @transition(
        field=state,
        source=[LineState.SHIPPED, LineState.DELIVERED, LineState.RETURNING],
        target=LineState.PARTLY_RETURNED,
    )
    def take_back_partly(self) -> None:
        """Some of its units came back."""

    @transition(
        field=state,
        source=[
            LineState.SHIPPED,
            LineState.DELIVERED,
            LineState.CANCEL_UNDECIDED,
            LineState.RETURNING,
            LineState.PARTLY_RETURNED,
        ],
        target=LineState.RETURNED,
    )
    def take_back(self) -> None:
        """All of its units came back."""

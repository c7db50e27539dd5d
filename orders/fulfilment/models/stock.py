"""What is there, and for whom it is set aside."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.lines import OrderLine, Sku
from orders.fulfilment.states import ReservationState


class StockItem(Accountable):
    """How many of a product lie in the warehouse, and how many of them are set aside. The database refuses to promise more."""

    sku = models.OneToOneField(Sku, on_delete=models.PROTECT, related_name="stock")
    on_hand = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")), name="stockitem_never_oversold"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku_id}: {self.on_hand - self.reserved} free of {self.on_hand}"

    @property
    def available(self) -> int:
        """Units nobody has been promised."""
        return self.on_hand - self.reserved


class Reservation(FSMModelMixin, Accountable):
    """Units of one stock item set aside for one line."""

    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="reservations")
    stock_item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.PositiveIntegerField()
    state = StateField(choices=ReservationState, default=ReservationState.HELD, max_length=20)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["line"], condition=Q(state=ReservationState.HELD), name="reservation_one_held_per_line"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="reservation_sets_something_aside"),
            models.CheckConstraint(condition=Q(state__in=ReservationState.values), name="reservation_state_is_known"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["stock_item"], condition=Q(state=ReservationState.HELD), name="reservation_held_of_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} for line {self.line_id}"

    @transition(field=state, source=ReservationState.HELD, target=ReservationState.USED)
    def use(self) -> None:
        """The units left with the parcel."""

    @transition(field=state, source=ReservationState.HELD, target=ReservationState.RELEASED)
    def release(self) -> None:
        """The units are free again."""

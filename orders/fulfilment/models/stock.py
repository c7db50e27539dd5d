"""What is there, where and of which lot, and for whom it is set aside."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.lines import OrderLine
from orders.fulfilment.models.places import Location
from orders.fulfilment.models.skus import Sku
from orders.fulfilment.states import LotState, ReservationState


class StockItem(Accountable):
    """How many of a product there are everywhere, and how many of them are set aside. The database refuses to promise more.

    Whoever changes anything of a product's stock locks this row first.
    """

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
        """Units that are set aside for nobody, those that may not be promised included."""
        return self.on_hand - self.reserved


class StockLot(FSMModelMixin, Accountable):
    """Units of a product that lie in one place and are of one lot; what has no lot is the lot without a code.

    The lot without a code also says when all that lies in its place was last counted, and how many units fewer were found than are set
    aside there: whoever was promised these gets nothing.
    """

    item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="lots")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="lots")
    code = models.CharField(max_length=80, blank=True, help_text="As it is printed on the goods")
    expires_on = models.DateField(null=True, blank=True, help_text="The last day it may be sent")
    on_hand = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(
        null=True, blank=True, help_text="When all that lies in its place was last counted"
    )
    short = models.PositiveIntegerField(default=0, help_text="By how much that count fell short of what is set aside")
    state = StateField(choices=LotState, default=LotState.USABLE, max_length=20)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "location", "code"], name="stocklot_one_per_place_and_code"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")), name="stocklot_never_oversold"
            ),
            models.CheckConstraint(condition=Q(state__in=LotState.values), name="stocklot_state_is_known"),
        ]

    def __str__(self) -> str:
        return self.code or "no lot"

    @transition(field=state, source=LotState.USABLE, target=LotState.RECALLED)
    def recall(self) -> None:
        """Nothing of it may be promised or sent."""

    @transition(field=state, source=LotState.RECALLED, target=LotState.USABLE)
    def readmit(self) -> None:
        """It may be sent after all."""


class GoodsReceipt(Accountable):
    """Units that came to a place at a moment: an older count of the place, heard later, is without them."""

    item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="receipts")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="receipts")
    quantity = models.PositiveIntegerField()
    received_at = models.DateTimeField()

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="goodsreceipt_brings_something"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["item", "received_at"], name="goodsreceipt_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} came"


class SafetyStock(Accountable):
    """So many units of a product are kept back in one place and never promised; and below how many free ones more are asked for."""

    item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="safety")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="safety")
    units = models.PositiveIntegerField(default=0)
    reorder_at = models.PositiveIntegerField(
        null=True, blank=True, help_text="More is asked for when fewer are free; empty: when fewer than are kept back"
    )
    reorder_units = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many are asked for at least; empty: what is missing"
    )
    low_since = models.DateTimeField(null=True, blank=True, help_text="Since when fewer are free")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "location"], name="safetystock_one_per_product_and_place"),
        ]

    def __str__(self) -> str:
        return f"{self.units} kept back"

    @property
    def threshold(self) -> int:
        """Fewer free units than this are too few."""
        return self.units if self.reorder_at is None else self.reorder_at


class Reservation(FSMModelMixin, Accountable):
    """Units of one lot set aside for one line; a line takes several lots of one place where one has too few."""

    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="reservations")
    stock_item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="reservations")
    lot = models.ForeignKey(StockLot, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.PositiveIntegerField()
    held_at = models.DateTimeField(help_text="When the units were set aside")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When they are free again, while nobody works on them"
    )
    gone_at = models.DateTimeField(null=True, blank=True, help_text="When they left, or were found to be missing")
    state = StateField(choices=ReservationState, default=ReservationState.HELD, max_length=20)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["line", "lot"],
                condition=Q(state=ReservationState.HELD),
                name="reservation_one_held_per_line_and_lot",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="reservation_sets_something_aside"),
            models.CheckConstraint(condition=Q(state__in=ReservationState.values), name="reservation_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=ReservationState.USED) | Q(gone_at__isnull=False), name="reservation_used_says_when"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["stock_item"], condition=Q(state=ReservationState.HELD), name="reservation_held_of_item"
            ),
            models.Index(
                fields=["stock_item", "gone_at"],
                condition=Q(state=ReservationState.USED),
                name="reservation_gone_of_item",
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

    @transition(field=state, source=ReservationState.HELD, target=ReservationState.EXPIRED)
    def expire(self) -> None:
        """Nobody has worked on them for too long: they are free again."""

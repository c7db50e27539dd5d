"""Local fixes by hand that wait to be taken over or taken back."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Func, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.lines import OrderLine
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.stock import StockItem
from orders.fulfilment.states import OverrideState
from rules.models import Client

S = OverrideState


class NextOverride(Func):
    """The next number of an override."""

    template = "nextval('fulfilment_override_number')"
    output_field = models.BigIntegerField()


class Override(FSMModelMixin, Accountable):
    """One field that somebody set by hand: it holds at once, and no event changes it before somebody else has reviewed it.

    `canonical` is what stood there before, `heard` what systems have said since; values are text (moments as ISO 8601). Of what is
    personal nothing is here but that there is something: it is in `OverrideSecret`.
    """

    number = models.BigIntegerField(unique=True, db_default=NextOverride(), editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="overrides")
    line = models.ForeignKey(
        OrderLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="overrides",
        help_text="Where it is about one line of the order",
    )
    stock_item = models.ForeignKey(StockItem, on_delete=models.PROTECT, null=True, blank=True, related_name="overrides")
    about = models.CharField(max_length=80, help_text="What people call it: an order's key or a product's code")
    field = models.CharField(max_length=40)
    canonical = models.CharField(max_length=200, blank=True)
    local = models.CharField(max_length=200, blank=True)
    heard = models.CharField(max_length=200, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=280)
    placed_by = models.CharField(max_length=160)
    placed_at = models.DateTimeField()
    review_by = models.DateTimeField()
    state = StateField(choices=OverrideState, default=S.WAITING, max_length=20)
    reviewed_by = models.CharField(max_length=160, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    comment = models.CharField(max_length=280, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=OverrideState.values), name="override_state_is_known"),
            models.CheckConstraint(
                condition=Q(order__isnull=True) ^ Q(stock_item__isnull=True), name="override_is_about_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(state=S.WAITING, reviewed_at=None) | ~Q(state=S.WAITING) & Q(reviewed_at__isnull=False),
                name="override_reviewed_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(reviewed_by=F("placed_by")), name="override_is_reviewed_by_somebody_else"
            ),
            models.CheckConstraint(
                condition=Q(line__isnull=True) | Q(order__isnull=False), name="override_of_a_line_is_of_its_order"
            ),
            models.UniqueConstraint(
                fields=["order", "field"],
                condition=Q(state=S.WAITING, line=None),
                name="override_one_waiting_per_order_and_field",
            ),
            models.UniqueConstraint(
                fields=["line", "field"], condition=Q(state=S.WAITING), name="override_one_waiting_per_line_and_field"
            ),
            models.UniqueConstraint(
                fields=["stock_item", "field"],
                condition=Q(state=S.WAITING),
                name="override_one_waiting_per_stock_and_field",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-number"], condition=Q(state=S.WAITING), name="override_waiting"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """What people call it."""
        return f"OV-{self.number}"

    @transition(field=state, source=S.WAITING, target=S.MERGED)
    def merge(self) -> None:
        """It is how it is, from now on for everybody."""

    @transition(field=state, source=S.WAITING, target=S.REVERTED)
    def revert(self) -> None:
        """It is again what the systems say."""

    @transition(field=state, source=S.WAITING, target=S.EXPIRED)
    def lapse(self) -> None:
        """Nobody has looked at it in all that time: it is again what the systems say."""


class OverrideSecret(models.Model):
    """What was set by hand where it is personal: sealed, apart from everything that keeps history.

    `digest` is a keyed digest of what was set: the same again is found, and cannot be read.
    """

    override = models.OneToOneField(Override, on_delete=models.PROTECT, primary_key=True, related_name="secret")
    canonical = models.TextField(blank=True)
    local = models.TextField(blank=True)
    heard = models.TextField(blank=True)
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"What is personal of {self.override_id}"

"""What was paid for an order and what of it went back. Amounts are decimals of the currency's unit, never floats."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.requests import OrderRequest
from orders.fulfilment.states import PaymentState, RefundState


class OrderAmounts(models.Model):
    """What an order cost when it was placed, as its store states it: written once, and kept as it was told.

    What the store does not say is null. What is changed, cancelled, paid and paid back later is not here.
    """

    order = models.OneToOneField(Order, on_delete=models.PROTECT, primary_key=True, related_name="amounts")
    currency = models.CharField(max_length=3)
    lines = models.DecimalField(max_digits=18, decimal_places=4)
    discount = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    shipping = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    tax = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    tax_included = models.BooleanField(default=False, help_text="The prices of the lines have the tax in them already")
    total = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(lines__gte=0)
                & Q(total__gte=0)
                & (Q(discount__isnull=True) | Q(discount__gte=0))
                & (Q(shipping__isnull=True) | Q(shipping__gte=0))
                & (Q(tax__isnull=True) | Q(tax__gte=0)),
                name="orderamounts_are_not_negative",
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="orderamounts_currency_is_iso"),
        ]

    def __str__(self) -> str:
        return f"{self.total} {self.currency}"


class Payment(FSMModelMixin, Accountable):
    """One payment of an order; there may be several. What is only authorised pays for nothing yet."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    reference = models.CharField(max_length=160, help_text="What the payment service calls it")
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)
    state = StateField(choices=PaymentState, default=PaymentState.AUTHORISED, max_length=20)
    authorised_at = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "reference"], name="payment_one_per_reference"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="payment_is_not_negative"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="payment_currency_is_iso"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=PaymentState.CAPTURED) | Q(captured_at__isnull=False),
                name="payment_captured_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @transition(field=state, source=PaymentState.AUTHORISED, target=PaymentState.CAPTURED)
    def capture(self) -> None:
        """The money has arrived."""


class Refund(FSMModelMixin, Accountable):
    """Money of an order that goes back: by whose rule or decision, and whether that was seen."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    request = models.ForeignKey(OrderRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="refunds")
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=280)
    rule = models.SlugField(db_index=False, help_text="The rule that decided, or asked a person")
    state = StateField(choices=RefundState, default=RefundState.UNDECIDED, max_length=20)
    due_since = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=160, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    reference = models.CharField(max_length=160, blank=True, help_text="What the payment service calls it")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_is_of_something"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="refund_currency_is_iso"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="refund_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=RefundState.ISSUED) | Q(issued_at__isnull=False), name="refund_issued_was_seen"
            ),
            models.UniqueConstraint(
                fields=["order", "reference"], condition=~Q(reference=""), name="refund_one_per_reference"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="refund_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @transition(field=state, source=RefundState.UNDECIDED, target=RefundState.PROMISED)
    def promise(self) -> None:
        """It is to be paid back: whoever pays is asked."""

    @transition(field=state, source=[RefundState.UNDECIDED, RefundState.PROMISED], target=RefundState.ISSUED)
    def issue(self) -> None:
        """It was seen to be paid back."""

    @transition(field=state, source=RefundState.UNDECIDED, target=RefundState.DECLINED)
    def decline(self) -> None:
        """A person decided against it."""

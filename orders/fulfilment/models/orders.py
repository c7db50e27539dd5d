"""The one record of an order that every other system refers to."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.customers import Customer
from orders.fulfilment.states import ORDER_FINAL, DeliverySla, OrderState
from rules.models import Client, Decision, Flow, Owner

S = OrderState
UNPAID = [S.AWAITING_PAYMENT, S.PAYMENT_AUTHORISED, S.PARTLY_PAID]
IN_DOUBT = [S.REROUTING, S.CHANGE_UNDECIDED, S.CANCEL_UNDECIDED]
# Where an order rests before everything of it has left.
IN_HOUSE = [
    S.PAID,
    S.ADDRESS_INVALID,
    S.MANUAL_REVIEW,
    S.PAID_NO_STOCK,
    S.PARTLY_FULFILLED,
    S.IN_FULFILMENT,
    S.VENDOR_REFUSED,
    S.CARRIER_REJECTED,
    S.ON_HOLD,
    S.QUARANTINED,
    S.PARTLY_SHIPPED,
]
ARRIVED = [S.DELIVERED, S.RETURN_ANNOUNCED, S.PARTLY_RETURNED]
BEFORE_SHIPPING = [state for state in IN_HOUSE if state != S.PARTLY_SHIPPED]
CANCELLABLE = [*UNPAID, *BEFORE_SHIPPING, *IN_DOUBT, S.RETURNING]


class Order(FSMModelMixin, Accountable):
    """One order: who has it, where it stands, along which flow it goes and by when.

    `state` follows from payment, address, holds, lines and fulfilments (`decisions.progress`) and changes only along its edges.
    Personal data is not here but in `OrderAddress`.
    """

    key = models.CharField(max_length=40, unique=True, editable=False, help_text="What people call it: NW-104233")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="orders")
    number = models.CharField(max_length=80, help_text="The client's own order number")
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        help_text="Who ordered, as it was taken in; who stands for them is that customer's head",
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="merged",
        help_text="The same order, which a person said stays",
    )
    channel = models.CharField(max_length=40)
    segment = models.CharField(max_length=40, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="Where it ships to, ISO 3166")
    delivery_sla = models.CharField(max_length=20, choices=DeliverySla, default=DeliverySla.STANDARD)
    preferred_carrier = models.CharField(max_length=60, blank=True, help_text="Who shall bring it, as the store asks")
    fraud_score = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="0 to 100, as the store's risk service says"
    )
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    state = StateField(choices=OrderState, default=OrderState.AWAITING_PAYMENT, max_length=30)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="orders")
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    sla_due_at = models.DateTimeField(null=True, blank=True)
    falls_back_at = models.DateTimeField(
        null=True, blank=True, help_text="When its rule's fallback takes over what has not gone on by then"
    )
    fell_back_at = models.DateTimeField(null=True, blank=True, help_text="When its rule's fallback took over")
    placed_at = models.DateTimeField()
    promised_at = models.DateTimeField(null=True, blank=True, help_text="The delivery date the customer was told")
    paid_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True, help_text="When a person let a risky order go on")
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    stamps = models.JSONField(default=dict, editable=False, help_text="When it last came into each state")
    correlation_id = models.CharField(max_length=80, help_text="Joins everything this order causes in other systems")
    is_test = models.BooleanField(default=False)

    unaudited_fields: ClassVar[frozenset[str]] = Accountable.unaudited_fields | {"stamps"}

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["client", "number"], name="order_one_per_client_and_number"),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_is_known"),
            models.CheckConstraint(condition=Q(total_minor__gte=0), name="order_total_is_not_negative"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="order_currency_is_iso"),
            models.CheckConstraint(
                condition=Q(fraud_score__isnull=True) | Q(fraud_score__lte=100),
                name="order_fraud_score_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        *UNPAID,
                        *IN_DOUBT,
                        S.CANCELLED,
                        S.MERGED,
                        S.QUARANTINED,
                        S.ON_HOLD,
                        S.SHIPPED,
                        S.DELIVERED,
                    ]
                )
                | Q(paid_at__isnull=False)
                | Q(shipped_at__isnull=False),
                name="order_moves_only_when_paid",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[S.CANCELLED, S.RETURNING, S.MERGED]) | Q(cancelled_at__isnull=False),
                name="order_cancelled_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.MERGED) | Q(merged_into__isnull=False) & ~Q(merged_into=F("id")),
                name="order_merged_says_into_which",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.DELIVERED) | Q(delivered_at__isnull=False), name="order_delivered_says_when"
            ),
            models.CheckConstraint(
                condition=Q(falls_back_at__isnull=True) | Q(fell_back_at__isnull=True), name="order_falls_back_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["client", "-placed_at", "-id"], name="order_of_client_by_time"),
            models.Index(fields=["-placed_at", "-id"], name="order_by_time"),
            models.Index(
                fields=["owner", "sla_due_at", "id"], condition=~Q(state__in=ORDER_FINAL), name="order_open_of_owner"
            ),
            models.Index(
                fields=["state", "-placed_at", "-id"], condition=~Q(state__in=ORDER_FINAL), name="order_open_by_state"
            ),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="order_merged"),
            models.Index(fields=["-delivered_at"], condition=Q(state=S.DELIVERED), name="order_delivered_by_time"),
        ]

    def __str__(self) -> str:
        return self.key

    @transition(
        field=state,
        source=[*UNPAID, *IN_DOUBT, *[state for state in IN_HOUSE if state != S.PAID]],
        target=S.PAID,
    )
    def prepare(self) -> None:
        """Paid (or put right): the house prepares it."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_DOUBT, *[state for state in IN_HOUSE if state != S.QUARANTINED]],
        target=S.QUARANTINED,
    )
    def quarantine(self) -> None:
        """Something every order must have is missing, or a person doubts something of it."""

    @transition(field=state, source=[*IN_DOUBT, S.ON_HOLD, S.QUARANTINED], target=S.AWAITING_PAYMENT)
    def await_payment(self) -> None:
        """Complete again, and not paid yet."""

    @transition(
        field=state, source=[*IN_DOUBT, S.AWAITING_PAYMENT, S.ON_HOLD, S.QUARANTINED], target=S.PAYMENT_AUTHORISED
    )
    def authorise(self) -> None:
        """The money is promised and has not arrived."""

    @transition(
        field=state,
        source=[*IN_DOUBT, *IN_HOUSE, S.AWAITING_PAYMENT, S.PAYMENT_AUTHORISED],
        target=S.PARTLY_PAID,
    )
    def pay_partly(self) -> None:
        """Some of the money has arrived, the rest has not."""

    @transition(
        field=state,
        source=[*IN_DOUBT, S.PAID, S.ON_HOLD, S.IN_FULFILMENT, S.PARTLY_FULFILLED],
        target=S.ADDRESS_INVALID,
    )
    def question_address(self) -> None:
        """The address cannot be shipped to as it is."""

    @transition(
        field=state,
        source=[*IN_DOUBT, S.PAID, S.ON_HOLD, S.IN_FULFILMENT, S.PARTLY_FULFILLED],
        target=S.MANUAL_REVIEW,
    )
    def send_to_review(self) -> None:
        """A person has to look before anything ships."""

    @transition(field=state, source=[*IN_DOUBT, S.PAID, S.ON_HOLD], target=S.PAID_NO_STOCK)
    def miss_stock(self) -> None:
        """Paid, and nothing of it is there."""

    @transition(
        field=state,
        source=[
            *IN_DOUBT,
            S.PAID,
            S.PAID_NO_STOCK,
            S.IN_FULFILMENT,
            S.VENDOR_REFUSED,
            S.CARRIER_REJECTED,
            S.ON_HOLD,
        ],
        target=S.PARTLY_FULFILLED,
    )
    def fulfil_partly(self) -> None:
        """What is there goes on, the rest waits for stock."""

    @transition(
        field=state,
        source=[
            *IN_DOUBT,
            S.PAID,
            S.PAID_NO_STOCK,
            S.PARTLY_FULFILLED,
            S.VENDOR_REFUSED,
            S.CARRIER_REJECTED,
            S.ON_HOLD,
        ],
        target=S.IN_FULFILMENT,
    )
    def fulfil(self) -> None:
        """Everything is with those who ship it."""

    @transition(
        field=state,
        source=[*IN_DOUBT, S.PAID, S.IN_FULFILMENT, S.PARTLY_FULFILLED, S.PARTLY_SHIPPED, S.ON_HOLD],
        target=S.VENDOR_REFUSED,
    )
    def be_refused(self) -> None:
        """Whoever had the task will not do it."""

    @transition(
        field=state,
        source=[*IN_DOUBT, S.PAID, S.IN_FULFILMENT, S.PARTLY_FULFILLED, S.PARTLY_SHIPPED, S.SHIPPED, S.ON_HOLD],
        target=S.CARRIER_REJECTED,
    )
    def come_back_from_carrier(self) -> None:
        """The carrier did not take it: the parcel is in the warehouse again."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_DOUBT, *[state for state in IN_HOUSE if state != S.ON_HOLD]],
        target=S.ON_HOLD,
    )
    def hold(self) -> None:
        """Nothing of it ships until the hold is released."""

    @transition(field=state, source=[*UNPAID, *IN_HOUSE, S.CHANGE_UNDECIDED, S.CANCEL_UNDECIDED], target=S.REROUTING)
    def reroute(self) -> None:
        """What was done for it is undone, before it goes another way."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_HOUSE, S.SHIPPED, S.CANCEL_UNDECIDED, S.REROUTING],
        target=S.CHANGE_UNDECIDED,
    )
    def doubt_change(self) -> None:
        """It was to be changed when it was too late to just do so."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_HOUSE, *ARRIVED, S.SHIPPED, S.CHANGE_UNDECIDED, S.REROUTING],
        target=S.CANCEL_UNDECIDED,
    )
    def doubt_cancellation(self) -> None:
        """Something of it was cancelled when it was too late to just leave it out."""

    @transition(
        field=state,
        source=[*IN_DOUBT, S.PAID, S.IN_FULFILMENT, S.VENDOR_REFUSED, S.CARRIER_REJECTED, S.ON_HOLD, S.SHIPPED],
        target=S.PARTLY_SHIPPED,
    )
    def ship_partly(self) -> None:
        """Some parcels have left, others not yet."""

    @transition(
        field=state,
        source=[
            *UNPAID,
            *IN_DOUBT,
            S.PAID,
            S.PARTLY_FULFILLED,
            S.IN_FULFILMENT,
            S.PARTLY_SHIPPED,
            S.VENDOR_REFUSED,
            S.CARRIER_REJECTED,
            S.ON_HOLD,
            S.QUARANTINED,
            S.RETURN_ANNOUNCED,
        ],
        target=S.SHIPPED,
    )
    def ship(self) -> None:
        """Every parcel has been seen at the carrier."""

    @transition(
        field=state,
        source=[
            *UNPAID,
            *IN_DOUBT,
            S.PAID,
            S.PARTLY_FULFILLED,
            S.IN_FULFILMENT,
            S.PARTLY_SHIPPED,
            S.SHIPPED,
            S.ON_HOLD,
            S.QUARANTINED,
            S.RETURN_ANNOUNCED,
        ],
        target=S.DELIVERED,
    )
    def deliver(self) -> None:
        """Every parcel has been seen at the customer."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_DOUBT, S.PAID, S.IN_FULFILMENT, S.SHIPPED, S.DELIVERED, S.PARTLY_RETURNED],
        target=S.RETURN_ANNOUNCED,
    )
    def announce_return(self) -> None:
        """The customer sends something of it back."""

    @transition(
        field=state,
        source=[*UNPAID, *IN_DOUBT, S.PAID, S.IN_FULFILMENT, S.SHIPPED, S.DELIVERED, S.RETURN_ANNOUNCED],
        target=S.PARTLY_RETURNED,
    )
    def take_back_partly(self) -> None:
        """Something of it came back, the rest stays with the customer."""

    @transition(
        field=state,
        source=[
            *UNPAID,
            *IN_DOUBT,
            S.PAID,
            S.IN_FULFILMENT,
            S.SHIPPED,
            S.DELIVERED,
            S.RETURN_ANNOUNCED,
            S.PARTLY_RETURNED,
        ],
        target=S.RETURNED,
    )
    def take_back(self) -> None:
        """All of it came back."""

    @transition(field=state, source=CANCELLABLE, target=S.CANCELLED)
    def cancel(self) -> None:
        """It will not be fulfilled."""

    @transition(field=state, source=[*UNPAID, *BEFORE_SHIPPING], target=S.MERGED)
    def merge(self) -> None:
        """It is another order under another name: that one stays."""

    @transition(
        field=state,
        source=[
            *UNPAID,
            *IN_DOUBT,
            *ARRIVED,
            S.PARTLY_SHIPPED,
            S.SHIPPED,
            S.PARTLY_FULFILLED,
            S.VENDOR_REFUSED,
            S.CARRIER_REJECTED,
            S.ADDRESS_INVALID,
            S.MANUAL_REVIEW,
            S.ON_HOLD,
            S.QUARANTINED,
        ],
        target=S.RETURNING,
    )
    def return_to_sender(self) -> None:
        """Cancelled too late to keep it here."""

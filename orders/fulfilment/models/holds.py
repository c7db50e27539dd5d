"""What stops an order, a parcel or a line, and when it lets go."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.lines import OrderLine
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.parcels import Fulfilment
from orders.fulfilment.states import HoldReason, HoldSource, HoldState

CONDITION_KINDS = ("stock", "confirmation", "case", "check", "condition", "resubmit", "person")


class Hold(FSMModelMixin, Accountable):
    """Stops shipping until its own condition holds, its time is over or a person lets go. Of several, each releases only itself.

    About the whole order, or about one parcel or line of it. `release_when` is {"kind": "stock", "sku": code, "quantity": n},
    {"kind": "case", "case": key}, {"kind": "confirmation", "fulfilment": key}, {"kind": "condition", "when": CEL over the context "hold"}
    {"kind": "check", "check": name, "fulfilment": key}, {"kind": "resubmit", "doubts": [name], "line": position or none} or
    {"kind": "person"}; all but the last two test themselves.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="holds")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    reason = models.CharField(max_length=20, choices=HoldReason)
    source = models.CharField(max_length=10, choices=HoldSource, default=HoldSource.FLOW)
    rule = models.SlugField(blank=True, db_index=False, help_text="The rule that placed it")
    words = models.CharField(max_length=280, help_text="Why, for the person who asks")
    words_kept = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text="What its reader's language needs beside the English words",
    )
    customer_words = models.CharField(max_length=280, blank=True, help_text="What the customer is told; empty: nothing")
    placed_by = models.CharField(max_length=160)
    placed_at = models.DateTimeField()
    release_when = models.JSONField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When it lets go whatever its condition says")
    state = StateField(choices=HoldState, default=HoldState.ACTIVE, max_length=20)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=160, blank=True)
    released_why = models.CharField(max_length=280, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=HoldState.values), name="hold_state_is_known"),
            models.CheckConstraint(condition=Q(reason__in=HoldReason.values), name="hold_reason_is_known"),
            models.CheckConstraint(condition=Q(source__in=HoldSource.values), name="hold_source_is_known"),
            models.CheckConstraint(
                condition=Q(release_when__kind__in=CONDITION_KINDS), name="hold_release_condition_is_known"
            ),
            models.CheckConstraint(
                condition=Q(line__isnull=True) | Q(fulfilment__isnull=True), name="hold_is_about_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("placed_at")),
                name="hold_expires_after_it_was_placed",
            ),
            models.CheckConstraint(
                condition=Q(state=HoldState.ACTIVE, released_at=None)
                | Q(state=HoldState.RELEASED, released_at__isnull=False),
                name="hold_released_says_when",
            ),
            models.UniqueConstraint(
                fields=["line"],
                condition=Q(state=HoldState.ACTIVE, reason=HoldReason.STOCK),
                name="hold_one_for_stock_per_line",
            ),
            models.UniqueConstraint(
                fields=["order", "rule"], condition=~Q(rule=""), name="hold_one_per_rule_and_order"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], condition=Q(state=HoldState.ACTIVE), name="hold_active_of_order"),
        ]

    def __str__(self) -> str:
        return self.words

    @transition(field=state, source=HoldState.ACTIVE, target=HoldState.RELEASED)
    def release(self) -> None:
        """It no longer stops anything."""

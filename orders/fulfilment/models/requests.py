"""What is asked of an order that is under way, and what was decided about it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.orders import Order
from orders.fulfilment.states import Choice, RequestKind, RequestState
from rules.models import Owner

S = RequestState


class OrderRequest(FSMModelMixin, Accountable):
    """A point of decision: to cancel, change, redirect or return something, with the rule that ruled and who has it.

    `lines` maps positions to units ("1": 2), `change` says what else is to be different; nothing personal is in either.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="requests")
    kind = models.CharField(max_length=20, choices=RequestKind)
    lines = models.JSONField(default=dict)
    change = models.JSONField(default=dict)
    reason = models.CharField(max_length=280, blank=True, help_text="Why, in the words of who asked")
    reference = models.CharField(
        max_length=80, blank=True, help_text="What the sender calls it, such as a return number"
    )
    asked_by = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    event_id = models.CharField(max_length=160, blank=True)
    rule = models.SlugField(db_index=False, help_text="The rule that decided, or asked a person")
    book_number = models.PositiveIntegerField(null=True, blank=True, help_text="The rule book it is in")
    facts = models.JSONField(default=dict, help_text="What the rule was asked about")
    why = models.CharField(max_length=280)
    choice = models.CharField(max_length=20, choices=Choice)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    state = StateField(choices=RequestState, default=RequestState.UNDECIDED, max_length=20)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when it is decided, or what is expected has to be seen"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=160, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=RequestKind.values), name="orderrequest_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="orderrequest_state_is_known"),
            models.CheckConstraint(condition=Q(choice__in=Choice.values), name="orderrequest_choice_is_known"),
            models.CheckConstraint(
                condition=Q(state=S.UNDECIDED, decided_at=None) | ~Q(state=S.UNDECIDED) & Q(decided_at__isnull=False),
                name="orderrequest_decided_says_when",
            ),
            models.UniqueConstraint(
                fields=["order", "kind"], condition=Q(state=S.UNDECIDED), name="orderrequest_one_undecided_per_kind"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="orderrequest_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @transition(field=state, source=S.UNDECIDED, target=S.AWAITED)
    def await_it(self) -> None:
        """Granted; somebody still has to be seen to do it."""

    @transition(field=state, source=[S.UNDECIDED, S.AWAITED], target=S.DONE)
    def finish(self) -> None:
        """It is done."""

    @transition(field=state, source=[S.UNDECIDED, S.AWAITED], target=S.DECLINED)
    def decline(self) -> None:
        """It will not be done."""

"""Undoing what was done for a parcel, last things first, before its lines go another way."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.parcels import Fulfilment
from orders.fulfilment.states import UNWIND_OPEN, StepKind, StepState, UnwindState
from rules.models import Flow

S = UnwindState


class Unwind(FSMModelMixin, Accountable):
    """Takes back everything that was done for one parcel; only when all of it is undone do its lines go along the other flow."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="unwinds")
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="unwinds")
    to_flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=280)
    asked_by = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    state = StateField(choices=UnwindState, default=S.RUNNING, max_length=20)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=UnwindState.values), name="unwind_state_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=UNWIND_OPEN, ended_at=None)
                | ~Q(state__in=UNWIND_OPEN) & Q(ended_at__isnull=False),
                name="unwind_ended_says_when",
            ),
            models.UniqueConstraint(
                fields=["fulfilment"], condition=Q(state__in=UNWIND_OPEN), name="unwind_one_open_per_fulfilment"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["order"], name="unwind_of_order")]

    def __str__(self) -> str:
        return f"Unwind of {self.fulfilment_id}"

    @transition(field=state, source=S.RUNNING, target=S.STALLED)
    def stall(self) -> None:
        """Who was asked has not answered in time."""

    @transition(field=state, source=S.STALLED, target=S.RUNNING)
    def resume(self) -> None:
        """An answer came, or somebody undid it by hand."""

    @transition(field=state, source=S.RUNNING, target=S.DONE)
    def finish(self) -> None:
        """Everything is undone."""

    @transition(field=state, source=S.STALLED, target=S.GIVEN_UP)
    def give_up(self) -> None:
        """It goes on the old way after all."""

    @transition(field=state, source=[S.RUNNING, S.STALLED], target=S.OVERTAKEN)
    def overtake(self) -> None:
        """It left, or was cancelled, before everything was undone."""


class UnwindStep(FSMModelMixin, Accountable):
    """One thing that was done, in the order it was done; undone from the highest position down."""

    unwind = models.ForeignKey(Unwind, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=StepKind)
    state = StateField(choices=StepState, default=StepState.STANDS, max_length=20)
    asked_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    evidence = models.CharField(max_length=200, blank=True, help_text="The event or case it rests on")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unwind", "position"], name="unwindstep_one_per_position"),
            models.CheckConstraint(condition=Q(kind__in=StepKind.values), name="unwindstep_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="unwindstep_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=StepState.UNDONE) | Q(undone_at__isnull=False), name="unwindstep_undone_was_seen"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.get_kind_display()}"

    @transition(field=state, source=StepState.STANDS, target=StepState.ASKED)
    def ask(self) -> None:
        """Whoever did it is asked to undo it."""

    @transition(field=state, source=[StepState.STANDS, StepState.ASKED], target=StepState.UNDONE)
    def undo(self) -> None:
        """It does not stand any more."""

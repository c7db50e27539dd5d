"""Units that were asked for because too few are left in a place."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.models.stock import SafetyStock
from orders.fulfilment.states import REPLENISHMENT_OPEN, ReplenishmentState
from rules.models import Client

S = ReplenishmentState


class Replenishment(FSMModelMixin, Accountable):
    """One request for more units of a product in one place. Its flow run waits for an event that shows that they are there."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    safety = models.ForeignKey(SafetyStock, on_delete=models.PROTECT, related_name="replenishments")
    key = models.CharField(max_length=170, editable=False, help_text="The product's code and the place")
    layer = models.CharField(max_length=10, help_text="Who was asked: the warehouse, or the vendor of the product")
    threshold = models.PositiveIntegerField(help_text="Fewer free units than this were too few")
    free = models.IntegerField(help_text="So many were free then")
    units = models.PositiveIntegerField(help_text="So many were asked for")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    state = StateField(choices=ReplenishmentState, default=S.ASKED, max_length=20)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=S.values), name="replenishment_state_is_known"),
            models.CheckConstraint(condition=Q(units__gte=1), name="replenishment_asks_for_something"),
            models.CheckConstraint(
                condition=Q(state__in=REPLENISHMENT_OPEN, ended_at=None)
                | ~Q(state__in=REPLENISHMENT_OPEN) & Q(ended_at__isnull=False),
                name="replenishment_ended_says_when",
            ),
            models.UniqueConstraint(
                fields=["safety"], condition=Q(state=S.ASKED), name="replenishment_one_asked_per_product_and_place"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["safety", "-asked_at"], name="replenishment_of_place"),
        ]

    def __str__(self) -> str:
        return self.key

    @transition(field=state, source=S.ASKED, target=S.SAID)
    def be_said(self) -> None:
        """A person has taken them in; no system has told of it yet."""

    @transition(field=state, source=[S.ASKED, S.SAID], target=S.ARRIVED)
    def arrive(self) -> None:
        """A system was seen to tell that enough is there."""

    @transition(field=state, source=[S.ASKED, S.SAID], target=S.CALLED_OFF)
    def call_off(self) -> None:
        """Nobody waits for it any more."""

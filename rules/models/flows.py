"""Flows: the ways from a trigger to its outcome, and what each has to say of itself before it goes live."""

from collections.abc import Mapping
from typing import ClassVar, Final

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.utils.translation import gettext_noop as noop
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from rules.models.calendars import Sla
from rules.models.owners import Owner
from rules.states import RECORD_KEEPERS, FlowKind, FlowState, Layer

# What a flow declares, in the order in which it happens, and how that is called; which rules lead to it is read from the rules.
DECLARED: Final[Mapping[str, str]] = {
    "trigger": noop("What starts it"),
    "source_record": noop("Source record"),
    "source": noop("Source system"),
    "destination": noop("Destination system"),
    "system_of_record": noop("System of record"),
    "owner": noop("Owner"),
    "fallback": noop("Fallback owner"),
    "outcome": noop("Outcome"),
    "sla": noop("Service level"),
    "review_path": noop("Review path"),
    "failure_mode": noop("How it fails"),
    "exception_type": noop("Exception route"),
    "qa_signal": noop("Quality signal"),
    "metric": noop("Reporting figure"),
    "recovery": noop("Recovery path"),
}
TEXTS: Final = ("source_record", "outcome", "review_path", "failure_mode", "metric")
SYSTEMS: Final = ("source", "destination", "system_of_record")
REFERENCES: Final = ("trigger", "fallback", "exception_type", "qa_signal", "recovery")


class Flow(FSMModelMixin, Accountable):
    """One way from trigger to outcome: what it declares of itself, and whether it may be chosen.

    Systems are named by their kind: which of that kind serves an order depends on its client. A live flow declares everything; what is
    not live can be half written.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=FlowKind)
    trigger = models.ForeignKey(
        "rules.Contract",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The event that starts it",
    )
    source_record = models.CharField(
        max_length=120, blank=True, help_text="What it is about, as the source system calls it: an order, a revision"
    )
    source = models.CharField(max_length=16, blank=True, choices=Layer, help_text="The kind of system it comes from")
    destination = models.CharField(
        max_length=16, blank=True, choices=Layer, help_text="The kind of system that is asked to do it"
    )
    system_of_record = models.CharField(
        max_length=16, blank=True, choices=RECORD_KEEPERS, help_text="Whose word counts where systems differ"
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="flows")
    fallback = models.ForeignKey(
        Owner,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who has it when the owner does nothing",
    )
    outcome = models.CharField(
        max_length=200, blank=True, help_text="What there is at its end, so that anybody can be shown it"
    )
    sla = models.ForeignKey(Sla, on_delete=models.PROTECT, related_name="+")
    review_path = models.CharField(
        max_length=280, blank=True, help_text="Where somebody looks at one of them, who does, and what they can decide"
    )
    failure_mode = models.CharField(max_length=280, blank=True, help_text="What goes wrong when it goes wrong")
    exception_type = models.ForeignKey(
        "rules.ExceptionType",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Which exception opens then: it has the route, the ladder and the playbook",
    )
    qa_signal = models.ForeignKey(
        "rules.Contract",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The message by which a system downstream proves that it happened",
    )
    metric = models.CharField(
        max_length=200, blank=True, help_text="The figure that tells how it does, and where it is"
    )
    recovery = models.ForeignKey(
        "rules.Runbook",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The runbook that gets it going again",
    )
    state = StateField(choices=FlowState.choices, default=FlowState.DRAFT)
    paused_because = models.CharField(max_length=280, blank=True, editable=False)
    is_active = models.GeneratedField(
        expression=ExpressionWrapper(Q(state=FlowState.ACTIVE), output_field=models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=FlowKind.values), name="flow_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=FlowState.values), name="flow_state_is_known"),
            models.CheckConstraint(condition=~Q(fallback=F("owner")), name="flow_fallback_is_another_owner"),
            models.CheckConstraint(
                condition=~Q(state=FlowState.ACTIVE)
                | ~Q(*((name, "") for name in (*TEXTS, *SYSTEMS)), _connector=Q.OR)
                & Q(**{f"{name}__isnull": False for name in REFERENCES}),
                name="flow_live_declares_everything",
            ),
            models.CheckConstraint(
                condition=Q(state=FlowState.PAUSED) ^ Q(paused_because=""), name="flow_paused_says_why"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def undeclared(self) -> list[str]:
        """What it does not say of itself yet, by the names of the columns."""
        return [name for name in DECLARED if not getattr(self, f"{name}_id", getattr(self, name, None))]

    @transition("state", source=[FlowState.DRAFT, FlowState.PAUSED], target=FlowState.ACTIVE)
    def activate(self) -> None:
        """It may be chosen from now on."""
        self.paused_because = ""

    @transition("state", source=FlowState.ACTIVE, target=FlowState.PAUSED)
    def pause(self, *, because: str) -> None:
        """It is not chosen any more; what is on its way goes on."""
        self.paused_because = because

"""What systems have agreed to send each other."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import StrictTrigger
from rules.models.owners import Owner
from rules.states import ContractState, Direction


class Contract(Accountable):
    """A named agreement; its versions carry the schema. Three owners, each with a job of its own."""

    name = models.CharField(max_length=80, unique=True, help_text="The type of the event or document: order.placed")
    direction = models.CharField(max_length=10, choices=Direction)
    description = models.TextField(help_text="What it means and how often it comes: semantics and cardinality")
    contract_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Answers for schema and meaning"
    )
    execution_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Answers for instrumentation and runbooks"
    )
    business_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Decides conflicts and accepts residual risk"
    )
    runbook = models.TextField(
        blank=True, help_text="What to do when it breaks, and what runs by itself; the execution owner writes it"
    )
    residual_risk = models.TextField(blank=True, help_text="What is known to go wrong and is lived with")
    risk_accepted_at = models.DateTimeField(null=True, blank=True)
    risk_accepted_by = models.CharField(max_length=160, blank=True)
    risk_accepted_by_name = models.CharField(max_length=160, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(description=""), name="contract_says_what_it_means"),
            models.CheckConstraint(
                condition=Q(residual_risk="", risk_accepted_at__isnull=True, risk_accepted_by="")
                | ~Q(residual_risk="") & Q(risk_accepted_at__isnull=False) & ~Q(risk_accepted_by=""),
                name="contract_risk_is_accepted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KeepPublished(StrictTrigger):
    """Refuse to change what has been published."""

    level = pgtrigger.Row
    when = pgtrigger.Before
    operation = pgtrigger.Update
    name = "keep_published"

    def __init__(self, *, columns: list[str], published: str) -> None:
        self.columns = columns
        self.published = published
        super().__init__()

    def get_func(self, model: models.Model) -> str:
        """The refusal names the table and the record."""
        del model
        changed = " OR ".join(f'NEW."{column}" IS DISTINCT FROM OLD."{column}"' for column in self.columns)
        return f"""
            IF {self.published} AND ({changed}) THEN
                RAISE EXCEPTION '% % is published and does not change', TG_TABLE_NAME, OLD.id USING ERRCODE = 'HR004';
            END IF;
            RETURN NEW;
        """


class ContractVersion(FSMModelMixin, Accountable):
    """One version of a contract: a JSON Schema 2020-12 and the pointers of what is personal in it."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    pii = models.JSONField(default=list, blank=True, help_text="JSON pointers, * for every element: /lines/*/note")
    state = StateField(choices=ContractState, default=ContractState.DRAFT)

    class Meta(Accountable.Meta):
        triggers: ClassVar = [
            *Accountable.Meta.triggers,
            KeepPublished(columns=["schema", "pii", "number", "contract_id"], published="OLD.state <> 'draft'"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["contract", "number"], name="contractversion_one_per_number"),
            models.UniqueConstraint(
                fields=["contract"], condition=Q(state=ContractState.ACTIVE), name="contractversion_one_active"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="contractversion_counts_from_one"),
            models.CheckConstraint(condition=Q(state__in=ContractState.values), name="contractversion_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.contract} v{self.number}"

    @transition(field=state, source=ContractState.DRAFT, target=ContractState.ACTIVE)
    def activate(self) -> None:
        """Make it the version that senders without a version mean."""

    @transition(field=state, source=ContractState.ACTIVE, target=ContractState.DEPRECATED)
    def deprecate(self) -> None:
        """Still accepted, no longer the version for new senders."""

    @transition(field=state, source=ContractState.DEPRECATED, target=ContractState.RETIRED)
    def retire(self) -> None:
        """No longer accepted."""

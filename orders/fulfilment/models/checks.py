"""What has to be checked of a parcel before its next step, and every time somebody did.

A check is laid out with its parcel from the rule book in force then, and keeps what that said. Results are only added: who compared what
with what, when, what came of it and which photo shows it. The database refuses to change or remove one.
"""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from audit.identifiers import uuid7
from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import APPEND_ONLY
from audit.words import Said, said
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.parcels import Fulfilment
from orders.fulfilment.states import CHECK_DUE, CheckState, Verdict
from rules.models import Client, Owner, RuleBookVersion
from rules.states import CheckKind, CheckPoint

S = CheckState


class ParcelCheck(FSMModelMixin, Accountable):
    """One quality check of one parcel. Until it is passed, or a time-limited exception covers it, the step after it is not taken."""

    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="checks")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="checks")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", help_text="Who gets it when it fails")
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=CheckKind)
    point = models.CharField(max_length=12, choices=CheckPoint, help_text="The step it comes before")
    position = models.PositiveIntegerField(help_text="Its place among the checks of the parcel")
    settings = models.JSONField(help_text="What the rule book said of it when the parcel was planned")
    book = models.ForeignKey(RuleBookVersion, on_delete=models.PROTECT, related_name="+")
    state = StateField(choices=CheckState, default=CheckState.OPEN, max_length=10)
    task_round = models.PositiveIntegerField(default=0, help_text="Which task of the parcel it was decided for")
    decided_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True, help_text="Since when somebody can do it")
    due_at = models.DateTimeField(null=True, blank=True, help_text="Until when somebody has to have looked")
    passed_on_at = models.DateTimeField(null=True, blank=True, help_text="When who stands in got it, as nobody looked")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["fulfilment", "slug"], name="parcelcheck_once_per_parcel"),
            models.CheckConstraint(condition=Q(state__in=S.values), name="parcelcheck_state_is_known"),
            models.CheckConstraint(condition=Q(kind__in=CheckKind.values), name="parcelcheck_kind_is_known"),
            models.CheckConstraint(condition=Q(point__in=CheckPoint.values), name="parcelcheck_point_is_known"),
            models.CheckConstraint(
                condition=~Q(state__in=[S.PASSED, S.FAILED]) | Q(decided_at__isnull=False),
                name="parcelcheck_decided_says_when",
            ),
            models.CheckConstraint(
                condition=Q(due_at__isnull=True) | Q(state=S.OPEN, ready_at__isnull=False),
                name="parcelcheck_due_only_while_open",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="parcelcheck_of_order"),
            models.Index(fields=["fulfilment"], condition=Q(state__in=CHECK_DUE), name="parcelcheck_due_of_parcel"),
            models.Index(fields=["kind", "decided_at"], condition=Q(state=S.PASSED), name="parcelcheck_passed_by_kind"),
        ]

    def __str__(self) -> str:
        return self.name

    @transition(field=state, source=[S.OPEN, S.FAILED], target=S.PASSED)
    def pass_it(self) -> None:
        """What was found is what was expected."""
        self._stop_clock()

    @transition(field=state, source=[S.OPEN, S.FAILED], target=S.FAILED)
    def fail_it(self) -> None:
        """What was found is not what was expected."""
        self._stop_clock()

    @transition(field=state, source=[S.PASSED, S.FAILED], target=S.OPEN)
    def begin_again(self) -> None:
        """It is done anew: what it was about has changed."""

    @transition(field=state, source=[S.OPEN, S.FAILED], target=S.OVER)
    def end(self) -> None:
        """The parcel has left or will not be sent."""
        self._stop_clock()

    def _stop_clock(self) -> None:
        self.ready_at = self.due_at = None


class CheckResult(models.Model):
    """One time somebody checked: what was expected, what was seen, what came of it, and the photo, which lies under its checksum."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    check_of = models.ForeignKey(ParcelCheck, on_delete=models.PROTECT, related_name="results")
    number = models.PositiveIntegerField(help_text="Counted from one within its check")
    at = models.DateTimeField()
    by = models.CharField(max_length=160)
    by_name = models.CharField(max_length=160)
    expected = models.JSONField()
    seen = models.JSONField()
    verdict = models.CharField(max_length=12, choices=Verdict)
    findings = models.JSONField(default=list, help_text="What was not as expected: [[sentence, values]]")
    file_name = models.CharField(max_length=120, blank=True)
    content_type = models.CharField(max_length=80, blank=True)
    size = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["check_of", "number"], name="checkresult_one_number_within_its_check"),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="checkresult_verdict_is_known"),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.FAILED) | ~Q(findings=[]), name="checkresult_failed_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_of_id} no. {self.number}: {self.verdict}"

    @property
    def sentences(self) -> list[Said]:
        """What was not as expected, to be said in any language."""
        return [said(pattern, **values) for pattern, values in self.findings]

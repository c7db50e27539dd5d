"""What should happen: ownership rules, status ownership, exception types and gates."""

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from audit.access import Role
from audit.models import Accountable
from rules.models.calendars import Sla
from rules.models.clients import Client, ProductLine
from rules.models.flows import Flow
from rules.models.owners import Owner
from rules.states import ANSWERS_TO, Answer, GateRisk, Route, Severity, Wish


class OwnershipRule(Accountable):
    """If the predicate holds, this owner has it, along this flow, within this SLA. The lowest position that holds wins.

    A rule of a client, or of one of its brands and product lines, is asked about their orders only; at the same position it is asked
    before the house's.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    why = models.TextField(help_text="What would go wrong without this rule")
    position = models.PositiveIntegerField(help_text="Rules are asked in this order; the first that holds decides")
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="ownership_rules", help_text="Empty: any"
    )
    line = models.ForeignKey(
        ProductLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="ownership_rules",
        help_text="One brand or product line of the client; empty: all of it",
    )
    predicate = models.TextField(help_text="A CEL expression over the order")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="ownership_rules")
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="ownership_rules")
    sla = models.ForeignKey(Sla, on_delete=models.PROTECT, related_name="+")
    fallback = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    fallback_after_minutes = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    rule_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Who answers for the rule itself"
    )
    is_default = models.BooleanField(default=False, help_text="Decides what no other rule does; there is one")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["client", "position"],
                condition=Q(is_active=True),
                nulls_distinct=False,
                name="ownershiprule_one_per_client_and_position",
            ),
            models.CheckConstraint(
                condition=Q(line__isnull=True) | Q(client__isnull=False),
                name="ownershiprule_of_a_line_is_of_its_client",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(client__isnull=True), name="ownershiprule_default_is_of_the_house"
            ),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_active=True, is_default=True), name="ownershiprule_one_default"
            ),
            models.CheckConstraint(condition=Q(fallback_after_minutes__gte=1), name="ownershiprule_fallback_waits"),
            models.CheckConstraint(condition=~Q(fallback=F("owner")), name="ownershiprule_fallback_is_another_owner"),
        ]

    def __str__(self) -> str:
        return self.name


class HoldRule(Accountable):
    """Which orders are put on hold by rule, what the customer is told, and when the hold lets go by itself."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    why = models.TextField(help_text="What would go wrong without this rule")
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="hold_rules", help_text="Empty: any"
    )
    predicate = models.TextField(help_text="A CEL expression over the order: where it holds, the order is put on hold")
    words = models.CharField(max_length=280, help_text="The reason, for the person who asks")
    customer_words = models.CharField(max_length=280, blank=True, help_text="What the customer is told; empty: nothing")
    release_when = models.TextField(
        blank=True, help_text="A CEL expression over the order: once it holds, the hold lets go. Empty: a person does"
    )
    expires_after_minutes = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Lets go after so long in any case"
    )
    rule_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Who answers for the rule itself"
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(predicate=""), name="holdrule_says_when"),
            models.CheckConstraint(condition=~Q(words=""), name="holdrule_says_why"),
            models.CheckConstraint(
                condition=Q(expires_after_minutes__isnull=True) | Q(expires_after_minutes__gte=1),
                name="holdrule_expiry_takes_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RequestRule(Accountable):
    """What is done about a cancellation, a change, a return or money to be paid back. Of a kind, the lowest position that holds rules."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    why = models.TextField(help_text="What would go wrong without this rule")
    kind = models.CharField(max_length=10, choices=Wish, help_text="What is asked")
    position = models.PositiveIntegerField(
        help_text="Rules of a kind are asked in this order; the first that holds rules"
    )
    predicate = models.TextField(help_text="A CEL expression over what is asked and the order")
    answer = models.CharField(max_length=10, choices=Answer, help_text="What is done about it")
    words = models.CharField(
        max_length=280,
        help_text="The reason, told to whoever asks; {days_since_delivery} and the like stand for what was found",
    )
    owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="request_rules", help_text="Who has what it rules on"
    )
    due_after_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Until when what is expected has to be back; empty for anything else",
    )
    rule_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Who answers for the rule itself"
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "position"], condition=Q(is_active=True), name="requestrule_one_per_position"
            ),
            models.CheckConstraint(condition=Q(kind__in=Wish.values), name="requestrule_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind__in=[Wish.CANCEL, Wish.REFUND], answer__in=ANSWERS_TO[Wish.CANCEL])
                | Q(kind__in=[Wish.CHANGE, Wish.ADDRESS], answer__in=ANSWERS_TO[Wish.CHANGE])
                | Q(kind=Wish.RETURN, answer__in=ANSWERS_TO[Wish.RETURN]),
                name="requestrule_answers_what_is_asked",
            ),
            models.CheckConstraint(
                condition=Q(answer=Answer.EXPECT, due_after_minutes__gte=1)
                | ~Q(answer=Answer.EXPECT) & Q(due_after_minutes__isnull=True),
                name="requestrule_what_is_expected_has_a_deadline",
            ),
            models.CheckConstraint(condition=~Q(predicate=""), name="requestrule_says_when"),
            models.CheckConstraint(condition=~Q(words=""), name="requestrule_says_why"),
        ]

    def __str__(self) -> str:
        return self.name


class StatusOwnership(Accountable):
    """The one owner of everything that rests in a status, when no rule says otherwise."""

    status = models.SlugField(unique=True)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        verbose_name_plural = "status ownership"

    def __str__(self) -> str:
        return f"{self.status}: {self.owner}"


class Gate(Accountable):
    """A point that lets nothing pass while something is open, unless a time-limited exception covers it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    blocks = models.CharField(max_length=200, help_text="What it stops, as a sentence for the person who is stopped")
    needs = models.CharField(
        max_length=1000,
        blank=True,
        help_text="What has to be there so that nobody has to ask: written by the content owner",
    )
    content_owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="gates", help_text="Who answers for what it asks for"
    )
    max_hours = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    approver_role = models.CharField(max_length=30, choices=[(role.value, role.value) for role in Role])
    other_roles = models.JSONField(default=list, blank=True, help_text="Roles that may approve as well")
    approvals_needed = models.PositiveSmallIntegerField(
        default=1, choices=[(1, "One person"), (2, "Two people")], help_text="Never who asked, nor who owns it"
    )
    client_agrees = models.BooleanField(default=False, help_text="The client has to agree too, by a signed link")
    risk = models.CharField(max_length=10, choices=GateRisk, default=GateRisk.MEDIUM)
    break_glass_hours = models.PositiveSmallIntegerField(
        default=0, help_text="For how long it may be opened in an emergency, at most 4; 0 for never"
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(max_hours__gte=1), name="gate_opens_for_some_time"),
            models.CheckConstraint(condition=Q(approvals_needed__in=[1, 2]), name="gate_needs_one_or_two_approvals"),
            models.CheckConstraint(condition=Q(risk__in=GateRisk.values), name="gate_risk_is_known"),
            models.CheckConstraint(condition=Q(break_glass_hours__lte=4), name="gate_opens_shortly_in_an_emergency"),
        ]

    def __str__(self) -> str:
        return self.name


class ExceptionType(Accountable):
    """A kind of exception: who has it, how fast, which way on, and what counts as done.

    JSON shapes: outcomes [{"slug", "label"}]; ladder as `rules.ladders` says; playbook and acceptance as `rules.playbooks` says.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="exception_types")
    severity = models.CharField(max_length=2, choices=Severity)
    sla = models.ForeignKey(Sla, on_delete=models.PROTECT, related_name="+")
    acknowledge_within_minutes = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    progress_within_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1)],
        help_text="Once taken: so long without any progress, and the next step of the ladder comes",
    )
    route = models.CharField(
        max_length=10,
        choices=Route,
        help_text="The one thing that is done about it by itself while nobody has taken it",
    )
    route_after_minutes = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="So long after it opened, on the clock of its ladder"
    )
    route_approver_role = models.CharField(
        max_length=30,
        blank=True,
        choices=[(role.value, role.value) for role in Role],
        help_text="Who is asked before anything is cancelled; only for the route “Cancel”",
    )
    fallback = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="+", help_text="Who gets it when it is re-routed"
    )
    fallback_after_minutes = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1)],
        help_text="So long after the route's step it goes up its ladder, if still nobody has taken it",
    )
    ladder = models.JSONField(default=list)
    playbook = models.JSONField(default=list)
    acceptance = models.JSONField(default=list)
    outcomes = models.JSONField(default=list)
    weight_eur = models.PositiveIntegerField(default=0, help_text="Money at risk per case where the subject has none")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, null=True, blank=True, related_name="exception_types")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="exceptiontype_severity_is_known"),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="exceptiontype_route_is_known"),
            models.CheckConstraint(
                condition=Q(acknowledge_within_minutes__gte=1), name="exceptiontype_acknowledging_takes_time"
            ),
            models.CheckConstraint(
                condition=Q(progress_within_minutes__gte=1), name="exceptiontype_progress_takes_time"
            ),
            models.CheckConstraint(condition=~Q(ladder=[]), name="exceptiontype_has_a_ladder"),
            models.CheckConstraint(
                condition=Q(is_active=False) | ~Q(playbook=[]), name="exceptiontype_in_use_has_a_playbook"
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | ~Q(acceptance=[]), name="exceptiontype_in_use_says_what_is_done"
            ),
            models.CheckConstraint(
                condition=Q(route_after_minutes__gte=1, fallback_after_minutes__gte=1),
                name="exceptiontype_route_takes_time",
            ),
            models.CheckConstraint(
                condition=~Q(route=Route.CANCEL) | ~Q(route_approver_role=""),
                name="exceptiontype_cancelling_asks_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name

"""How plans and jobs are told to programs, and what programs may say about them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from exceptions.job_kinds import action_of
from exceptions.models import Job, JobItem, JobPlan
from exceptions.selectors.jobs import title_of
from exceptions.services.bulk import BALANCE, HOUR, PLANNED_ACTS
from exceptions.services.jobs import MANY, MOST_PLANNED, PLAN_HOLDS
from exceptions.services.waiting import LONGEST_PARTY, LONGEST_WAIT
from exceptions.states import RootCause, WaitingOn


class PlanInput(Input):
    """Which act, and either the keys of the exceptions or a filter that they match; the team alone to balance its people's work."""

    action = serializers.ChoiceField(choices=PLANNED_ACTS)
    keys = serializers.ListField(
        child=serializers.RegexField(r"^EX-\d{1,15}$"),
        min_length=1,
        max_length=MANY,
        required=False,
        help_text="Exactly these, at their versions of now.",
    )
    filter = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text="All open exceptions that match a query of the list of exceptions, such as `type=address&due=overdue`: "
        f"at most {MOST_PLANNED:,}.",
    )
    people = serializers.ListField(
        child=serializers.SlugField(max_length=50),
        max_length=100,
        required=False,
        help_text="Among whom to spread them: slugs of people of one's teams who are there. Only to `spread`.",
    )
    team = serializers.SlugField(max_length=50, required=False, help_text="Slug of a team. Only to `balance`.")

    def validate(self, attrs: Any) -> Any:
        """One of the two, and what belongs to the act."""
        named = {name for name in ("keys", "filter", "team") if name in attrs}
        if attrs["action"] == BALANCE and named != {"team"}:
            raise serializers.ValidationError({"team": ["Give the team and nothing else."]}, code="required")
        if attrs["action"] != BALANCE and named not in ({"keys"}, {"filter"}):
            raise serializers.ValidationError({"keys": ["Give either keys or a filter."]}, code="required")
        if ("people" in attrs) != (attrs["action"] == "spread"):
            raise serializers.ValidationError(
                {"people": ["Give people to spread over, and only then."]}, code="required"
            )
        return attrs


class KeysOrFilter(Input):
    """Which records: exactly those with these keys, or all that match."""

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if ("keys" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"keys": ["Give either keys or a filter."]}, code="required")
        return attrs


class RunInput(Input):
    """What the act needs.

    `to` and `reason` to reassign; `hours`, `on`, `reason` and `party` (which of those: not of ourselves, nor the customer) to
    wait; `reason` to escalate, to spread, to balance, for dead letters and for orders (where `text` is what customers of held ones are
    told), `text` for a note, `outcome` to resolve.
    A step of the playbook is named by its words; `outcome` says what came of it, `data` answers what it asks for.
    """

    to = serializers.SlugField(max_length=50, required=False, help_text="Slug of an owner.")
    reason = serializers.CharField(max_length=2000, required=False)
    hours = serializers.IntegerField(
        min_value=1, max_value=LONGEST_WAIT // HOUR, required=False, help_text="For how long to wait, at most."
    )
    on = serializers.ChoiceField(choices=WaitingOn.choices, required=False, help_text="Who is waited for.")
    party = serializers.CharField(
        max_length=LONGEST_PARTY, required=False, help_text="Which vendor, carrier, client or system."
    )
    text = serializers.CharField(
        max_length=10_000, required=False, help_text="The note, also beside an outcome or a step."
    )
    outcome = serializers.CharField(
        max_length=80, required=False, help_text="Slug of an outcome to resolve; in words what came of a step."
    )
    step = serializers.CharField(
        max_length=200, required=False, help_text="The step's words, as the playbook has them."
    )
    data = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=500),
        required=False,
        help_text="The step's own questions and the answers.",
    )
    root_cause = serializers.ChoiceField(choices=RootCause.choices, required=False)


class BarredSerializer(serializers.Serializer[Mapping[str, str]]):
    """One exception that stays as it is, and why."""

    key = serializers.CharField()
    why = serializers.CharField()


class MoveSerializer(serializers.Serializer[Any]):
    """One exception that goes to somebody by name: whom, is the slug of an owner."""

    key = serializers.CharField()
    to = serializers.SlugField(source="given.to")


class BecomesSerializer(serializers.Serializer[Any]):
    """One record of which the plan says what would be another thing: its key, and what it would become."""

    key = serializers.CharField()
    becomes = serializers.DictField(source="given")


class PlanSerializer(serializers.ModelSerializer[JobPlan]):
    """An act on many, before anything is done: how many it is for, and how many it cannot be done on."""

    self = SelfLink("api:plan", key="id")
    action = serializers.SerializerMethodField()
    run_before = serializers.SerializerMethodField(help_text="Later than that it has to be planned anew.")
    total = serializers.SerializerMethodField()
    barred_total = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField(help_text="The job it has become.")

    class Meta:
        model = JobPlan
        fields = ("self", "id", "action", "at", "run_before", "total", "barred_total", "job")
        read_only_fields = fields

    def get_action(self, plan: JobPlan) -> str:
        """The act."""
        return action_of(plan.kind)

    def get_run_before(self, plan: JobPlan) -> datetime:
        """When it is too old."""
        return plan.at + PLAN_HOLDS

    def get_total(self, plan: JobPlan) -> int:
        """How many it is for."""
        return len(plan.items)

    def get_barred_total(self, plan: JobPlan) -> int:
        """How many it is not for."""
        return len(plan.barred)

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_job(self, plan: JobPlan) -> str | None:
        """Where its job is."""
        return job_address(plan.job, self.context.get("request")) if plan.job else None


class PlanRecordSerializer(PlanSerializer):
    """A plan with the keys it is for and what stands in the way of the others.

    Where work is shared out it says who would get which, where each becomes something else, what.
    """

    keys = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField()
    moves = serializers.SerializerMethodField()
    barred = BarredSerializer(many=True)

    class Meta(PlanSerializer.Meta):
        fields = (*PlanSerializer.Meta.fields, "keys", "moves", "changes", "barred")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    def get_keys(self, plan: JobPlan) -> list[str]:
        """In the order of work."""
        return [item["key"] for item in plan.items]

    @extend_schema_field(MoveSerializer(many=True))
    def get_moves(self, plan: JobPlan) -> Any:
        """In the order of work."""
        return MoveSerializer([item for item in plan.items if "to" in item["given"]], many=True).data

    @extend_schema_field(BecomesSerializer(many=True))
    def get_changes(self, plan: JobPlan) -> Any:
        """In the order of work."""
        told = [item for item in plan.items if item["given"] and "to" not in item["given"]]
        return BecomesSerializer(told, many=True).data


class JobSerializer(serializers.ModelSerializer[Job]):
    """An act on many: how far it is, and how many were done, skipped (changed since the plan) and refused."""

    self = SelfLink("api:job")
    key = serializers.CharField()
    title = serializers.SerializerMethodField()
    action = serializers.SerializerMethodField()
    begun_by = serializers.CharField(source="actor_name")
    done = serializers.IntegerField(source="work.done")
    skipped = serializers.IntegerField(source="work.skipped")
    refused = serializers.IntegerField(source="work.refused")
    left = serializers.IntegerField(source="work.left")
    undoes = serializers.CharField(source="undoes.key", allow_null=True, default=None)
    asked = serializers.DictField(
        source="work.asked",
        child=serializers.JSONField(),
        help_text="The plan it came from: all of a `list` with its `query`, or what another `job` left undone; neither where each was "
        "chosen. `planned_at`, and how many were `barred`.",
    )

    class Meta:
        model = Job
        fields = (
            "self",
            "key",
            "title",
            "action",
            "state",
            "begun_by",
            "total",
            "done",
            "skipped",
            "refused",
            "left",
            "queued_at",
            "started_at",
            "finished_at",
            "why",
            "undoes",
            "asked",
        )
        read_only_fields = fields

    def get_title(self, job: Job) -> str:
        """What it does, in words."""
        return title_of(job)

    def get_action(self, job: Job) -> str:
        """The act."""
        return action_of(job.kind)


class JobItemSerializer(serializers.ModelSerializer[JobItem]):
    """One record of a job; `why` says what stood in the way, `version` is the record's after the act."""

    class Meta:
        model = JobItem
        fields = ("position", "key", "state", "why", "version", "at")
        read_only_fields = fields


def job_address(job: Job, request: Any) -> str:
    """Where a job is, as seen by who asks."""
    return str(reverse("api:job", kwargs={"key": job.key}, request=request))

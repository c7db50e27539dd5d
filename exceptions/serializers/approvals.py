"""How delegates, links for clients, gates and what waits longest are told to programs, and what programs may say about them."""

from typing import Any

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input, ReasonInput
from exceptions.models import Delegation
from exceptions.serializers.waivers import ImpactSerializer
from exceptions.states import ClientAnswer


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    """Who decides in whose place, from when until when; about one client or all."""

    self = SelfLink("api:delegation", key="id")
    delegator = serializers.SlugField(source="delegator.slug")
    delegate = serializers.SlugField(source="delegate.slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)

    class Meta:
        model = Delegation
        fields = ("self", "id", "delegator", "delegate", "client", "starts_at", "ends_at", "reason", "version")
        read_only_fields = fields


class DelegateInput(ReasonInput):
    """Who decides instead, from when until when, and why."""

    to = serializers.SlugField(max_length=50, help_text="Slug of a person.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    client = serializers.SlugField(max_length=50, required=False, help_text="About this client alone.")


class ClientQuestionInput(Input):
    """Who at the client is asked, and for how long the link holds."""

    contact = serializers.CharField(max_length=120)
    hours = serializers.IntegerField(min_value=1, max_value=720, default=24)


class ClientQuestionSerializer(serializers.Serializer[Any]):
    """A question to a client's own people; `link` is told in this one answer and kept nowhere."""

    contact = serializers.CharField(source="question.contact")
    state = serializers.ChoiceField(source="question.state", choices=ClientAnswer.choices)
    expires_at = serializers.DateTimeField(source="question.expires_at")
    link = serializers.URLField(allow_null=True, help_text="null where the request is repeated.")


class PlanDecisionsInput(Input):
    """Deny or ask, and which."""

    action = serializers.ChoiceField(choices=("deny", "ask"))
    keys = serializers.ListField(
        child=serializers.RegexField(r"^TLX-\d{1,15}$"), min_length=1, max_length=100, help_text="TLX-318, at most 100."
    )


class ApproverSerializer(serializers.Serializer[Any]):
    """Somebody who may decide."""

    key = serializers.SlugField(source="owner.slug")
    name = serializers.CharField(source="owner.name")
    stands_in_for = serializers.CharField(allow_blank=True)
    is_away = serializers.BooleanField()


class GateSerializer(serializers.Serializer[Any]):
    """A gate, what opening it would let through, and who would decide."""

    gate = serializers.SlugField(source="gate.slug")
    name = serializers.CharField(source="gate.name")
    blocks = serializers.CharField(source="gate.blocks")
    content_owner = serializers.CharField(
        source="gate.content_owner", help_text="Slug of who answers for what it asks for."
    )
    max_hours = serializers.IntegerField(source="gate.max_hours")
    risk = serializers.CharField(source="gate.risk")
    approvals_needed = serializers.IntegerField(source="gate.approvals_needed")
    client_agrees = serializers.BooleanField(source="gate.client_agrees")
    break_glass_hours = serializers.IntegerField(
        source="gate.break_glass_hours", help_text="0 where there is no emergency."
    )
    impact = ImpactSerializer(allow_null=True, help_text="null where nobody can say.")
    approvers = ApproverSerializer(many=True)


class GatesSerializer(serializers.Serializer[Any]):
    """What could be asked for about an exception."""

    exception = serializers.CharField()
    gates = GateSerializer(many=True)


class WaitingSerializer(serializers.Serializer[Any]):
    """One thing that waits for somebody's word."""

    what = serializers.CharField()
    key = serializers.CharField()
    url = serializers.CharField(help_text="The page where it is done.")
    subject_keys = serializers.ListField(child=serializers.CharField())
    whom = serializers.CharField()
    since = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    is_late = serializers.BooleanField()


class AgeingSerializer(serializers.Serializer[Any]):
    """What waits for a decision, a client, a signature or a review, the soonest due first."""

    waiting = WaitingSerializer(many=True)

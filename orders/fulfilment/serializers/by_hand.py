"""How what people do by hand is told to programs: sending another way, setting fields, reviewing."""

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from exceptions.services.jobs import MANY
from orders.fulfilment.decisions.overrides import ORDER_FIELDS
from orders.fulfilment.models import Override


class PackInput(Input):
    """Which lines, by position, go in one parcel of their own; none: everything as the rules plan it."""

    lines = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=1000, default=list)
    reason = serializers.CharField(min_length=3, max_length=280)


class RerouteInput(Input):
    """Which fulfilment goes along which other flow, and why."""

    fulfilment = serializers.CharField(max_length=50)
    flow = serializers.SlugField()
    reason = serializers.CharField(min_length=3, max_length=280)


class SameOrderInput(Input):
    """Which order stays, and why they are the same."""

    into = serializers.CharField(max_length=120, help_text="Its key, its number, or what a system calls it.")
    reason = serializers.CharField(min_length=3, max_length=280)


class OverrideInput(Input):
    """Which field, what it is from now on, and why."""

    field = serializers.ChoiceField(choices=sorted(ORDER_FIELDS))
    value = serializers.CharField(max_length=200, allow_blank=True)
    reason = serializers.CharField(min_length=3, max_length=280)


class StockOverrideInput(Input):
    """Which shelf, how many units lie there, and why."""

    client = serializers.SlugField()
    sku = serializers.CharField(max_length=80)
    value = serializers.CharField(max_length=12)
    reason = serializers.CharField(min_length=3, max_length=280)


class OverrideReviewInput(Input):
    """Why."""

    comment = serializers.CharField(min_length=3, max_length=280)


class OverrideAcceptInput(OverrideReviewInput):
    """Why, and whether a rule shall say it from now on."""

    propose_rule = serializers.BooleanField(default=False)


class OverrideSerializer(serializers.ModelSerializer[Override]):
    """One field that was set by hand, and what became of it."""

    self = SelfLink("api:override")
    key = serializers.CharField(read_only=True)
    client = serializers.SlugField(source="client.slug", read_only=True)

    class Meta:
        model = Override
        fields = (
            "self",
            "key",
            "client",
            "about",
            "field",
            "canonical",
            "local",
            "heard",
            "heard_at",
            "reason",
            "placed_by",
            "placed_at",
            "review_by",
            "state",
            "reviewed_by",
            "reviewed_at",
            "comment",
            "version",
        )
        read_only_fields = fields


class PlanResubmissionInput(Input):
    """The orders, by their keys."""

    keys = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=MANY)

"""How customers and pairs of them that look alike are told to programs, and what programs may say about them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from orders.fulfilment.models import Customer, Likeness


class BecauseInput(Input):
    """Why."""

    reason = serializers.CharField(min_length=3, max_length=280)


class MergeInput(BecauseInput):
    """Which customer stands for both from now on, and why."""

    into = serializers.CharField(max_length=40, help_text="A customer's key.")


class MergePairInput(BecauseInput):
    """Which of the two stands for both from now on, and why."""

    keep = serializers.CharField(max_length=40, help_text="The key of one of the two.")


class GlanceSerializer(serializers.Serializer[Any]):
    """The customer of an order."""

    key = serializers.CharField(help_text="Who stands for them.")
    other_orders = serializers.IntegerField(help_text="How many orders they have besides this one.")
    alike = serializers.IntegerField(help_text="How many other customers look like them and wait for a decision.")


class SignSerializer(serializers.Serializer[Any]):
    """What a customer is known by."""

    kind = serializers.CharField()
    system = serializers.CharField(allow_blank=True, help_text="Whose customer number it is.")
    text = serializers.CharField(
        allow_blank=True, help_text="Of customer numbers; masked without the permission to see personal data."
    )


class MergedSerializer(serializers.Serializer[Any]):
    """A customer that was merged into another."""

    key = serializers.CharField()
    into = serializers.CharField()
    orders = serializers.IntegerField()
    who = serializers.CharField()
    at = serializers.DateTimeField()
    why = serializers.CharField(allow_blank=True)


class CustomerFactsSerializer(serializers.Serializer[Any]):
    """What is known of a customer, and of everybody merged into them."""

    orders = serializers.IntegerField(help_text="How many orders they have.")
    signs = SignSerializer(many=True)
    contact = serializers.DictField(
        child=serializers.CharField(),
        help_text="From the newest order; masked without the permission to see personal data.",
    )
    merged = MergedSerializer(many=True)


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    """Somebody who orders from one client. `head` stands for it where it was merged."""

    self = SelfLink("api:customer")
    client = serializers.SlugField(source="client.slug", read_only=True)
    head = serializers.CharField(source="head.key", read_only=True)
    merged_into = serializers.CharField(source="merged_into.key", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Customer
        fields = ("self", "key", "client", "state", "head", "merged_into", "created_at", "version")
        read_only_fields = fields


class CustomerRecordSerializer(CustomerSerializer):
    """A customer with what is known of them."""

    facts = serializers.SerializerMethodField()

    class Meta(CustomerSerializer.Meta):
        fields = (*CustomerSerializer.Meta.fields, "facts")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(CustomerFactsSerializer)
    def get_facts(self, customer: Customer) -> Any:
        """The facts the view has loaded."""
        return CustomerFactsSerializer(self.context["facts"](customer)).data


class LikenessSerializer(serializers.ModelSerializer[Likeness]):
    """Two customers that look alike, and by what."""

    self = SelfLink("api:duplicate", key="pk")
    client = serializers.SlugField(source="client.slug", read_only=True)
    one = serializers.CharField(source="one.head.key", read_only=True)
    other = serializers.CharField(source="other.head.key", read_only=True)
    signs = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="What both have.")

    class Meta:
        model = Likeness
        fields = (
            "self",
            "client",
            "one",
            "other",
            "signs",
            "state",
            "decided_by",
            "decided_at",
            "reason",
            "created_at",
            "version",
        )
        read_only_fields = fields

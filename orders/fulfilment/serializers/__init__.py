"""How orders and parcels are told to programs, and what programs may say about them."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.rest.fields import Money, SelfLink
from audit.rest.parsing import Input
from orders.fulfilment.decisions.addresses import FIELDS
from orders.fulfilment.models import Fulfilment, Order, Sku
from orders.fulfilment.selectors import OrderStory
from orders.fulfilment.serializers.amounts import AmountsSerializer
from orders.fulfilment.serializers.contents import BundleSerializer, GiftSerializer, LineSerializer
from orders.fulfilment.serializers.customers import GlanceSerializer
from orders.fulfilment.serializers.documents import SyncSerializer
from orders.fulfilment.serializers.exports import OrderExportSerializer


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order: where it stands, who has it and by when. Personal data is not here."""

    self = SelfLink("api:order")
    client = serializers.SlugField(source="client.slug")
    owner = serializers.SlugField(source="owner.slug")
    flow = serializers.SlugField(source="flow.slug", allow_null=True, default=None)
    total = Money("total_minor")
    stamps = serializers.DictField(
        child=serializers.DateTimeField(), read_only=True, help_text="State → when the order last came into it."
    )

    class Meta:
        model = Order
        fields = (
            "self",
            "key",
            "client",
            "number",
            "channel",
            "segment",
            "country",
            "state",
            "owner",
            "flow",
            "delivery_sla",
            "preferred_carrier",
            "sla_due_at",
            "total",
            "fraud_score",
            "placed_at",
            "promised_at",
            "paid_at",
            "shipped_at",
            "delivered_at",
            "cancelled_at",
            "stamps",
            "correlation_id",
            "is_test",
            "version",
        )
        read_only_fields = fields


class HoldSerializer(serializers.Serializer[Any]):
    """What stops the order, and until when."""

    id = serializers.UUIDField()
    about = serializers.CharField(allow_blank=True, help_text="The fulfilment or line; empty: the whole order.")
    reason = serializers.CharField()
    origin = serializers.CharField(help_text="What placed it: a person, a rule, an exception's route …")
    rule = serializers.CharField(allow_blank=True)
    words = serializers.CharField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    releases_when = serializers.CharField()
    now_worth = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    customer_words = serializers.CharField(allow_blank=True)
    is_active = serializers.BooleanField()
    released_at = serializers.DateTimeField(allow_null=True)
    released_by = serializers.CharField(allow_blank=True)
    released_why = serializers.CharField(allow_blank=True)


class HoldsSerializer(serializers.Serializer[Any]):
    """What stops an order or has stopped it."""

    key = serializers.CharField()
    holds = HoldSerializer(many=True)


class OutcomeSerializer(serializers.Serializer[Any]):
    """One step somebody else has to take, and the event that proved it."""

    name = serializers.CharField()
    event_type = serializers.CharField()
    due_at = serializers.DateTimeField()
    met_at = serializers.DateTimeField(allow_null=True)
    met_by = serializers.CharField(allow_blank=True, help_text="The event it rests on.")
    excused_by = serializers.CharField(allow_blank=True, help_text="What stands in for the event.")
    missed_at = serializers.DateTimeField(allow_null=True)


class OrderRunSerializer(serializers.Serializer[Any]):
    """What one task of the order is expected to lead to; the whole record is at /api/v1/runs/{id}."""

    id = serializers.UUIDField()
    fulfilment = serializers.CharField()
    flow = serializers.CharField()
    trigger = serializers.CharField()
    state = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcomes = OutcomeSerializer(many=True)


class OrderDecisionSerializer(serializers.Serializer[Any]):
    """Why it has this owner and goes this way."""

    rule = serializers.CharField()
    book = serializers.IntegerField()
    owner = serializers.CharField()
    flow = serializers.CharField()
    sla = serializers.CharField()
    fallback = serializers.CharField()
    fallback_after_minutes = serializers.IntegerField()
    falls_back_at = serializers.DateTimeField(
        allow_null=True, help_text="When the fallback has it, if it has not gone on by then; null once it has."
    )
    fell_back_at = serializers.DateTimeField(allow_null=True, help_text="When the fallback took over.")
    near_misses = serializers.ListField(child=serializers.DictField())
    at = serializers.DateTimeField()


class RequestSerializer(serializers.Serializer[Any]):
    """What somebody asked of the order, the rule that ruled on it, and what was decided."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    lines = serializers.DictField(child=serializers.IntegerField(), help_text="Position → units; empty: all of it.")
    reason = serializers.CharField(allow_blank=True)
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    rule = serializers.CharField()
    book = serializers.IntegerField(allow_null=True, help_text="The rule book the rule is in.")
    why = serializers.CharField()
    choice = serializers.CharField()
    owner = serializers.CharField()
    state = serializers.CharField()
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when it is decided, or what is expected has to be seen."
    )
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(allow_blank=True)


class MoneySerializer(serializers.Serializer[Any]):
    """A payment, or money that goes back."""

    id = serializers.UUIDField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=4, help_text="In units of the currency, exactly.")
    currency = serializers.CharField()
    reference = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    decided_by = serializers.CharField(allow_blank=True)
    lines = serializers.DictField(
        child=serializers.IntegerField(), help_text="Of a refund: position → units; empty: not for single lines."
    )


class UnwindStepSerializer(serializers.Serializer[Any]):
    """One thing that was done and is to be undone."""

    kind = serializers.CharField()
    state = serializers.CharField()
    undone_at = serializers.DateTimeField(allow_null=True)
    evidence = serializers.CharField(allow_blank=True)


class UnwindSerializer(serializers.Serializer[Any]):
    """A fulfilment that is called back to go another way; steps in the order in which they are undone."""

    id = serializers.UUIDField()
    fulfilment = serializers.CharField()
    to = serializers.CharField()
    reason = serializers.CharField()
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    state = serializers.CharField()
    steps = UnwindStepSerializer(many=True)


class ExternalIdSerializer(serializers.Serializer[Any]):
    """What one system calls the order."""

    system = serializers.CharField()
    external_id = serializers.CharField()


class StorySerializer(serializers.Serializer[Any]):
    """Everything about one order that its page shows."""

    triggered_by = serializers.CharField()
    source_of_record = serializers.CharField()
    next_step = serializers.CharField()
    if_it_fails = serializers.CharField()
    customer_text = serializers.CharField(allow_blank=True)
    lines = LineSerializer(many=True)
    bundles = BundleSerializer(many=True)
    gifts = GiftSerializer(many=True)
    holds = HoldSerializer(many=True)
    fulfilments = serializers.ListField(child=serializers.CharField(), help_text="Keys of its fulfilments.")
    runs = OrderRunSerializer(many=True)
    requests = RequestSerializer(many=True)
    amounts = AmountsSerializer(allow_null=True)
    payments = MoneySerializer(many=True)
    refunds = MoneySerializer(many=True)
    unwinds = UnwindSerializer(many=True)
    exports = OrderExportSerializer(many=True, help_text="The last ones, newest first.")
    systems = SyncSerializer(many=True, help_text="Who is told of it, and how far each is.")
    identifiers = serializers.DictField(
        child=serializers.CharField(),
        help_text="System → what it calls the order; the newest name of each system. All of them are in `external_ids`.",
    )
    external_ids = ExternalIdSerializer(many=True, help_text="Every name it has in other systems, oldest first.")
    merged_into = serializers.CharField(allow_blank=True, help_text="The same order, which stays.")
    merged = serializers.ListField(child=serializers.CharField(), help_text="Orders that were the same and ended.")
    customer = GlanceSerializer(allow_null=True)
    decision = OrderDecisionSerializer(allow_null=True)
    address = serializers.DictField(
        child=serializers.CharField(), help_text="Masked without the permission to see personal data."
    )
    carrier_words = serializers.CharField(allow_blank=True, help_text="What became of the carrier that was asked for.")
    address_verdict = serializers.CharField()
    address_problems = serializers.ListField(child=serializers.CharField())


class OrderRecordSerializer(OrderSerializer):
    """An order with its story."""

    story = serializers.SerializerMethodField()

    class Meta(OrderSerializer.Meta):
        fields = (*OrderSerializer.Meta.fields, "story")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(StorySerializer)
    def get_story(self, order: Order) -> Any:
        """The story the view has loaded."""
        story: OrderStory = self.context["story"](order)
        told = asdict(story)
        told["fulfilments"] = [parcel["key"] for parcel in told.pop("parcels")]
        told["external_ids"] = [{"system": system, "external_id": name} for system, name in story.identifiers]
        told["identifiers"] = dict(story.identifiers)
        return StorySerializer(told).data


class FulfilmentSerializer(serializers.ModelSerializer[Fulfilment]):
    """What one warehouse or vendor sends together."""

    self = SelfLink("api:fulfilment")
    order = serializers.CharField(source="order.key")
    client = serializers.SlugField(source="client.slug")
    flow = serializers.SlugField(source="flow.slug")
    owner = serializers.SlugField(source="owner.slug")
    shipment = serializers.CharField(
        source="shipment.key", default=None, allow_null=True, help_text="What it goes with others in."
    )

    class Meta:
        model = Fulfilment
        fields = (
            "self",
            "key",
            "order",
            "client",
            "flow",
            "owner",
            "vendor",
            "system",
            "state",
            "round",
            "due_at",
            "warn_at",
            "sla",
            "tasked_at",
            "confirmed_at",
            "packed_at",
            "handed_over_at",
            "delivered_at",
            "picker",
            "manifest",
            "shipment",
            "carrier",
            "tracking_number",
            "version",
        )
        read_only_fields = fields


class LineUnits(Input):
    """So many units of one line."""

    line = serializers.IntegerField(min_value=1, help_text="Its number in the order.")
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)


class CancelInput(Input):
    """Why, and what of it; without lines, all of it."""

    reason = serializers.CharField(max_length=280)
    lines = LineUnits(many=True, required=False)


class ReturnInput(Input):
    """Why it comes back, and what of it; without lines, everything the customer has."""

    reason = serializers.CharField(min_length=3, max_length=280)
    reference = serializers.CharField(
        max_length=80, allow_blank=True, default="", help_text="What the store or the customer calls the return."
    )
    lines = LineUnits(many=True, required=False)


class HoldInput(Input):
    """Why nothing may ship, and what the customer is told."""

    words = serializers.CharField(min_length=3, max_length=280)
    customer_words = serializers.CharField(max_length=280, allow_blank=True, default="")
    release_when = serializers.CharField(
        max_length=4096,
        allow_blank=True,
        default="",
        help_text="A CEL expression over the order; once it holds, the hold lets go. Empty: a person does.",
    )
    fulfilment = serializers.CharField(
        max_length=50, allow_blank=True, default="", help_text="Hold only this; empty: the whole order."
    )
    expires_at = serializers.DateTimeField(allow_null=True, default=None)


class SkuSerializer(serializers.ModelSerializer[Sku]):
    """A product of a client."""

    self = SelfLink("api:sku", key="id")
    key = serializers.UUIDField(source="id")
    client = serializers.SlugField(source="client.slug")

    class Meta:
        model = Sku
        fields = ("self", "key", "client", "code", "name", "sku_type", "vendor", "version")
        read_only_fields = fields


class AddressInput(Input):
    """Where it goes instead."""

    recipient = serializers.CharField(max_length=200)
    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    street = serializers.CharField(max_length=300)
    postcode = serializers.CharField(max_length=20, required=False, allow_blank=True)
    city = serializers.CharField(max_length=120)
    region = serializers.CharField(max_length=120, required=False, allow_blank=True)
    country = serializers.RegexField(r"^[A-Z]{2}$", help_text="ISO 3166, two letters.")
    reason = serializers.CharField(max_length=280, allow_blank=True, default="")


class CompleteAddressInput(Input):
    """What is missing of a held order's address; what is not given stays. `accept_suggestions` takes what is suggested for the rest."""

    reason = serializers.CharField(max_length=280)
    address = serializers.DictField(
        child=serializers.CharField(max_length=300, allow_blank=True),
        required=False,
        help_text=f"Of: {', '.join(FIELDS)}.",
    )
    accept_suggestions = serializers.BooleanField(default=False)


class NewLineInput(Input):
    """So many of one product, at this price each in minor units."""

    sku = serializers.CharField(max_length=80)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    unit_minor = serializers.IntegerField(min_value=0, max_value=10**12)


class CompleteLinesInput(Input):
    """The lines of an order that came without any."""

    reason = serializers.CharField(max_length=280)
    lines = serializers.ListField(child=NewLineInput(), min_length=1, max_length=50)

"""How what people do by hand is told to programs: sending another way, setting fields, reviewing."""

from datetime import datetime
from functools import cached_property
from typing import Any

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from exceptions.api.job_shapes import KeysOrFilter
from exceptions.services.jobs import MANY, MOST_PLANNED
from orders.fulfilment.decisions.addresses import FIELDS as ADDRESS_FIELDS
from orders.fulfilment.decisions.doubts import DOUBTS
from orders.fulfilment.decisions.overrides import ORDER_FIELDS, address_text
from orders.fulfilment.models import Override
from orders.fulfilment.selectors.overrides import protected_until, values_of

DOUBT_NAMES = sorted(DOUBTS)


class QuarantineInput(Input):
    """What of an order is in doubt, of which line where it is one, and why."""

    doubts = serializers.ListField(child=serializers.ChoiceField(choices=DOUBT_NAMES), min_length=1)
    line = serializers.IntegerField(min_value=1, required=False, allow_null=True, help_text="Its position.")
    reason = serializers.CharField(min_length=3, max_length=280)


class ResubmitInput(Input):
    """Which of what was in doubt is made sure of, and how that is known."""

    confirmed = serializers.ListField(child=serializers.ChoiceField(choices=DOUBT_NAMES), min_length=1)
    reason = serializers.CharField(min_length=3, max_length=280)


class NoteAddressInput(Input):
    """What was found out of a held order's address so far; what is not given stays."""

    address = serializers.DictField(
        child=serializers.CharField(max_length=300, allow_blank=True), help_text=f"Of: {', '.join(ADDRESS_FIELDS)}."
    )


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


class WholeAddressInput(Input):
    """Where an order goes."""

    name = serializers.CharField(max_length=200, default="", allow_blank=True)
    company_name = serializers.CharField(max_length=200, default="", allow_blank=True)
    street_address = serializers.CharField(max_length=200, default="", allow_blank=True)
    city = serializers.CharField(max_length=200, default="", allow_blank=True)
    city_area = serializers.CharField(max_length=200, default="", allow_blank=True)
    country_area = serializers.CharField(max_length=200, default="", allow_blank=True)
    postal_code = serializers.CharField(max_length=200, default="", allow_blank=True)
    country_code = serializers.CharField(max_length=2)


class OverrideInput(Input):
    """Which field, what it is from now on, and why; an address in its parts, a product or a quantity with its line."""

    field = serializers.ChoiceField(choices=sorted(ORDER_FIELDS))
    value = serializers.CharField(max_length=200, allow_blank=True, default="")
    address = WholeAddressInput(required=False, help_text="Instead of `value`, for the field address.")
    line = serializers.IntegerField(
        min_value=1, required=False, help_text="Its position, for the fields sku and quantity."
    )
    reason = serializers.CharField(min_length=3, max_length=280)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """An address is written in one way, as any other value."""
        if (address := given.pop("address", None)) is not None:
            given["value"] = address_text(address)
        return given


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
    line = serializers.IntegerField(source="line.position", default=None, allow_null=True, read_only=True)
    protected_until = serializers.SerializerMethodField(
        help_text="Nothing systems say changes it before; then, without a review, it is taken back. Null: not before the review."
    )

    def to_representation(self, override: Override) -> dict[str, Any]:
        """What is personal only for those who may see that."""
        return {**super().to_representation(override), **values_of(override, self.context["by"])}

    def get_protected_until(self, override: Override) -> datetime | None:
        """As the timers say."""
        return self._protected.get(str(override.pk))

    @cached_property
    def _protected(self) -> dict[str, datetime]:
        """Of all that are told together."""
        shown = self.parent.instance if self.parent is not None else [self.instance]
        return protected_until(shown or ())

    class Meta:
        model = Override
        fields = (
            "self",
            "key",
            "client",
            "about",
            "line",
            "field",
            "canonical",
            "local",
            "heard",
            "heard_at",
            "reason",
            "placed_by",
            "placed_at",
            "review_by",
            "protected_until",
            "state",
            "reviewed_by",
            "reviewed_at",
            "comment",
            "version",
        )
        read_only_fields = fields


class PlanResubmissionInput(KeysOrFilter):
    """The held orders: by their keys, or a filter that they match."""

    keys = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=MANY, required=False
    )
    filter = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text=f"All held orders that match a query of the list of orders, such as `client=northwind`: at most {MOST_PLANNED:,}.",
    )

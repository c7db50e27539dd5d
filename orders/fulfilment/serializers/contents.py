"""How what an order is made of is told to programs."""

from typing import Any

from rest_framework import serializers

from audit.rest.parsing import Input
from orders.fulfilment.decisions.gifts import LONGEST_MESSAGE, LONGEST_WRAP


class HeldUnitsSerializer(serializers.Serializer[Any]):
    """Units set aside for a line."""

    place = serializers.CharField()
    lot = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField()


class LineSerializer(serializers.Serializer[Any]):
    """One line of an order."""

    position = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField()
    unit_minor = serializers.IntegerField(help_text="In minor units of the order's currency.")
    sku_type = serializers.CharField()
    vendor = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    flow = serializers.CharField(allow_blank=True)
    bundle = serializers.IntegerField(allow_null=True, help_text="The number of the bundle it is a part of.")
    held = HeldUnitsSerializer(many=True)
    ordered_as = serializers.CharField(
        allow_blank=True, help_text="The product that was ordered, where another one is sent instead."
    )


class GiftSerializer(serializers.Serializer[Any]):
    """What is given to somebody: a line or bundle, by its number."""

    line = serializers.IntegerField()
    sku = serializers.CharField()
    wrap = serializers.CharField(allow_blank=True)
    message = serializers.CharField(
        allow_blank=True, help_text="Masked without the permission to see personal data, as the address is."
    )
    address = serializers.DictField(child=serializers.CharField(), help_text="Empty: it goes with the order.")
    address_verdict = serializers.CharField(allow_blank=True)
    address_problems = serializers.ListField(child=serializers.CharField())


class GiftAddressInput(Input):
    """Where a gift goes."""

    recipient = serializers.CharField(max_length=200)
    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    street = serializers.CharField(max_length=300)
    postcode = serializers.CharField(max_length=20, required=False, allow_blank=True)
    city = serializers.CharField(max_length=120)
    region = serializers.CharField(max_length=120, required=False, allow_blank=True)
    country = serializers.RegexField(r"^[A-Z]{2}$", help_text="ISO 3166, two letters.")


class GiftInput(Input):
    """What is given with a line or bundle; of message, wrapping and address, what is not named stays as it was."""

    line = serializers.CharField(max_length=80, help_text="The number or product of the line or bundle.")
    is_gift = serializers.BooleanField(default=True, help_text="False: it is no gift any more.")
    message = serializers.CharField(max_length=LONGEST_MESSAGE, required=False, allow_blank=True)
    wrap = serializers.CharField(max_length=LONGEST_WRAP, required=False, allow_blank=True)
    address = GiftAddressInput(required=False, allow_null=True, help_text="null: it goes where the order goes.")
    reason = serializers.CharField(min_length=3, max_length=280)


class BundleSerializer(serializers.Serializer[Any]):
    """Several products sold as one; its parts are lines of the order."""

    position = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    ordered = serializers.IntegerField()
    quantity = serializers.IntegerField(help_text="How many whole ones are still ordered.")
    unit_minor = serializers.IntegerField(help_text="In minor units of the order's currency.")
    lines = serializers.SerializerMethodField(help_text="The numbers of its lines.")

    def get_lines(self, bundle: Any) -> list[int]:
        """The numbers."""
        return [line["position"] for line in bundle["lines"]]

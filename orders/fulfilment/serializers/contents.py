"""How what an order is made of is told to programs."""

from typing import Any

from rest_framework import serializers


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

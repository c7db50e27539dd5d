"""What an order cost as its store states it, for programs."""

from typing import Any

from rest_framework import serializers


def _amount(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=18, decimal_places=4, **options)


class AmountsSerializer(serializers.Serializer[Any]):
    """Exact amounts in units of the currency, as they were told when the order was placed; null is what the store does not say."""

    currency = serializers.CharField()
    lines = _amount(help_text="The prices of the lines together.")
    discount = _amount(allow_null=True)
    shipping = _amount(allow_null=True)
    tax = _amount(allow_null=True)
    tax_included = serializers.BooleanField(help_text="The prices of the lines have the tax in them already.")
    total = _amount()
    adds_up = serializers.BooleanField(help_text="False where tax and shipping are stated and the total is another.")

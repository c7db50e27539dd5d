"""Fields every serializer uses: the record's own address, money, references."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from audit.words import MINOR_DIGITS


@extend_schema_field({"type": "string", "format": "uri"})
class SelfLink(serializers.Field[Any, Any, str, Any]):
    """The record's address: `route` is the name of its URL, `key` the attribute in it."""

    def __init__(self, route: str, *, key: str = "key") -> None:
        self.route, self.key = route, key
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Any) -> str:
        """The absolute address, as seen by who asks."""
        for part in self.key.split("."):
            value = getattr(value, part)
        return str(reverse(self.route, kwargs={"key": value}, request=self.context.get("request")))


@extend_schema_field(
    {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {
            "amount": {"type": "string", "examples": ["412.00"]},
            "currency": {"type": "string", "examples": ["EUR"]},
        },
    }
)
class Money(serializers.Field[Any, Any, dict[str, str], Any]):
    """Minor units and currency of the record as `{"amount": "412.00", "currency": "EUR"}`."""

    def __init__(self, minor: str, *, currency: str = "currency") -> None:
        self.minor, self.currency = minor, currency
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Any) -> dict[str, str]:
        """The amount in currency units, exactly."""
        currency = value
        for part in self.currency.split("."):
            currency = getattr(currency, part)
        return money(getattr(value, self.minor), currency)


def money(minor: int, currency: str) -> dict[str, str]:
    """An amount of minor units as people and programs write it."""
    digits = MINOR_DIGITS.get(currency, 2)
    sign, units = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return {"amount": sign + (f"{units[:-digits]}.{units[-digits:]}" if digits else units), "currency": currency}


@extend_schema_field({"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2})?$"})
class TimeOfDay(serializers.TimeField):
    """A time on somebody's own clock: ISO 8601 without an offset, which JSON Schema's `time` demands."""

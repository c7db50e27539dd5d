"""How the decisions about an order are told to programs."""

from typing import Any

from rest_framework import serializers


class MissedSerializer(serializers.Serializer[Any]):
    """A rule that almost ruled: the one condition it lacked, the attribute that would change it, and what was there."""

    rule = serializers.CharField()
    term = serializers.CharField()
    attribute = serializers.CharField()
    actual = serializers.JSONField()


class WhySerializer(serializers.Serializer[Any]):
    """One decision: what came of it and because of what; `passed` says of each rule asked before why it did not rule."""

    kind = serializers.CharField()
    about = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    rule = serializers.CharField()
    book = serializers.IntegerField(allow_null=True)
    because = serializers.CharField()
    passed = serializers.ListField(child=serializers.CharField())
    competing = serializers.ListField(child=serializers.CharField())
    almost = MissedSerializer(many=True)


class WhyPageSerializer(serializers.Serializer[Any]):
    """Every decision about an order; `unshown` are older ones about its owner that are left out."""

    key = serializers.CharField(source="order.key")
    decisions = WhySerializer(many=True)
    unshown = serializers.IntegerField()

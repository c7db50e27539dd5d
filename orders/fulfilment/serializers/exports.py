"""How exports are told to programs that follow them."""

from typing import Any

from rest_framework import serializers


class ExportSerializer(serializers.Serializer[Any]):
    """One export; `document` follows the contract order.export."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="Of several exports of one order the highest is the newest.")
    order = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the document as sorted, compact UTF-8 JSON (RFC 8785).")
    document = serializers.DictField()


class FeedSerializer(serializers.Serializer[Any]):
    """Exports in the order of the feed, and where to go on from."""

    results = ExportSerializer(many=True)
    next = serializers.URLField(help_text="What comes after these, now or later.")
    has_more = serializers.BooleanField(help_text="Whether there is more already.")


class ReaderSerializer(serializers.Serializer[Any]):
    """Who has an export."""

    name = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="When for the first time; null while it is on its way.")
    was_sent = serializers.BooleanField(help_text="Whether it was sent to a system, rather than read.")


class OrderExportSerializer(serializers.Serializer[Any]):
    """One export of an order; the whole of it is at /api/v1/exports/{id}."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    state = serializers.CharField(help_text="Of the order, at that time.")
    record_sha256 = serializers.CharField()
    readers = ReaderSerializer(many=True)

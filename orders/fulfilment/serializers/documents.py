"""How the papers of an order, and how far other systems are with it, are told to programs."""

from typing import Any

from rest_framework import serializers


class SyncSerializer(serializers.Serializer[Any]):
    """How far one system is that is told of the order."""

    system = serializers.CharField()
    is_behind = serializers.BooleanField()
    words = serializers.CharField()


class DocumentSerializer(serializers.Serializer[Any]):
    """One paper of an order."""

    kind = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField(help_text="The parcel, exception or order it belongs to.")
    at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField(help_text="The page or file, for people who are signed in.")


class DocumentsSerializer(serializers.Serializer[Any]):
    """Every paper of an order."""

    key = serializers.CharField()
    documents = DocumentSerializer(many=True)

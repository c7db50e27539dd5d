"""How parcels that go together are told to programs."""

from typing import Any

from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import Input
from orders.fulfilment.models import Shipment


class ShipTogetherInput(Input):
    """Which parcels, by their keys, and why."""

    parcels = serializers.ListField(child=serializers.CharField(max_length=50), min_length=1, max_length=100)
    reason = serializers.CharField(min_length=3, max_length=280)


class ProposedParcelSerializer(serializers.Serializer[Any]):
    """One of the parcels that could go together."""

    key = serializers.CharField()
    order = serializers.CharField()
    state = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)


class ProposalSerializer(serializers.Serializer[Any]):
    """Parcels of one buyer that go to one address from one place, each by itself as things are."""

    client = serializers.SlugField(source="client_slug")
    customer = serializers.CharField()
    place = serializers.CharField()
    parcels = ProposedParcelSerializer(many=True)


class ProposalsSerializer(serializers.Serializer[Any]):
    """What could go together, the first due first; send the keys of the parcels to the shipments to have it so."""

    proposals = ProposalSerializer(many=True)


class ShipmentSerializer(serializers.ModelSerializer[Shipment]):
    """Parcels of several orders that go together, by their keys."""

    self = SelfLink("api:shipment")
    key = serializers.CharField(read_only=True)
    client = serializers.SlugField(source="client.slug", read_only=True)
    location = serializers.SlugField(source="location.slug", default=None, allow_null=True, read_only=True)
    parcels: Any = serializers.SlugRelatedField(slug_field="key", many=True, read_only=True)
    is_booked = serializers.BooleanField(source="booking", read_only=True)

    class Meta:
        model = Shipment
        fields = (
            "self",
            "key",
            "client",
            "location",
            "state",
            "parcels",
            "is_booked",
            "reason",
            "placed_by",
            "placed_at",
            "ended_at",
            "version",
        )
        read_only_fields = fields

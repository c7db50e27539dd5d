"""Parcels of several orders that go together, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.parsing import ReasonInput
from audit.rest.views import ActResource, CreateMixin, ListResource, RecordResource, Resource
from orders.fulfilment.selectors import shipments as found
from orders.fulfilment.serializers.shipments import ProposalsSerializer, ShipmentSerializer, ShipTogetherInput
from orders.fulfilment.services import shipments
from orders.fulfilment.states import ShipmentState
from rules import selectors as rules


class _Shipments(Resource):
    permission = "orders.view_order"
    noun = "shipment"
    serializer_class = ShipmentSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return found.shipments_for(self.by)

    def find(self, key: Any) -> Any:
        """The one of this key."""
        return found.shipment_named(self.by, str(key))


class ShipmentList(_Shipments, CreateMixin, ListResource):
    """Shipments, newest first; and having parcels of several orders of one buyer go together."""

    input_class = ShipTogetherInput
    filters = FilterSet(
        filters=(
            filtering.choice("state", "state", ShipmentState.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("parcel", "parcels__key"),
        ),
        sorts={"-number": ("-number",), "number": ("number",)},
    )

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Have them go together."""
        return shipments.ship_together(**given, by=self.by, now=now)


class ShipmentProposals(Resource):
    """Parcels that could go together, as the page proposes them."""

    permission = "orders.view_order"
    noun = "proposal"
    serializer_class = ProposalsSerializer

    def get(self, request: Request) -> Response:
        """Answer with those of the asker's clients."""
        del request
        return Response(self.get_serializer({"proposals": found.proposals(self.by)}).data)


class ShipmentRecord(_Shipments, RecordResource):
    """One shipment."""


class UndoShipment(_Shipments, ActResource):
    """Send its parcels each by itself again, before any has left."""

    input_class = ReasonInput
    tells_who_was_faster = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Undo it."""
        shipments.ship_apart(shipment_id=record.pk, **given, by=self.by, now=now)

"""Products as clients' systems name them."""

from typing import Any

from django.db.models import QuerySet

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.views import ListResource, RecordResource, Resource
from orders.fulfilment import serializers
from orders.fulfilment.selectors import parcels
from orders.fulfilment.states import SkuType
from rules import selectors as rules


class _Skus(Resource):
    permission = "orders.view_order"
    noun = "SKU"
    key_field = "pk"
    serializer_class = serializers.SkuSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return parcels.skus_for(self.by)


class SkuList(_Skus, ListResource):
    """Products as clients' systems name them."""

    filters = FilterSet(
        filters=(
            filtering.search("code", "name"),
            filtering.exact("code", "code"),
            filtering.choice("type", "sku_type", SkuType.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("vendor", "vendor"),
        ),
        sorts={"code": ("code", "pk"), "-code": ("-code", "-pk")},
    )


class SkuRecord(_Skus, RecordResource):
    """One product."""

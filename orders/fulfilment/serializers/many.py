"""What programs may say about acts on many orders."""

from rest_framework import serializers

from exceptions.api.job_shapes import KeysOrFilter
from exceptions.services.jobs import MANY, MOST_PLANNED
from orders.fulfilment.services.bulk import ORDER_ACTS


class PlanOrdersInput(KeysOrFilter):
    """Hold, release one's own holds or decide anew, and either the keys of orders or a filter that they match."""

    action = serializers.ChoiceField(choices=ORDER_ACTS)
    keys = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=MANY, required=False
    )
    filter = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text="All that match a query of the list of orders, such as `tab=late&client=northwind`: "
        f"at most {MOST_PLANNED:,}.",
    )

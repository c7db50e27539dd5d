"""Resubmitting held orders, many at a time, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict

from audit.filtering import Question
from audit.rest.pages import given_filters
from audit.rest.views import DeedResource
from exceptions.api.job_shapes import PlanRecordSerializer
from orders.fulfilment.selectors.order_filters import ORDER_FILTERS
from orders.fulfilment.selectors.quarantine import quarantined
from orders.fulfilment.serializers.by_hand import PlanResubmissionInput
from orders.fulfilment.services import resubmitting


class PlanResubmission(DeedResource):
    """Plan to resubmit held orders: which would go on now, and what keeps the others; `POST /plans/{key}/run` does exactly those."""

    permission = resubmitting.PERMISSION
    noun = "order"
    input_class = PlanResubmissionInput
    serializer_class = PlanRecordSerializer

    def do(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Freeze which."""
        if "keys" in given:
            return resubmitting.plan_resubmission(keys=given["keys"], by=self.by, now=now)
        asked = given_filters(QueryDict(given["filter"]))
        found = ORDER_FILTERS.apply(quarantined(self.by), asked, Question(self.by, now))
        return resubmitting.plan_found(found=found, by=self.by, now=now)

"""Resubmitting held orders, many at a time, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.rest.views import DeedResource
from exceptions.api.job_shapes import PlanRecordSerializer
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
        return resubmitting.plan_resubmission(keys=given["keys"], by=self.by, now=now)

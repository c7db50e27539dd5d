"""Putting an order into quarantine, and resubmitting held orders, one or many at a time, for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from audit.filtering import Question
from audit.rest.pages import given_filters
from audit.rest.views import ActResource, DeedResource
from exceptions.api.job_shapes import PlanRecordSerializer
from orders.fulfilment import selectors
from orders.fulfilment.selectors.order_filters import ORDER_FILTERS
from orders.fulfilment.selectors.quarantine import quarantined
from orders.fulfilment.serializers import OrderSerializer
from orders.fulfilment.serializers.by_hand import (
    NoteAddressInput,
    PlanResubmissionInput,
    QuarantineInput,
    ResubmitInput,
)
from orders.fulfilment.services import doubting, quarantine, resubmitting


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


class _OrderAct(ActResource):
    permission = "orders.view_order"
    noun = "order"
    serializer_class: Any = OrderSerializer
    tells_who_was_faster = False

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return selectors.orders_for(self.by)


class Quarantine(_OrderAct):
    """Put an order into quarantine: it stops until somebody has made sure of what is in doubt and resubmits it."""

    input_class = QuarantineInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Stop it."""
        doubting.quarantine_order(order_id=record.pk, **given, seen=self.seen, by=self.by, now=now)


class Resubmit(_OrderAct):
    """Let an order that was put into quarantine by hand go on where it stopped; every thing in doubt has to be confirmed."""

    input_class = ResubmitInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Let it go on."""
        doubting.resubmit_doubted(order_id=record.pk, **given, seen=self.seen, by=self.by, now=now)


class NoteAddress(_OrderAct):
    """Keep what was found out of the address of an order that is held for it; it stays held until it is completed."""

    input_class = NoteAddressInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep it."""
        quarantine.keep_fields(order_id=record.pk, fields=given["address"], seen=self.seen, by=self.by, now=now)

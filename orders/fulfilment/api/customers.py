"""Customers for programs: who looks like whom, merging two that are the same, and splitting what was merged too soon."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from audit import filtering
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.filtering import Filter, FilterSet, Question, UnknownValueError
from audit.rest.views import ActResource, ListResource, RecordResource, Resource
from audit.words import said
from orders.fulfilment.models import Customer
from orders.fulfilment.selectors import customers as found
from orders.fulfilment.serializers import customers as shapes
from orders.fulfilment.services import customers as services
from orders.fulfilment.states import CustomerState, LikenessState, SignKind
from rules import selectors as rules

WORK = services.PERMISSION


class _Customers(Resource):
    permission = "orders.view_order"
    noun = "customer"
    serializer_class: Any = shapes.CustomerSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return found.customers_for(self.by)


class CustomerList(_Customers, ListResource):
    """Customers, newest first."""

    filters = FilterSet(
        filters=(
            filtering.choice("state", "state", CustomerState.values),
            filtering.record_of("client", "client", rules.clients_of),
            filtering.exact("head", "head__key"),
        ),
        sorts={"-created": ("-created_at", "-pk"), "created": ("created_at", "pk")},
    )


class CustomerRecord(_Customers, RecordResource):
    """One customer, what they are known by, and who was merged into them."""

    serializer_class = shapes.CustomerRecordSerializer
    is_whole = False

    def get_serializer_context(self) -> dict[str, Any]:
        """With the way to load the facts."""
        by = self.by
        return {**super().get_serializer_context(), "facts": lambda one: found.customer_facts(by=by, customer=one)}


class _CustomerAct(_Customers, ActResource):
    permission = WORK
    tells_who_was_faster = False


class MergeCustomer(_CustomerAct):
    """Say that a customer is the same as another one, who stands for both from now on."""

    input_class = shapes.MergeInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Merge it."""
        into = _named(self.by, given["into"], "into")
        services.merge_customers(customer_id=record.pk, into_id=into.pk, reason=given["reason"], by=self.by, now=now)


class SplitCustomer(_CustomerAct):
    """Let a merged customer stand for itself again, with its orders; that the two are not the same stays known."""

    input_class = shapes.BecauseInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Split it off."""
        services.split_customer(customer_id=record.pk, **given, by=self.by, now=now)


def _named(by: Actor, key: str, field: str) -> Customer:
    customer = found.customers_for(by).filter(key=key).first()
    if customer is None:
        detail = said("There is no customer %(key)s, or it is not yours to see.", key=key)
        raise Invalid(detail, errors=[FieldError(f"/{field}", "unknown", detail)])
    return customer


def _sharing(value: str, _: Question) -> Q:
    if value not in SignKind.values:
        raise UnknownValueError(f"Sign “{value}” is not known. There are: {', '.join(SignKind.values)}.")
    return Q(signs__contains=[value])


class _Duplicates(Resource):
    permission = "orders.view_order"
    noun = "pair of customers"
    key_field = "pk"
    serializer_class: Any = shapes.LikenessSerializer

    def records(self) -> QuerySet[Any]:
        """Of the asker's clients."""
        return found.likenesses_for(self.by)


class DuplicateList(_Duplicates, ListResource):
    """Pairs of customers that look alike and were not merged, newest first."""

    def records(self) -> QuerySet[Any]:
        """Those that are still two."""
        return found.still_two(super().records())

    filters = FilterSet(
        filters=(
            filtering.choice("state", "state", LikenessState.values),
            filtering.record_of("client", "client", rules.clients_of),
            Filter("sign", "Sign", _sharing, f"one of {', '.join(SignKind.values)}", tuple(SignKind.values)),
        ),
        sorts={"-created": ("-created_at", "-pk"), "created": ("created_at", "pk")},
    )


class DuplicateRecord(_Duplicates, RecordResource):
    """One pair of customers that look alike."""


class _DuplicateAct(_Duplicates, ActResource):
    permission = WORK
    input_class = shapes.BecauseInput
    tells_who_was_faster = False


class MergeDuplicate(_DuplicateAct):
    """Say that the two are the same; the pair is not listed then, and a split brings it back."""

    input_class = shapes.MergePairInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Merge them."""
        services.merge_customers(
            **found.as_merge(record, keep=given["keep"]), reason=given["reason"], by=self.by, now=now
        )


class KeepApart(_DuplicateAct):
    """Say that the two are not the same, whatever they have in common; they are not listed again."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        services.keep_apart(likeness_id=record.pk, **given, by=self.by, now=now)


class AskAgain(_DuplicateAct):
    """Take back that the two are not the same."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it back."""
        services.ask_again(likeness_id=record.pk, **given, by=self.by, now=now)

"""What lists of orders can be narrowed down to: one grammar for the page, saved views, acts on many and programs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet, UUIDField
from django.db.models.functions import Cast
from django.utils.translation import gettext_noop as noop

from audit import filtering
from audit.crypto import blind_index
from audit.filtering import Filter, FilterSet, Question, UnknownValueError
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Customer, Fulfilment, OrderIdentifier
from orders.fulfilment.selectors.parcels import active_holds, orders_having
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, ORDER_FINAL, ORDER_STUCK, HoldReason, OrderState
from orders.sync.selectors import allowed_delay, undelivered
from rules import selectors as rules
from rules.models import Flow, Owner

ORDER: Final = "fulfilment.order"
AT_RISK: Final = timedelta(hours=4)
TABS: Final[Mapping[str, str]] = {
    "all": noop("All"),
    "in-progress": noop("In progress"),
    "partly": noop("Partly fulfilled"),
    "on-hold": noop("On hold"),
    "quarantined": noop("Quarantined"),
    "with-exception": noop("With an exception"),
    "stuck": noop("Cannot go on"),
    "at-risk": noop("Due within 4 h"),
    "late": noop("Late"),
    "shipped-today": noop("Shipped today"),
}


def search(words: str) -> Q:
    """By our key, the client's number, any system's id, or the customer's e-mail address."""
    if "@" in words:
        return Q(address__email_index=blind_index(words))
    named = OrderIdentifier.objects.filter(external_id=words)
    return Q(key=words.upper()) | Q(number=words) | Q(pk__in=named.values("order"))


def ordered_by(keys: Sequence[str]) -> Q:
    """Of these customers, and of everybody they were merged with."""
    return Q(customer__head__in=Customer.objects.filter(key__in=keys).values("head"))


def live_cases() -> QuerySet[ExceptionCase]:
    """The exceptions that are open about orders."""
    return ExceptionCase.objects.live().filter(subject_type=ORDER).order_by()


def holders(order_ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Of orders with open exceptions: how many, and who has the one that is due first. One query.

    That person owns the order now; of an order without one its owner by rule does. The order's page says the same.
    """
    found: dict[str, tuple[int, str]] = {}
    open_cases = live_cases().filter(subject_id__in=order_ids).order_by("due_at", "pk")
    for subject_id, name in open_cases.values_list("subject_id", "owner__name"):
        count, first = found.get(subject_id, (0, name))
        found[subject_id] = (count + 1, first)
    return found


def _held_by(value: str, question: Question) -> Q:
    """Orders that somebody has now, as the list says it."""
    owner = Owner.objects.filter(slug=value).first()
    if owner is None:
        raise UnknownValueError(f"Owner “{value}” is not known.")
    first = live_cases().order_by("subject_id", "due_at", "pk").distinct("subject_id")
    theirs = ExceptionCase.objects.filter(pk__in=first.values("pk"), owner=owner).order_by()
    by_exception = Q(pk__in=theirs.values_list(Cast("subject_id", UUIDField())))
    return by_exception | Q(owner=owner) & ~IN_TAB["with-exception"](question.now)


def _due_soon(now: datetime) -> QuerySet[Fulfilment, UUID]:
    """Orders with a parcel in the house that has to leave, or be answered for, before long."""
    soon = Fulfilment.objects.filter(state__in=FULFILMENT_IN_HOUSE, due_at__gte=now, due_at__lt=now + AT_RISK)
    return soon.values_list("order_id", flat=True)


def _late(now: datetime) -> Q:
    return Q(sla_due_at__lt=now) & ~Q(state__in=[*ORDER_FINAL, OrderState.SHIPPED])


IN_TAB: Final[Mapping[str, Callable[[datetime], Q]]] = {
    "in-progress": lambda _: Q(
        state__in=[OrderState.PAID, OrderState.IN_FULFILMENT, OrderState.PARTLY_SHIPPED, OrderState.SHIPPED]
    ),
    "partly": lambda _: Q(state__in=[OrderState.PARTLY_FULFILLED, OrderState.PARTLY_SHIPPED]),
    "on-hold": lambda _: Q(state=OrderState.ON_HOLD),
    "quarantined": lambda _: Q(state=OrderState.QUARANTINED),
    "with-exception": lambda _: Q(pk__in=live_cases().values_list(Cast("subject_id", UUIDField()))),
    "stuck": lambda _: Q(state__in=ORDER_STUCK),
    "at-risk": lambda now: Q(pk__in=_due_soon(now)),
    "late": _late,
    "shipped-today": lambda now: Q(shipped_at__gte=now - timedelta(days=1)),
}


def _tab(value: str, question: Question) -> Q:
    if value not in TABS:
        raise UnknownValueError(f"Tab “{value}” is not known. There are: {', '.join(TABS)}.")
    return IN_TAB[value](question.now) if value in IN_TAB else ~Q(pk__in=[])


def _held(value: str, _: Question) -> Q:
    if value not in HoldReason.values:
        raise UnknownValueError(f"Hold “{value}” is not known. There are: {', '.join(HoldReason.values)}.")
    return Q(pk__in=active_holds(value).values("order"))


def _having(name: str, label: str, *paths: str) -> Filter:
    def read(value: str, _: Question) -> Q:
        found = Q(pk__in=[])
        for path in paths:
            found |= Q(pk__in=orders_having(path, value))
        return found

    return Filter(name, label, read, "text, compared exactly")


def _behind(value: str, question: Question) -> Q:
    """Whether a system that follows orders has not been told of it for longer than is promised."""
    if value not in {"true", "false"}:
        raise UnknownValueError(f"Behind is true or false, not “{value}”.")
    late = undelivered().filter(subject_type=ORDER, caused_at__lt=question.now - allowed_delay())
    told_late = Q(pk__in=late.order_by().values_list(Cast("subject_id", UUIDField())))
    return told_late if value == "true" else ~told_late


ORDER_FILTERS: Final = FilterSet(
    filters=(
        Filter("tab", "Tab", _tab, f"one of {', '.join(TABS)}", tuple(TABS)),
        Filter("q", "Search", lambda value, _: search(value), "a key, a number, any system's id or an e-mail address"),
        filtering.choice("state", "state", OrderState.values),
        filtering.record_of("client", "client", rules.clients_of),
        filtering.exact("channel", "channel"),
        filtering.record_of("flow", "flow", lambda _: Flow.objects.all()),
        filtering.exact("rule", "decision__rule_slug"),
        filtering.record_of("owner", "owner", lambda _: Owner.objects.all()),
        Filter(
            "holder", "Owner now", _held_by, "an owner's key: who has its most urgent open exception, else its owner"
        ),
        Filter("hold", "Hold", _held, f"one of {', '.join(HoldReason.values)}", tuple(HoldReason.values)),
        _having("sku", "SKU", "lines__sku__code", "bundles__code"),
        _having("carrier", "Carrier", "fulfilments__carrier"),
        _having("vendor", "Vendor", "fulfilments__vendor"),
        Filter("customer", "Customer", lambda value, _: ordered_by([value]), "a customer's key"),
        filtering.flag("test", "is_test"),
        filtering.moment("placed", "placed_at"),
        filtering.moment("promised", "promised_at", ahead=True),
        filtering.moment("due", "sla_due_at", ahead=True),
        filtering.amount("total", "total_minor"),
        filtering.amount("fraud", "fraud_score", scale=1),
        Filter("behind", "Behind", _behind, "true or false", ("true", "false")),
    ),
    sorts={
        "-placed": ("-placed_at", "-pk"),
        "placed": ("placed_at", "pk"),
        "key": ("key",),
        "-key": ("-key",),
        "total": ("total_minor", "pk"),
        "-total": ("-total_minor", "-pk"),
        "state": ("state", "pk"),
        "-state": ("-state", "-pk"),
        "due": ("due_or_last", "pk"),
        "-due": ("-due_or_first", "-pk"),
        "promised": ("promised_or_last", "pk"),
        "-promised": ("-promised_or_first", "-pk"),
    },
)

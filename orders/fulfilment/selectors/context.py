"""What a case shows of its order: facts, last events, what was tried, and the decision; nothing personal."""

import json
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.models import Event
from audit.selectors.pages import names_of
from audit.subject_refs import subject_ref
from audit.words import listed, said, within
from exceptions.subjects import SubjectPage
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.selectors.quarantine import CASES_OF
from orders.fulfilment.states import FULFILMENT_UNCONFIRMED, FulfilmentState, OrderState
from orders.sync.selectors.attempts import attempts_shown

EVENTS_SHOWN = 5


def address_of_order(key: str) -> str:
    """Where the page of the order people call `key` is."""
    return f"/orders/{key}/"


def case_context(order_id: UUID) -> SubjectPage:
    """The order for the page and the payload of a case. Raises `Order.DoesNotExist`."""
    order = Order.objects.select_related("client", "owner", "flow", "decision__book").get(pk=order_id)
    parcels = list(Fulfilment.objects.filter(order=order).order_by("key"))
    url = address_of_order(order.key)
    return SubjectPage(
        title=f"Order {order.key}",
        url=url,
        facts={
            noop("State"): said(str(OrderState(order.state).label)),
            noop("Client"): order.client.name,
            noop("Channel"): order.channel,
            noop("Number"): order.number,
            noop("Flow"): order.flow.name if order.flow else said("not decided yet"),
            noop("Owner"): order.owner.name,
            noop("Value"): f"{order.total_minor / 100:,.2f} {order.currency}",
            noop("Parcels"): listed([_parcel(parcel) for parcel in parcels]) if parcels else said("none"),
        },
        last_events=_last_events(order),
        attempts=_attempts(order, parcels),
        decision=_decision(order),
        links={
            noop("Order"): url,
            noop("Trace"): f"{url}trace/",
            noop("Holds"): f"{url}holds/",
            noop("Export"): f"{url}export.json",
            **({noop("Complete it"): f"/quarantine/{order.key}/"} if order.state in CASES_OF else {}),
        },
    )


def _parcel(parcel: Fulfilment) -> str:
    return said("%(key)s %(state)s", key=parcel.key, state=within(str(FulfilmentState(parcel.state).label)))


def _last_events(order: Order) -> list[dict[str, str]]:
    events = list(
        Event.objects.filter(subject_type="fulfilment.order", subject_id=str(order.pk)).order_by("-seq")[:EVENTS_SHOWN]
    )
    names = names_of(event.actor for event in events)
    return [
        {
            "at": event.at.isoformat(),
            "system": str(json.loads(event.body)["data"].get("system") or "handrail"),
            "event": event.type,
            "result": verbs.sentence(event.type, actor=names[event.actor]),
        }
        for event in events
    ]


def _attempts(order: Order, parcels: list[Fulfilment]) -> list[dict[str, str | int | None]]:
    """The last three tries to reach whoever has not confirmed; where nobody is waited for, to tell anybody about the order."""
    silent = [subject_ref(parcel) for parcel in parcels if parcel.state in FULFILMENT_UNCONFIRMED]
    return attempts_shown(silent or [subject_ref(order), *(subject_ref(parcel) for parcel in parcels)])


def _decision(order: Order) -> dict[str, str | int]:
    if order.decision is None:
        return {}
    outcome = order.decision.outcome
    return {
        "rule": order.decision.rule_slug,
        "book": order.decision.book.number,
        "flow": outcome["flow"],
        "owner": outcome["owner"],
        "fallback": outcome["fallback"],
    }

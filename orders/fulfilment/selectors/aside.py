"""What the page of an exception shows and offers of its order beside its payload."""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.selectors.tokens import fits
from audit.subject_refs import SubjectRef
from audit.words import listed, said, said_again
from exceptions.subjects import SubjectAct, SubjectAside
from orders.fulfilment.models import Export, Fulfilment, Hold, Order, OrderLine
from orders.fulfilment.selectors.context import address_of_order
from orders.fulfilment.states import ORDER_FINAL, HoldReason, HoldState, LineState

MOST_LINES = 2
WORK = "orders.work_order"


def aside_of_order(ref: SubjectRef) -> SubjectAside:
    """Five queries, however large the order is."""
    order = Order.objects.only("key", "state", "channel", "fraud_score", "is_test").get(pk=UUID(ref.id))
    holds = list(Hold.objects.filter(order=order, state=HoldState.ACTIVE).order_by("pk"))
    export = Export.objects.filter(order=order).order_by("-number").only("document").first()
    facts = {
        noop("Holds"): listed([said_again(hold.words, hold.words_kept) for hold in holds]) if holds else said("none")
    }
    if order.fraud_score is not None:
        facts[noop("Fraud score")] = said("%(score)s of 100", score=order.fraud_score)
    if export is not None:
        facts[noop("Audit token")] = said("verified") if fits(export.document) else said("does not fit")
    return SubjectAside(_words(order), facts, _acts(order, holds), order.is_test)


def _words(order: Order) -> str:
    """What of which product, as it was ordered and still stands."""
    lines = OrderLine.objects.filter(order=order).exclude(state=LineState.CANCELLED).order_by("position")
    named = [f"{units} \N{MULTIPLICATION SIGN} {sku}" for units, sku in lines.values_list("quantity", "sku__code")]
    if len(named) > MOST_LINES:
        named[MOST_LINES:] = [said("%(n)s more", n=len(named) - MOST_LINES)]
    return listed([*named, order.channel])


def _acts(order: Order, holds: Sequence[Hold]) -> list[SubjectAct]:
    url, is_open = address_of_order(order.key), order.state not in ORDER_FINAL
    parcels = list(Fulfilment.objects.filter(order=order).order_by("key"))
    by_hand = [hold for hold in holds if hold.reason != HoldReason.QUALITY]
    one = f"{url}holds/{by_hand[0].pk}/release/" if len(by_hand) == 1 else f"{url}holds/"
    possible = [
        (is_open, noop("Place a hold…"), f"{url}holds/"),
        (bool(by_hand), noop("Release a hold…"), one),
        (is_open and bool(parcels), noop("Send another way…"), f"{url}reroute/"),
        (any(parcel.can_be_sent_again for parcel in parcels), noop("Send again…"), f"{url}resend/"),
        (is_open, noop("Cancel the order…"), f"{url}cancel/"),
    ]
    return [SubjectAct(label, address, WORK) for is_possible, label, address in possible if is_possible]


def parcels_to_send_again(order: Order) -> list[Fulfilment]:
    """The parcels of the order whose task nobody has taken on for good, though it was sent."""
    return [parcel for parcel in Fulfilment.objects.filter(order=order).order_by("key") if parcel.can_be_sent_again]

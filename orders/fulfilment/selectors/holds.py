"""What stops an order, and what stopped it before: by whom, why, until when, and what that condition is worth now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.selectors.pages import names_of
from audit.words import said, said_again
from orders.fulfilment.models import Hold, Order, Sku
from orders.fulfilment.selectors.orders import order_for
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.states import HoldReason, HoldSource, HoldState

HOUSE: Final = "system:fulfilment"
# What the kinds of release conditions wait for, and what they are worth while that has not come.
WAITS_FOR: Final[Mapping[str, str]] = {
    "stock": noop("%(quantity)s of %(sku)s are free"),
    "case": noop("%(case)s is closed"),
    "confirmation": noop("%(fulfilment)s is confirmed"),
    "check": noop("%(check)s is passed"),
    "resubmit": noop("it is resubmitted"),
    "person": noop("somebody releases it"),
}
WORTH: Final[Mapping[str, str]] = {
    "case": noop("still open"),
    "confirmation": noop("not confirmed"),
    "check": noop("not passed"),
    "condition": noop("not yet"),
    "resubmit": noop("in quarantine"),
    "person": noop("waiting for a person"),
}


@dataclass(frozen=True)
class HoldFacts:
    """One hold, with its release condition in words and what that condition is worth now; `about` is empty for the whole order."""

    id: str
    about: str
    reason: str
    origin: str
    rule: str
    words: str
    placed_by: str
    placed_at: datetime
    releases_when: str
    is_expression: bool
    now_worth: str
    expires_at: datetime | None
    customer_words: str
    is_active: bool
    released_at: datetime | None
    released_by: str
    released_why: str
    is_mine: bool = False


def order_holds(*, by: Actor, key: str) -> list[HoldFacts]:
    """The holds of one order, those in force first, the newest before the others. Raises `NotFound`."""
    newest_first = holds_of(order_for(by, key), by=by)[::-1]
    return sorted(newest_first, key=lambda hold: not hold.is_active)


def holds_of(order: Order, *, by: Actor | None = None) -> list[HoldFacts]:
    """As they were placed, released ones among them."""
    holds = list(Hold.objects.filter(order=order).select_related("line__sku", "fulfilment").order_by("pk"))
    skus = {hold.release_when["sku"] for hold in holds if hold.release_when["kind"] == "stock"}
    codes = dict(Sku.objects.filter(code__in=skus, client=order.client_id).values_list("pk", "code")) if skus else {}
    there = promisable(sku_ids=list(codes)) if codes else {}
    free = {codes[sku_id]: units for sku_id, units in there.items()}
    names = names_of({actor for hold in holds for actor in (hold.placed_by, hold.released_by) if actor})
    return [_hold(hold, free, names, by) for hold in holds]


def _hold(hold: Hold, free: Mapping[str, int], names: Mapping[str, str], by: Actor | None) -> HoldFacts:
    active, kind = hold.state == HoldState.ACTIVE, hold.release_when["kind"]
    units = free.get(str(hold.release_when.get("sku")), 0)
    worth = _free(units) if kind == "stock" else said(WORTH[kind])
    return HoldFacts(
        id=str(hold.pk),
        about=hold.fulfilment.key if hold.fulfilment else (hold.line.sku.code if hold.line else ""),
        reason=HoldReason(hold.reason).label,
        origin=HoldSource(hold.source).label,
        rule=hold.rule,
        words=said_again(hold.words, hold.words_kept),
        placed_by=names.get(hold.placed_by, hold.placed_by),
        placed_at=hold.placed_at,
        releases_when=str(hold.release_when["when"]) if kind == "condition" else _waits_for(hold),
        is_expression=kind == "condition",
        now_worth=worth if active else said("released"),
        expires_at=hold.expires_at,
        customer_words=hold.customer_words,
        is_active=active,
        released_at=hold.released_at,
        released_by=names.get(hold.released_by, hold.released_by),
        released_why=said(hold.released_why) if hold.released_by == HOUSE else hold.released_why,
        is_mine=by is not None and hold.placed_by == by.id,
    )


def _free(units: int) -> str:
    return said("1 is free") if units == 1 else said("%(n)s are free", n=units)


def _waits_for(hold: Hold) -> str:
    condition = hold.release_when
    if condition["kind"] == "stock" and condition["quantity"] == 1:
        return said("1 of %(sku)s is free", sku=condition["sku"])
    return said(WAITS_FOR[condition["kind"]], **_named(hold))


def _named(hold: Hold) -> dict[str, str]:
    return {name: str(value) for name, value in hold.release_when.items() if name != "kind"}


def hold_named(holds: Sequence[HoldFacts], hold_id: str) -> HoldFacts | None:
    """The hold of this id."""
    return next((hold for hold in holds if hold.id == hold_id), None)

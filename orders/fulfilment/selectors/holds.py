"""What stops an order, and what stopped it before: by whom, why, until when, and what that condition is worth now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.context import Actor
from audit.selectors.pages import names_of
from orders.fulfilment.decisions.holds import in_words
from orders.fulfilment.models import Hold, Order, Sku
from orders.fulfilment.selectors.orders import order_for
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.states import HoldReason, HoldSource, HoldState


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
    worth = {
        "stock": f"{free.get(str(hold.release_when.get('sku')), 0)} are free",
        "case": "still open",
        "confirmation": "not confirmed",
        "check": "not passed",
        "condition": "not yet",
        "person": "waiting for a person",
    }
    return HoldFacts(
        id=str(hold.pk),
        about=hold.fulfilment.key if hold.fulfilment else (hold.line.sku.code if hold.line else ""),
        reason=HoldReason(hold.reason).label,
        origin=HoldSource(hold.source).label,
        rule=hold.rule,
        words=hold.words,
        placed_by=names.get(hold.placed_by, hold.placed_by),
        placed_at=hold.placed_at,
        releases_when=in_words(hold.release_when),
        is_expression=kind == "condition",
        now_worth=worth[kind] if active else "released",
        expires_at=hold.expires_at,
        customer_words=hold.customer_words,
        is_active=active,
        released_at=hold.released_at,
        released_by=names.get(hold.released_by, hold.released_by),
        released_why=hold.released_why,
        is_mine=by is not None and hold.placed_by == by.id,
    )


def hold_named(holds: Sequence[HoldFacts], hold_id: str) -> HoldFacts | None:
    """The hold of this id."""
    return next((hold for hold in holds if hold.id == hold_id), None)

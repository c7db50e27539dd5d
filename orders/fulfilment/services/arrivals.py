"""More units: told by a system, or taken in by hand. Whoever has waited longest gets them in the same act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, Invalid
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Location, SafetyStock, Sku
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.departures import departed_since, let_leave
from orders.fulfilment.services.goods import MAIN, known_locations, known_skus, product_of
from orders.fulfilment.services.settling import release_queue
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.services.stock import arrive, lock_stock


@dataclass(frozen=True)
class Arrival:
    """So many units of a product that came to a place; `lot` and the last day they may be sent where the goods say so."""

    client_id: UUID
    sku: str
    location: str
    quantity: int
    lot: str = ""
    expires_on: date | None = None
    reference: str = ""
    event_id: str = ""
    at: datetime | None = None


def hear_arrivals(*, news: Sequence[News], by: Actor, now: datetime) -> list[UUID]:
    """Take in what systems say has arrived. Returns the orders that were looked at again. Raises `ValueError` naming a bad field."""
    with acting(by, at=now):
        return _take_in([_read(one) for one in news], Changes(now))


def receive_stock(*, sku_id: UUID, arrival: Arrival, reason: str, by: Actor, now: datetime) -> list[UUID]:
    """Take in units of a product by hand, to a place that is known or new. Returns the orders that were looked at again.

    Raises `Invalid` naming the field, `NotFound`, `Refused`.
    """
    with acting(by, at=now, reason=reason_given(reason)):
        sku = product_of(sku_id, by)
        if arrival.expires_on is not None and arrival.expires_on < now.date():
            detail = said("Nothing is taken in that may not be sent any more.")
            raise Invalid(detail, errors=[FieldError("/expires_on", "too-early", detail)])
        changes = Changes(now)
        _refuse_other_date(changes, sku, arrival)
        return _take_in([arrival], changes)


def set_safety_stock(
    *,
    sku_id: UUID,
    location: str,
    units: int,
    reorder_at: int | None = None,
    reorder_units: int | None = None,
    reason: str,
    by: Actor,
    now: datetime,
) -> SafetyStock:
    """Keep so many units of a product back in a place; what is free by that goes to whoever waits.

    When fewer than `reorder_at` are free there (None: than are kept back), at least `reorder_units` more are asked for; 0 asks for nothing
    and calls off what was asked for. Raises `Invalid`, `NotFound`, `Refused`.
    """
    with acting(by, at=now, reason=reason_given(reason)):
        sku = product_of(sku_id, by)
        changes = Changes(now)
        product = lock_stock([sku.pk], changes)[sku.pk]
        place = known_place(sku, location)
        kept, is_new = SafetyStock.objects.get_or_create(item=product.item, location=place, defaults={"units": units})
        if is_new:
            product.watched.append(kept)
        kept = next(one for one in product.watched if one.pk == kept.pk)
        was = 0 if is_new else kept.units
        kept.units, kept.reorder_at, kept.reorder_units = units, reorder_at, reorder_units
        changes.edit(kept, "units", "reorder_at", "reorder_units")
        told: dict[str, Any] = {"units": [was, units], "reorder_at": reorder_at, "reorder_units": reorder_units}
        changes.tell("stock.safety_set", product.item, location=place.slug, **told)
        changes.write()
        release_queue([sku.pk], changes)
    return kept


def known_place(sku: Sku, slug: str) -> Location:
    """The client's place of this name. Raises `Invalid`."""
    place = Location.objects.filter(client=sku.client_id, slug=slug).first()
    if place is None:
        detail = said("“%(place)s” is no place of this client.", place=slug[:80])
        raise Invalid(detail, errors=[FieldError("/location", "unknown", detail)])
    return place


def _take_in(arrivals: Sequence[Arrival], changes: Changes) -> list[UUID]:
    skus = known_skus({(one.client_id, one.sku): Sku(client_id=one.client_id, code=one.sku) for one in arrivals})
    places = known_locations({(one.client_id, one.location) for one in arrivals})
    ids = [sku.pk for sku in skus.values()]
    stock = lock_stock(ids, changes)
    heard = {skus[one.client_id, one.sku].pk: one.at for one in arrivals if one.at}
    left = departed_since(dict.fromkeys(heard, min(heard.values(), default=changes.now)))
    for one in arrivals:
        product, place = stock[skus[one.client_id, one.sku].pk], places[one.client_id, one.location]
        at = one.at or changes.now
        arrive(product, place, one.lot, one.expires_on, one.quantity, at, changes)
        let_leave(product, place, at, left.get(product.item.sku_id, ()), changes)
        told: dict[str, Any] = {
            "units": one.quantity,
            "location": one.location,
            "lot": one.lot,
            "reference": one.reference,
        }
        changes.tell("stock.received", product.item, **told)
        if one.event_id:
            changes.levels.seen[product.item.pk] = one.event_id
        else:
            changes.levels.said[product.item.pk] = current_actor().id
    changes.write()
    return release_queue(ids, changes)


def _refuse_other_date(changes: Changes, sku: Sku, arrival: Arrival) -> None:
    """One lot has one last day everywhere."""
    product: ProductStock = lock_stock([sku.pk], changes)[sku.pk]
    for lot in product.lots:
        if lot.code == arrival.lot != "" and arrival.expires_on not in {None, lot.expires_on} and lot.expires_on:
            detail = said("Lot %(lot)s is known to end on %(day)s.", lot=lot.code, day=lot.expires_on.isoformat())
            raise Invalid(detail, errors=[FieldError("/expires_on", "differs", detail)])


def _read(one: News) -> Arrival:
    quantity = one.data.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise ValueError("quantity must be a whole number from 1.")
    expires_on = one.data.get("expires_on")
    return Arrival(
        client_id=one.client_id,
        sku=str(one.data["sku"]),
        location=str(one.data.get("location") or MAIN),
        quantity=quantity,
        lot=str(one.data.get("lot") or ""),
        expires_on=date.fromisoformat(str(expires_on)) if expires_on else None,
        reference=str(one.data.get("reference") or ""),
        event_id=one.event_id,
        at=one.happened_at,
    )

"""Products as clients' systems speak of them, each with a place on the shelf from the first moment: there is always a row to lock."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from audit.access import require
from audit.context import Actor
from audit.services.events import Entry, record_many
from orders.fulfilment.models import Location, Sku, StockItem
from orders.fulfilment.selectors.parcels import sku_for

Named = tuple[UUID, str]
MAIN: Final = "main"


def product_of(sku_id: UUID, by: Actor) -> Sku:
    """The product, to be worked on. Raises `NotFound` for none and for another client's alike, `Refused`."""
    require(by, "orders.work_order")
    return sku_for(by, sku_id)


def locked_product(sku_id: UUID, by: Actor) -> Sku:
    """As `product_of`; nobody else describes it until the act is over."""
    return Sku.objects.select_for_update().get(pk=product_of(sku_id, by).pk)


def known_skus(wanted: Mapping[Named, Sku]) -> dict[Named, Sku]:
    """The products of these clients and codes; those that are missing are added as given, whoever else adds them at the same moment."""
    found = _find(wanted)
    missing = [wanted[name] for name in sorted(wanted.keys() - found.keys(), key=str)]
    if not missing:
        return found
    Sku.objects.bulk_create(missing, ignore_conflicts=True)
    found = _find(wanted)
    added = [sku for sku in missing if found[sku.client_id, sku.code].pk == sku.pk]
    StockItem.objects.bulk_create([StockItem(sku=sku) for sku in added])
    if added:
        record_many([Entry("sku.added", sku, data={"code": sku.code, "sku_type": sku.sku_type}) for sku in added])
    return found


def known_locations(wanted: Collection[Named]) -> dict[Named, Location]:
    """These places of clients, by client and slug; those that are missing are added, whoever else adds them at the same moment."""
    found = _find_places(wanted)
    missing = [Location(client_id=name[0], slug=name[1]) for name in sorted(set(wanted) - found.keys(), key=str)]
    if not missing:
        return found
    Location.objects.bulk_create(missing, ignore_conflicts=True)
    found = _find_places(wanted)
    added = [place for place in missing if found[place.client_id, place.slug].pk == place.pk]
    if added:
        record_many([Entry("location.added", place, data={"slug": place.slug}) for place in added])
    return found


def _find_places(wanted: Collection[Named]) -> dict[Named, Location]:
    clients, slugs = {client for client, _ in wanted}, {slug for _, slug in wanted}
    rows = Location.objects.filter(client__in=clients, slug__in=slugs)
    return {(place.client_id, place.slug): place for place in rows if (place.client_id, place.slug) in set(wanted)}


def _find(wanted: Mapping[Named, Sku]) -> dict[Named, Sku]:
    clients, codes = {client for client, _ in wanted}, {code for _, code in wanted}
    rows = Sku.objects.filter(client__in=clients, code__in=codes)
    return {(sku.client_id, sku.code): sku for sku in rows if (sku.client_id, sku.code) in wanted}

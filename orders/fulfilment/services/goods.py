"""Products as clients' systems speak of them, each with a place on the shelf from the first moment: there is always a row to lock."""

from collections.abc import Mapping
from uuid import UUID

from audit.services.events import Entry, record_many
from orders.fulfilment.models import Sku, StockItem

Named = tuple[UUID, str]


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


def _find(wanted: Mapping[Named, Sku]) -> dict[Named, Sku]:
    clients, codes = {client for client, _ in wanted}, {code for _, code in wanted}
    rows = Sku.objects.filter(client__in=clients, code__in=codes)
    return {(sku.client_id, sku.code): sku for sku in rows if (sku.client_id, sku.code) in wanted}

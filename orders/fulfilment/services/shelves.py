"""The stock of a product as acts change it: its row locked, with all of its lots and what each place keeps back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db.models import F

from orders.fulfilment.decisions.allocation import Pile, Shelf
from orders.fulfilment.models import Location, SafetyStock, StockItem, StockLot
from orders.fulfilment.states import LotState


@dataclass
class ProductStock:
    """One product's row, its lots (first to expire first, those without a date last), units kept back and watched by place."""

    item: StockItem
    lots: list[StockLot] = field(default_factory=list)
    kept: dict[UUID, int] = field(default_factory=dict)
    watched: list[SafetyStock] = field(default_factory=list)

    def shelf(self, today: date) -> Shelf[UUID]:
        """What may be promised today: nothing recalled, nothing expired, nothing in a place that is closed."""
        usable = [lot for lot in self.lots if lot.state == LotState.USABLE and lot.location.is_active]
        return Shelf(
            [
                Pile(lot.pk, lot.location_id, lot.on_hand - lot.reserved)
                for lot in usable
                if lot.expires_on is None or lot.expires_on >= today
            ],
            self.kept,
        )

    def free_at(self, location_id: UUID, today: date) -> int:
        """Units in this place that may be sent and are set aside for nobody, those that are kept back included."""
        return sum(
            lot.on_hand - lot.reserved
            for lot in self.lots
            if lot.location_id == location_id
            and lot.state == LotState.USABLE
            and (lot.expires_on is None or lot.expires_on >= today)
        )

    def lot(self, pk: UUID) -> StockLot:
        """The lot of this id."""
        return next(lot for lot in self.lots if lot.pk == pk)

    def lots_at(self, location: Location) -> list[StockLot]:
        """What lies in this place."""
        return [lot for lot in self.lots if lot.location_id == location.pk]

    def count_at(self, location_id: UUID) -> StockLot | None:
        """The lot that says when this place was last counted; None if it never was."""
        lots = (lot for lot in self.lots if lot.location_id == location_id and lot.code == "" and lot.counted_at)
        return next(lots, None)

    def add_up(self) -> None:
        """The product has what its lots have."""
        self.item.on_hand = sum(lot.on_hand for lot in self.lots)
        self.item.reserved = sum(lot.reserved for lot in self.lots)


def load_stock(item_ids: Collection[UUID]) -> dict[UUID, ProductStock]:
    """Lock these products' rows by primary key and read what belongs to them, by id; three queries for any number."""
    if not item_ids:
        return {}
    rows = StockItem.objects.select_for_update(of=("self",)).select_related("sku__client").filter(pk__in=item_ids)
    found = {item.pk: ProductStock(item) for item in rows.order_by("pk")}
    in_turn = StockLot.objects.filter(item__in=found).select_related("location")
    for lot in in_turn.order_by(F("expires_on").asc(nulls_last=True), "code", "pk"):
        found[lot.item_id].lots.append(lot)
    for safety in SafetyStock.objects.filter(item__in=found).select_related("location").order_by("pk"):
        product = found[safety.item_id]
        safety.item = product.item
        product.kept[safety.location_id] = safety.units
        product.watched.append(safety)
    return found

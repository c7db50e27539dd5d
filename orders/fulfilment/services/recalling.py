"""Recalling a lot: nothing of it is promised or sent any more, and what was promised is given from another lot or waits."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.models import Fulfilment, Order, Reservation, StockItem, StockLot
from orders.fulfilment.services.calling_off import open_again, write_opened
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.goods import product_of
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import release_queue, settle
from orders.fulfilment.states import FULFILMENT_TOUCHED, LotState, ReservationState

CASE: Final = "lot-recalled"


def recall_lot(*, sku_id: UUID, lot: str, reason: str, by: Actor, now: datetime) -> list[Order]:
    """Take a lot of a product out everywhere. Orders whose units are still on the shelf are planned anew in the same act.

    What is picked or packed is somebody's case. Returns the orders that had units of it set aside. Raises `Invalid` for a lot nobody
    knows, `IllegalTransition` when it is recalled already, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        sku = product_of(sku_id, by)
        item = StockItem.objects.get(sku=sku)
        held = Reservation.objects.filter(stock_item=item, lot__code=lot, state=ReservationState.HELD)
        dockets, changes = load_dockets(set(held.values_list("line__order_id", flat=True))), Changes(now)
        lots = _lots(changes, item, lot, LotState.USABLE)
        late = set(held.values_list("line__order_id", flat=True)) - {docket.order.pk for docket in dockets}
        dockets += load_dockets(late, skip_locked=True) if late else []
        for one in lots:
            one.recall()
            changes.edit(one, "state")
            changes.tell("lot.recalled", one, product=sku.code, lot=lot, client=str(sku.client_id))
        recalled = {one.pk for one in lots}
        for docket in dockets:
            _plan_anew(docket, recalled, lot, changes)
        changes.write()
        settle(dockets, changes)
    return [docket.order for docket in dockets]


def readmit_lot(*, sku_id: UUID, lot: str, reason: str, by: Actor, now: datetime) -> None:
    """Let a recalled lot be sent after all; whoever waits gets it. Raises as `recall_lot`."""
    with acting(by, at=now, reason=reason_given(reason)):
        sku = product_of(sku_id, by)
        changes = Changes(now)
        for one in _lots(changes, StockItem.objects.get(sku=sku), lot, LotState.RECALLED):
            one.readmit()
            changes.edit(one, "state")
            changes.tell("lot.readmitted", one, product=sku.code, lot=lot)
        changes.write()
        release_queue([sku.pk], changes)


def _lots(changes: Changes, item: StockItem, code: str, state: LotState) -> list[StockLot]:
    changes.lock_stock(pk__in=[item.pk])
    lots = [one for one in changes.stock_of(item.pk).lots if one.code == code and code]
    if not lots:
        detail = said("Nothing is known of a lot “%(lot)s” of this product.", lot=code[:80])
        raise Invalid(detail, errors=[FieldError("/lot", "unknown", detail)])
    if all(one.state != state for one in lots):
        now_is = LotState(lots[0].state).label.lower()
        raise IllegalTransition(said("Lot %(lot)s is %(state)s already.", lot=code, state=now_is))
    return [one for one in lots if one.state == state]


def _plan_anew(docket: Docket, recalled: set[UUID], code: str, changes: Changes) -> None:
    concerned = {one.line_id for one in docket.held() if one.lot_id in recalled}
    lines = [line for line in docket.lines if line.pk in concerned]
    in_hand: Mapping[UUID, list[Fulfilment]] = defaultdict(list)
    for line in lines:
        in_hand[line.pk].extend(one for one in docket.parcels_of(line) if one.state in FULFILMENT_TOUCHED)
    if on_shelf := [line for line in lines if not in_hand[line.pk]]:
        open_again(docket, on_shelf, changes)
        write_opened(docket, changes)
    for parcel in {one.key: one for found in in_hand.values() for one in found}.values():
        title = said("%(key)s has units of the recalled lot %(lot)s in it", key=parcel.key, lot=code)
        evidence = {"fulfilment": parcel.key, "lot": code}
        changes.openings.append(Opening(CASE, docket.order, title, f"recall:{code}", evidence))

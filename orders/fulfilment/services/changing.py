"""What is changed of an order after it was placed: lines, address, promises. At once where it is no trouble, else by a decision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from audit.crypto import open_secret, seal_secret
from audit.errors import FieldError, Invalid
from audit.words import said
from orders.fulfilment.decisions.news import News, PlacedLine, happened, moment
from orders.fulfilment.decisions.overrides import ADDRESS, QUANTITY
from orders.fulfilment.decisions.requests import Stage, label_stage
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import OrderAddress, OrderLine, OrderRequest, Sku
from orders.fulfilment.services.addresses import with_contact
from orders.fulfilment.services.asking import Wish, close_request, keep_request
from orders.fulfilment.services.bundles import lines_of, parts_of
from orders.fulfilment.services.calling_off import open_again, write_opened
from orders.fulfilment.services.cancelling import by_position, cancel
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dispatch import book_again
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.gifts import hear_gifts
from orders.fulfilment.services.goods import known_skus
from orders.fulfilment.services.left_alone import keep_contact, keep_promises, note
from orders.fulfilment.services.paying import count_again, keep_stores_word
from orders.fulfilment.services.returning import tell_unknown
from orders.fulfilment.services.ruling import rule_on
from orders.fulfilment.states import (
    ORDER_LEFT_THE_HOUSE,
    AddressVerdict,
    Choice,
    DeliverySla,
    FulfilmentState,
    LineState,
    RequestKind,
    RequestState,
    SkuType,
)

CONTACT: Final = (
    "email",
    "phone",
    "recipient",
    "street",
    "street2",
    "postcode",
    "city",
    "region",
    "country",
    "company",
)
PROMISES: Final = ("promised_at", "delivery_sla")


def change(docket: Docket, news: News, changes: Changes) -> None:
    """Apply what a store has changed. Fewer units are a cancellation of the others; what nobody knows becomes a case."""
    if docket.order.cancelled_at is not None:
        return
    wish = Wish(
        RequestKind.CHANGE,
        happened(news, "changed_at"),
        news.system,
        reason=str(news.data.get("reason") or ""),
        event_id=news.event_id,
    )
    fewer, more, added = _read_lines(docket, news, changes)
    if fewer:
        cancel(docket, replace(wish, kind=RequestKind.CANCEL, lines=fewer), changes)
    if more or added:
        _change_lines(docket, replace(wish, lines=more, change={"added": added} if added else {}), changes)
    hear_gifts(docket, news, wish, changes)
    told = {**dict(news.data.get("address") or {}), **dict(news.data.get("contact") or {})}
    given = keep_contact(docket, told, news, changes)
    if news.data.get("address") and docket.override_of(ADDRESS) is None:
        _change_address(docket, given, replace(wish, kind=RequestKind.ADDRESS), changes)
    _change_promises(docket, news, changes)


def decide_change(docket: Docket, request: OrderRequest, choice: Choice, by: str, changes: Changes) -> None:
    """Do as asked, or leave it as it is. Raises `AlreadyGone` for lines that have left."""
    if choice == Choice.LET_GO:
        if request.kind == RequestKind.ADDRESS and docket.address is not None:
            docket.address.proposed = ""
            changes.edit_address(docket.address)
        close_request(docket, request, choice, RequestState.DECLINED, by, changes)
    elif request.kind == RequestKind.ADDRESS:
        close_request(docket, request, choice, RequestState.DONE, by, changes)
        redirect(docket, changes)
    else:
        lines = by_position(docket, request.lines)
        if any(docket.stage(line) == Stage.GONE for line in lines):
            raise AlreadyGone(said("%(key)s has left: its lines cannot be changed any more.", key=docket.order.key))
        close_request(docket, request, choice, RequestState.DONE, by, changes)
        _apply_lines(docket, request.lines, request.change.get("added", ()), changes)


def _read_lines(
    docket: Docket, news: News, changes: Changes
) -> tuple[dict[str, int], dict[str, int], list[dict[str, Any]]]:
    """Positions with so many units fewer, positions with so many more, and lines the order did not have."""
    fewer: dict[str, int] = {}
    more: dict[str, int] = {}
    added: list[dict[str, Any]] = []
    for row in news.data.get("lines") or ():
        name, wanted = str(row.get("line") or row.get("sku")), int(row["quantity"])
        line = docket.line_called(name, live=True)
        wishes = {line: wanted} if line else _of_bundle(docket, name, wanted)
        for one, units in wishes.items():
            if units and (by_hand := docket.override_of(QUANTITY, one)) is not None:
                note(by_hand, str(units), news, changes)
            elif units != one.quantity:
                (fewer if units < one.quantity else more)[str(one.position)] = abs(units - one.quantity)
        if not wishes and row.get("sku") and wanted:
            added.append(
                {name: row[name] for name in ("sku", "quantity", "unit_minor", "sku_type", "vendor") if name in row}
            )
        elif not wishes:
            tell_unknown(docket, news, [name], changes)
    return fewer, more, added


def _of_bundle(docket: Docket, name: str, wanted: int) -> dict[OrderLine, int]:
    """How many units of each part so many of the bundle are; what is cancelled of it stays so."""
    live = [line for line in docket.inside(name) if line.state != LineState.CANCELLED]
    return {line: wanted * (line.per_bundle or 1) for line in live}


def _change_lines(docket: Docket, wish: Wish, changes: Changes) -> None:
    stages = [docket.stage(line) for line in by_position(docket, wish.lines)]
    if docket.order.state in ORDER_LEFT_THE_HOUSE:
        stages.append(Stage.GONE)
    stage = next((one for one in (Stage.GONE, Stage.IN_HOUSE) if one in stages), Stage.UNTOUCHED)
    units = sum(wish.lines.values()) + sum(int(row["quantity"]) for row in wish.change.get("added", ()))
    ruling = rule_on(docket, RequestKind.CHANGE, changes, stage=stage, units=units)
    keep_request(docket, wish, ruling, changes)
    if ruling.choice == Choice.AT_ONCE:
        _apply_lines(docket, wish.lines, wish.change.get("added", ()), changes)


def _apply_lines(docket: Docket, more: Mapping[str, int], added: Sequence[Mapping[str, Any]], changes: Changes) -> None:
    order, units = docket.order, by_position(docket, more)
    keep_stores_word(docket, changes)
    if units:
        open_again(docket, list(units), changes)
    for line, count in units.items():
        line.quantity += count
        order.total_minor += line.unit_minor * count
        changes.edit(line, "quantity")
    for row in added:
        order.total_minor += _add_line(docket, row, changes)
    changes.edit(order, "total_minor")
    changes.tell("order.changed", order, lines=dict(more), added=len(added))
    write_opened(docket, changes)
    count_again(docket, changes)


def _add_line(docket: Docket, row: Mapping[str, Any], changes: Changes) -> int:
    """What the order costs more with it."""
    client_id, code = docket.order.client_id, str(row["sku"])
    sku_type, vendor = str(row.get("sku_type") or SkuType.STOCK), str(row.get("vendor") or "")
    skus = known_skus({(client_id, code): Sku(client_id=client_id, code=code, sku_type=sku_type, vendor=vendor)})
    placed = PlacedLine(code, "", sku_type, vendor, int(row["quantity"]), int(row.get("unit_minor") or 0))
    taken = [*(one.position for one in docket.lines), *(one.position for one in docket.bundles)]
    bundles, lines = lines_of(
        docket.order, [placed], {code: skus[client_id, code]}, parts_of(skus.values()), after=max(taken, default=0)
    )
    changes.add(*bundles, *lines)
    docket.lines += lines
    return placed.unit_minor * placed.quantity


def _change_address(docket: Docket, given: Mapping[str, Any], wish: Wish, changes: Changes) -> None:
    stage = label_stage([parcel.state for parcel in docket.parcels if parcel.state != FulfilmentState.CANCELLED])
    ruling = rule_on(docket, RequestKind.ADDRESS, changes, stage=stage)
    keep_request(docket, wish, ruling, changes)
    if ruling.choice == Choice.REFUSE:
        return
    if docket.address is None:
        docket.address = OrderAddress(order=docket.order, raw="", verdict=AddressVerdict.UNCHECKED)
        changes.add(docket.address)
    docket.address.proposed = seal_secret(json.dumps({name: given[name] for name in CONTACT if given.get(name)}))
    changes.edit_address(docket.address)
    if ruling.choice == Choice.AT_ONCE:
        redirect(docket, changes)


def redirect(docket: Docket, changes: Changes) -> None:
    """What was proposed is the address now, to be checked like any other; whoever has the old one is told the new."""
    address = docket.address
    if address is None or not address.proposed:
        raise Invalid(said("No other address is known."), errors=[FieldError("/address", "missing", "There is none.")])
    proposed = with_contact(address, json.loads(open_secret(address.proposed)))
    address.raw, address.standard, address.proposed = seal_secret(json.dumps(proposed)), "", ""
    address.verdict, address.problems = AddressVerdict.UNCHECKED, []
    changes.edit_address(address)
    changes.tell("order.address_changed", docket.order)
    send_anew(docket, changes)


def send_anew(docket: Docket, changes: Changes) -> None:
    """What goes to the address of the order gets another label, or another task where it is not packed yet."""
    address = docket.address
    going_there = [line for line in docket.live_lines() if docket.goes_to(line) is address]
    parcels = {parcel.pk: parcel for line in going_there for parcel in docket.parcels_of(line)}
    packed = [parcel for parcel in parcels.values() if parcel.state == FulfilmentState.PACKED]
    for parcel in packed:
        book_again(docket, parcel, changes)
    unpacked = [
        line
        for line in going_there
        if line.state == LineState.IN_FULFILMENT and not set(docket.parcels_of(line)) & set(packed)
    ]
    if unpacked:
        open_again(docket, unpacked, changes)
        write_opened(docket, changes)


def _change_promises(docket: Docket, news: News, changes: Changes) -> None:
    """The delivery date and speed the customer was told."""
    order = docket.order
    told: dict[str, Any] = {}
    if (promised := moment(news.data.get("promised_at"))) is not None:
        told["promised_at"] = promised
    if (sla := news.data.get("delivery_sla")) in DeliverySla.values:
        told["delivery_sla"] = sla
    free = keep_promises(docket, told, news, changes)
    different = {name: value for name, value in free.items() if getattr(order, name) != value}
    for name, value in different.items():
        setattr(order, name, value)
    if different:
        changes.edit(order, *different)
        changes.tell("order.changed", order, event=news.event_id, fields=sorted(different))

"""What of an order is a gift: kept when it comes, changed while it is not packed. What is personal of it is only ever sealed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from audit.crypto import open_secret, seal_secret
from audit.words import said
from orders.fulfilment.decisions.gifts import Gift, read_gift
from orders.fulfilment.decisions.news import News, PlacedLine
from orders.fulfilment.decisions.requests import Ruling
from orders.fulfilment.models import GiftCard, Order, OrderGift, OrderLine
from orders.fulfilment.services.asking import Wish, keep_request
from orders.fulfilment.services.calling_off import open_again, write_opened
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.returning import tell_unknown
from orders.fulfilment.states import FULFILMENT_GONE, AddressVerdict, Choice, FulfilmentState, LineState

PACKED: Final = (FulfilmentState.PACKED, FulfilmentState.REJECTED, *FULFILMENT_GONE)
ONLY_UNPACKED: Final = "gift-until-packed"


def keep_gifts(order: Order, placed: Sequence[PlacedLine], lines: Sequence[OrderLine], changes: Changes) -> None:
    """Note which lines of an order that is coming in are gifts; what was sold as one is given as one."""
    sold_in = {line.position: line.bundle.position for line in lines if line.bundle}
    gifts: dict[int, Gift] = {}
    for position, one in enumerate(placed, start=1):
        if one.gift is not None:
            gifts.setdefault(sold_in.get(position, position), one.gift)
    for position, gift in gifts.items():
        record = _new(order, position, changes)
        _tell(record, _write(record, gift), changes)


def hear_gifts(docket: Docket, news: News, wish: Wish, changes: Changes) -> None:
    """What a store says of gifts when it changes an order. What is packed stays as it is, and the request says so."""
    packed: list[int] = []
    for row in news.data.get("lines") or ():
        if "gift" in row and row.get("quantity"):
            name = str(row.get("line") or row.get("sku"))
            position = giftable(docket, name)
            if position is None:
                tell_unknown(docket, news, [name], changes)
            elif is_packed(docket, position):
                packed.append(position)
            else:
                give(docket, position, read_gift(row["gift"]), changes)
    if packed:
        named = ", ".join(map(str, packed))
        why = said("It is packed already, so the gift in line %(lines)s stays as it is.", lines=named)
        keep_request(docket, wish, Ruling(ONLY_UNPACKED, Choice.REFUSE, why, book=changes.book.number), changes)


def giftable(docket: Docket, name: str) -> int | None:
    """The number of what is given: of the line or bundle that is called so, by number or product; a line in a bundle is given with it."""
    if inside := [line for line in docket.inside(name) if line.state != LineState.CANCELLED]:
        return docket.given_as(inside[0])
    line = docket.line_called(name, live=True)
    return docket.given_as(line) if line else None


def is_packed(docket: Docket, position: int) -> bool:
    """Whether what is given is packed, or has left: a card cannot be put in any more."""
    lines = docket.lines_given_as(position)
    packed = any(parcel.state in PACKED for line in lines for parcel in docket.parcels_of(line))
    return packed or docket.order.cancelled_at is not None


def give(docket: Docket, position: int, gift: Gift | None, changes: Changes) -> None:
    """It is this gift from now on, or none; what is under way otherwise is called back and planned anew."""
    record = docket.gifts.get(position)
    if record is None:
        if gift is None:
            return
        record = docket.gifts[position] = _new(docket.order, position, changes)
    different = _write(record, gift)
    if not different:
        return
    changes.edit(record, "wrap", "is_active")
    changes.edit_address(record.card)
    changes.edit(docket.order, "number")  # for its version alone: whoever looked at the order before saw another gift
    _tell(record, different, changes)
    if under_way := [line for line in docket.lines_given_as(position) if line.state == LineState.IN_FULFILMENT]:
        open_again(docket, under_way, changes)
        write_opened(docket, changes)


def _new(order: Order, position: int, changes: Changes) -> OrderGift:
    record = OrderGift(order=order, position=position)
    changes.add(record, GiftCard(gift=record))
    return record


def _write(record: OrderGift, gift: Gift | None) -> list[str]:
    """Put it into the record and its card, sealed; the names of what is different by that."""
    card, wanted = record.card, gift or Gift()
    before = {"wrap": record.wrap, "message": _open(card.message), "address": json.loads(_open(card.raw) or "{}")}
    after: Mapping[str, Any] = {
        "wrap": before["wrap"] if wanted.wrap is None else wanted.wrap,
        "message": before["message"] if wanted.message is None else wanted.message,
        "address": before["address"] if wanted.address is None else dict(wanted.address),
    }
    different = [name for name, value in after.items() if value != before[name]]
    if record._state.adding or record.is_active != (gift is not None):
        different.append("gift")
    record.is_active, record.wrap = gift is not None, after["wrap"]
    if "message" in different:
        card.message = seal_secret(after["message"]) if after["message"] else ""
    if "address" in different:
        card.raw = seal_secret(json.dumps(after["address"])) if after["address"] else ""
        card.standard, card.verdict, card.problems = "", AddressVerdict.UNCHECKED, []
    return different


def _open(sealed: str) -> str:
    return open_secret(sealed) if sealed else ""


def _tell(record: OrderGift, different: Sequence[str], changes: Changes) -> None:
    told: dict[str, Any] = {"line": str(record.position), "fields": sorted(different)}
    changes.tell("order.gift_said", record.order, wanted=record.is_active, wrap=record.wrap, **told)

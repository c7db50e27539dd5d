"""What can be set by hand: how it stands, whether it can still be set, and putting it where it belongs.

Where units or labels depend on it, what was planned for them is called off and planned anew, like any change of an order.
"""

from collections.abc import Callable
from typing import Any, Final, NoReturn

from audit.crypto import open_secret, seal_secret
from audit.errors import FieldError, IllegalTransition, Invalid
from audit.words import said
from orders.fulfilment.decisions.addresses import check_address
from orders.fulfilment.decisions.overrides import (
    ADDRESS,
    IN_THE_ADDRESS,
    INSTRUCTIONS,
    OF_A_LINE,
    ORDER_FIELDS,
    PHONE,
    QUANTITY,
    SUBSTITUTE,
    address_text,
)
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import BundlePart, OrderAddress, OrderLine, Override, Sku
from orders.fulfilment.selectors.addresses import problem_in_words
from orders.fulfilment.services.addresses import contact_of, put_phone
from orders.fulfilment.services.calling_off import open_again, write_opened
from orders.fulfilment.services.cancelling import worth, worth_less
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.changing import redirect, send_anew
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.packing import MOVABLE
from orders.fulfilment.services.paying import count_again, keep_stores_word, owe
from orders.fulfilment.states import FULFILMENT_GONE, FULFILMENT_ON_SHELF, LineState, RequestKind

SENT_WITH: Final = (ADDRESS, INSTRUCTIONS)  # on their way once a parcel has left
FEWER: Final = "fewer units are sent"


def stands(docket: Docket, field: str, line: OrderLine | None) -> str:
    """What the field is now, as text."""
    if field in IN_THE_ADDRESS:
        return _of_address(docket.address, field) if docket.address else ""
    if line is not None:
        return line.sku.code if field == SUBSTITUTE else str(line.quantity)
    return ORDER_FIELDS[field].write(getattr(docket.order, field))


def _of_address(address: OrderAddress, field: str) -> str:
    if field == INSTRUCTIONS:
        return open_secret(address.instructions) if address.instructions else ""
    known = contact_of(address)
    return str(known.get(PHONE) or "") if field == PHONE else address_text(known)


def refuse_late(docket: Docket, field: str, line: OrderLine | None) -> None:
    """Raises `AlreadyGone` for what has left with the value, `IllegalTransition` for units that are picked or not sent any more."""
    key = docket.order.key
    if field in SENT_WITH and any(parcel.state in FULFILMENT_GONE for parcel in docket.parcels):
        raise AlreadyGone(said("%(key)s has left: that cannot be changed any more.", key=key))
    if line is None:
        return
    parcels = docket.parcels_of(line)
    if any(parcel.state in FULFILMENT_GONE for parcel in parcels):
        raise AlreadyGone(said("%(key)s has left: that cannot be changed any more.", key=parcels[0].key))
    if line.state not in MOVABLE or docket.order.cancelled_at is not None:
        raise IllegalTransition(said("The line is not to be sent any more."))
    for parcel in parcels:
        if parcel.state not in FULFILMENT_ON_SHELF:
            raise IllegalTransition(said("%(key)s is picked already: what is in it stays so.", key=parcel.key))


def read_value(docket: Docket, field: str, line: OrderLine | None, text: str) -> str:
    """The text in one way of writing, where this order may have it. Raises `Invalid` naming what is wrong."""
    try:
        read = ORDER_FIELDS[field].read(text)
    except ValueError as wrong:
        _refuse("invalid", str(wrong))
    if field in IN_THE_ADDRESS and docket.address is None:
        _refuse("elsewhere", said("The store of this order keeps its address: change it there."))
    if field == ADDRESS:
        _refuse_address(docket, read)
        return address_text(read)
    if line is not None:
        _refuse_for_line(line, field, read)
    return text if field in OF_A_LINE else ORDER_FIELDS[field].write(read)


def _refuse_address(docket: Docket, given: dict[str, str]) -> None:
    if docket.undecided(RequestKind.ADDRESS):
        raise IllegalTransition(said("The customer asked for another address already: decide about that first."))
    verdict = check_address(given)
    if errors := [
        FieldError(f"/{one.field}", one.code, problem_in_words(one.field, one.code)) for one in verdict.problems
    ]:
        raise Invalid(said("This cannot be shipped to: %(detail)s.", detail=errors[0].detail), errors=errors)
    if docket.order.country and verdict.address["country_code"] != docket.order.country:
        words = said("It was ordered to another country: tax and way depend on that, so the store has to change it.")
        raise Invalid(words, errors=[FieldError("/country_code", "other-country", words)])


def _refuse_for_line(line: OrderLine, field: str, value: Any) -> None:
    if line.bundle_id is not None:
        _refuse("bundle", said("It is a part of a bundle: what is in that is sold as one."))
    if field == QUANTITY and value >= line.quantity:
        _refuse("too-large", said("%(n)s are planned: say fewer than that, at least one.", n=line.quantity))
    if field == SUBSTITUTE and value != line.sku.code:
        sku = _product(line, value)
        if (sku.sku_type, sku.vendor) != (line.sku_type, line.vendor):
            _refuse(
                "other-way", said("“%(sku)s” is not sent by the same house, so it cannot take its place.", sku=value)
            )
        if BundlePart.objects.filter(bundle=sku, is_active=True).exists():
            _refuse("bundle", said("“%(sku)s” is a bundle: several products cannot take the place of one.", sku=value))


def _product(line: OrderLine, code: str) -> Sku:
    sku = Sku.objects.filter(client=line.order.client_id, code=code).first()
    if sku is None:
        _refuse("unknown", said("“%(sku)s” is no product of this client.", sku=code[:80]))
    return sku


def _refuse(code: str, words: str) -> NoReturn:
    raise Invalid(words, errors=[FieldError("/value", code, words)])


def put(docket: Docket, field: str, line: OrderLine | None, text: str, changes: Changes) -> None:
    """It is so from now on."""
    places: dict[str, Callable[[], None]] = {
        ADDRESS: lambda: _put_address(docket, text, changes),
        PHONE: lambda: _put_phone(docket, text, changes),
        INSTRUCTIONS: lambda: _put_instructions(docket, text, changes),
    }
    if line is not None:
        _put_in_line(docket, line, field, text, changes)
    elif field in places:
        places[field]()
    else:
        setattr(docket.order, field, ORDER_FIELDS[field].read(text))
        changes.edit(docket.order, field)
    told: dict[str, Any] = {"line": line.position} if line else {}
    changes.tell("order.overridden", docket.order, field=field, **told)


def _put_address(docket: Docket, text: str, changes: Changes) -> None:
    if docket.address is not None:
        docket.address.proposed = seal_secret(text)
        redirect(docket, changes)


def _put_phone(docket: Docket, text: str, changes: Changes) -> None:
    if docket.address is not None:
        put_phone(docket.address, text, changes)


def _put_instructions(docket: Docket, text: str, changes: Changes) -> None:
    if docket.address is not None:
        docket.address.instructions = seal_secret(text) if text else ""
        changes.edit_address(docket.address)
        send_anew(docket, changes)


def _put_in_line(docket: Docket, line: OrderLine, field: str, text: str, changes: Changes) -> None:
    """Its parcel is called off and what was set aside put back, then it is planned as it is now."""
    new = _product(line, text) if field == SUBSTITUTE else line.sku
    changes.lock_stock(sku__in={line.sku_id, new.pk})  # both at once: no two who swap them wait for each other
    open_again(docket, [line], changes)
    if field == QUANTITY:
        line.quantity = int(text)
        changes.edit(line, "quantity")
    write_opened(docket, changes)
    if field == SUBSTITUTE:
        ordered = line.ordered_as or line.sku.code
        line.sku, line.ordered_as = new, "" if new.code == ordered else ordered
        line.queued_at = (
            changes.now if line.state == LineState.BACK_ORDERED else None
        )  # whoever waits for it was here first
        changes.edit(line, "sku", "ordered_as", "queued_at")


def take_over(docket: Docket, override: Override, changes: Changes) -> None:
    """It is so for everybody: units that are not sent are not paid for either."""
    line = override.line
    if override.field != QUANTITY or line is None:
        return
    units = {line: _left_out(override)}
    worth_less(docket, units, changes)
    changes.tell("order.changed", docket.order, lines={str(line.position): -_left_out(override)})
    owe(docket, worth(docket, units), FEWER, changes)
    count_again(docket, changes)


def put_back(docket: Docket, override: Override, said_since: str, changes: Changes) -> None:
    """It is again what the systems say. Units that were left out are sent after all, besides those that were cancelled meanwhile."""
    field, line = override.field, override.line
    if line is not None and line.state == LineState.CANCELLED:
        take_over(docket, override, changes)
    elif field == QUANTITY and line is not None:
        before = line.quantity + _left_out(override)
        put(docket, field, line, said_since if override.heard_at else str(before), changes)
        _settle_up(docket, line, line.quantity - before, changes)
    else:
        put(docket, field, line, said_since, changes)


def _left_out(override: Override) -> int:
    return int(override.canonical) - int(override.local)


def _settle_up(docket: Docket, line: OrderLine, more: int, changes: Changes) -> None:
    """What the store has said meanwhile costs more or less than what was ordered."""
    if more < 0:
        units = {line: -more}
        worth_less(docket, units, changes)
        owe(docket, worth(docket, units), FEWER, changes)
    elif more > 0:
        keep_stores_word(docket, changes)
        docket.order.total_minor += line.unit_minor * more
        changes.edit(docket.order, "total_minor")
    if more:
        count_again(docket, changes)

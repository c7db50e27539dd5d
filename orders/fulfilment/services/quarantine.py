"""Completing orders that are held for what is missing. Each goes on from where it stopped; nothing before is repeated."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.crypto import open_secret
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, StaleVersion
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions.addresses import FIELDS, check_address
from orders.fulfilment.decisions.news import PlacedLine
from orders.fulfilment.decisions.suggestions import suggest
from orders.fulfilment.models import Order, Sku
from orders.fulfilment.selectors.addresses import problem_in_words
from orders.fulfilment.services.addresses import note_address
from orders.fulfilment.services.bundles import lines_of, parts_of
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.resuming import correct_address, refuse_before_audit
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import OrderState

MOST_LINES = 50


@dataclass(frozen=True)
class NewLine:
    """So many of one product, at this price each."""

    sku: str
    quantity: int
    unit_minor: int


def complete_address(
    *,
    order_id: UUID,
    fields: Mapping[str, str],
    accept_suggestions: bool = False,
    reason: str,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> Order:
    """Put these fields (and, when asked, what is suggested for the failing ones) into the address, and let the order go on.

    What is not given stays as it was. Raises `Invalid` naming every field that still fails and every audit step nobody has done,
    `StaleVersion` when the order changed since it was looked at, `IllegalTransition` when it is not held for its address.
    """
    with acting(by, at=now, reason=reason.strip()):
        docket = _held(order_id, OrderState.ADDRESS_INVALID, reason, by, seen)
        address = docket.address
        known = dict(check_address(json.loads(open_secret(address.standard or address.raw)) if address else {}).address)
        if accept_suggestions:
            known |= {one.field: one.value for one in suggest(known)}
        known |= {name: value for name, value in fields.items() if name in FIELDS and value.strip()}
        return correct_address(order_id=order_id, address=known, by=by, now=now, reason=reason.strip())


def keep_fields(
    *, order_id: UUID, fields: Mapping[str, str], by: Actor, now: datetime, seen: int | None = None
) -> Order:
    """Keep what was found out of an address so far. The order stays held, also where nothing is missing any more, until it is resubmitted.

    What is not given stays as it was. Raises `Invalid` for a field that is too long, `StaleVersion` and `IllegalTransition` as
    `complete_address` does.
    """
    with acting(by, at=now):
        docket = _seen(order_id, OrderState.ADDRESS_INVALID, by, seen)
        order, stored = docket.order, docket.address
        known = json.loads(open_secret(stored.standard or stored.raw)) if stored else {}
        given = {name: value.strip() for name, value in fields.items() if name in FIELDS and value.strip()}
        verdict = check_address({**check_address(known).address, **given})
        too_long = [
            FieldError(f"/{one.field}", one.code, problem_in_words(one.field, one.code))
            for one in verdict.problems
            if one.code == "too_long"
        ]
        if too_long:
            raise Invalid(too_long[0].detail, errors=too_long)
        changes = Changes(now)
        changes.edit(order, "country")  # the order as others looked at it is not the newest any more
        note_address(docket, verdict, changes)
        changes.tell("order.address_noted", order, fields=sorted(given))
        changes.write()
    return order


def complete_lines(
    *, order_id: UUID, lines: Sequence[NewLine], reason: str, by: Actor, now: datetime, seen: int | None = None
) -> Order:
    """Give an order without lines its lines, and let it go on. Raises as `complete_address` does."""
    with acting(by, at=now, reason=reason.strip()):
        docket = _held(order_id, OrderState.QUARANTINED, reason, by, seen)
        if docket.doubts:
            raise IllegalTransition(
                said("%(key)s has its lines: something else of it is in doubt.", key=docket.order.key)
            )
        skus = _skus(docket.order, lines)
        changes = Changes(now)
        placed = [_placed(line, skus[line.sku]) for line in lines]
        bundles, added = lines_of(docket.order, placed, skus, parts_of(skus.values()))
        changes.add(*bundles, *added)
        docket.lines += added
        changes.tell("order.completed", docket.order, lines=len(lines))
        changes.write()
        settle([docket], changes)
    return docket.order


def _held(order_id: UUID, state: OrderState, reason: str, by: Actor, seen: int | None) -> Docket:
    docket = _seen(order_id, state, by, seen)
    reason_given(reason)
    refuse_before_audit(docket.order)
    return docket


def _seen(order_id: UUID, state: OrderState, by: Actor, seen: int | None) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound("There is no such order, or it is not yours to see.")
    order = dockets[0].order
    require(by, "orders.work_order", order)
    if order.state != state:
        raise IllegalTransition(
            said(
                "%(key)s is not held for this any more: it is “%(state)s”.",
                key=order.key,
                state=said(order.get_state_display()),
            )
        )
    if seen is not None and seen != order.version:
        raise StaleVersion(said("%(key)s was changed since you looked at it. Look again, then decide.", key=order.key))
    return dockets[0]


def _placed(line: NewLine, sku: Sku) -> PlacedLine:
    return PlacedLine(line.sku, sku.name, sku.sku_type, sku.vendor, line.quantity, line.unit_minor)


def _skus(order: Order, lines: Sequence[NewLine]) -> dict[str, Sku]:
    if not 0 < len(lines) <= MOST_LINES:
        detail = said("Give at least one line, at most %(value)s.", value=MOST_LINES)
        raise Invalid(detail, errors=[FieldError("/lines", "required", detail)])
    skus = {sku.code: sku for sku in Sku.objects.filter(client=order.client_id, code__in={line.sku for line in lines})}
    errors = [
        FieldError(f"/sku-{place}", "unknown", said("“%(sku)s” is no product of this client.", sku=line.sku[:80]))
        for place, line in enumerate(lines)
        if line.sku not in skus
    ]
    errors += [
        FieldError(f"/quantity-{place}", "too-small", "At least one, and a price that is not negative.")
        for place, line in enumerate(lines)
        if line.quantity < 1 or line.unit_minor < 0
    ]
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    return skus

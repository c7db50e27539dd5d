"""Handing out tasks: to the warehouse or vendor that sends a parcel, and to the carrier when it is packed.

Nothing is handed out of an order that may not proceed: holds, quality checks, address, review and live time-limited exceptions are asked
here, under the order's lock, in the transaction that hands out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from audit.crypto import open_secret
from exceptions.services import Use
from orders.fulfilment.decisions.fallbacks import ruled_owner
from orders.fulfilment.models import Fulfilment, Hold, OrderLine
from orders.fulfilment.services.addresses import shipping_address
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.messages import Message
from orders.fulfilment.services.unchecked import tell_skipped
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, FulfilmentState, HoldReason, StepKind
from rules import selectors as rules
from rules.states import CheckPoint, FlowKind

CARRIER, CRM = "ship", "crm"
TASK_CONTRACT = "task.requested"
TASK_OF_FLOW = {FlowKind.WAREHOUSE: ("wms", "pick_pack"), FlowKind.DROP_SHIP: ("vendor", "drop_ship")}


def dispatch(dockets: Sequence[Docket], changes: Changes) -> None:
    """Send the tasks of all planned and packed parcels that may go."""
    for docket in dockets:
        if not docket.may_proceed:
            continue
        for parcel in docket.parcels:
            if docket.holding(parcel):
                continue
            if parcel.state == FulfilmentState.PLANNED and not docket.unchecked(parcel, CheckPoint.PICK):
                tell_skipped(docket, parcel, CheckPoint.PICK, changes)
                send_task(docket, parcel, changes)
            elif parcel.shipment_id is None and may_be_booked(docket, parcel):
                book_carrier(docket, parcel, changes)


def may_be_booked(docket: Docket, parcel: Fulfilment) -> bool:
    """Whether it is packed, nothing keeps it here, and a carrier has not taken it yet."""
    packed = parcel.state == FulfilmentState.PACKED and not parcel.tracking_number
    return packed and not docket.holding(parcel) and not docket.unchecked(parcel, CheckPoint.BOOKING)


def send_task(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """Ask whoever sends this parcel to do so; what has to come of it is expected from now on."""
    layer, kind = TASK_OF_FLOW[FlowKind(parcel.flow.kind)]
    parcel.send_task()
    parcel.round += 1
    parcel.tasked_at = changes.now
    if not parcel.picker and layer != "vendor":
        parcel.picker = changes.pickers.assign(parcel)
    parcel.manifest = f"PM-{parcel.key}-{parcel.round}"
    parcel.task_message = f"{parcel.key}/{kind}/{parcel.round}"
    changes.edit(parcel, "state", "round", "tasked_at", "picker", "manifest", "task_message")
    told: dict[str, Any] = {"order": docket.order.key, "to": layer, "round": parcel.round}
    if docket.passes_by:
        told["allowed_by"] = docket.passes_by
        changes.uses.append(Use(docket.passes_by, parcel.key))
    changes.tell("fulfilment.tasked", parcel, **told)
    changes.messages.append(_message(docket, parcel, layer, kind, parcel.task_message))
    changes.expecting.begin(docket.order, parcel, changes.book)


def book_carrier(docket: Docket, parcel: Fulfilment, changes: Changes, **together: Any) -> str:
    """Ask the carrier to collect it, and what goes `together` with it where the contract has words for that; the message's key.

    The key is the same every time, so asking twice books once.
    """
    tell_skipped(docket, parcel, CheckPoint.BOOKING, changes)
    message = _message(docket, parcel, "carrier", CARRIER, f"{parcel.key}/{CARRIER}/{parcel.round}")
    more = replace(message, payload={**message.payload, **together})
    changes.messages.append(more if together and _is_agreed(more.payload) else message)
    return message.key


def _message(docket: Docket, parcel: Fulfilment, layer: str, kind: str, key: str) -> Message:
    order = docket.order
    contents = docket.contents.get(parcel.pk, [])
    cards = kind in {one for _, one in TASK_OF_FLOW.values()}
    lines = [
        {
            "sku": one.line.sku.code,
            "quantity": one.quantity,
            **_bundle_of(one.line),
            **_lots_of(docket, one.line),
            **(_card_of(docket, one.line) if cards else {}),
        }
        for one in contents
    ]
    held = [one for content in contents for one in docket.reservations.get(content.line.pk, ())]
    payload: dict[str, Any] = {
        "task": parcel.key,
        "kind": kind,
        "order": order.key,
        "client": order.client.slug,
        "number": order.number,
        "lines": lines,
        **_ownership(docket),
    }
    if parcel.due_at is not None:
        payload["due_at"] = parcel.due_at.isoformat()
    if held:
        payload["location"] = held[0].lot.location.slug
    if any(docket.gift_of(one.line) for one in contents):
        payload["no_prices"] = True
    if address := shipping_address(docket.goes_to(contents[0].line) if contents else docket.address):
        payload["address"] = address
    if order.preferred_carrier:
        payload["preferred_carrier"] = order.preferred_carrier
    prefers = order.preferred_carrier if layer == "carrier" else ""
    if "instructions" in address and not _is_agreed(payload):
        payload["address"] = {name: told for name, told in address.items() if name != "instructions"}
    ref, correlation = ref_of(parcel), order.correlation_id
    return Message(layer, TASK_CONTRACT, ref, key, order.key, correlation, payload, prefers=prefers)


def _is_agreed(payload: Mapping[str, Any]) -> bool:
    """Whether the contract in force has words for all of it."""
    return not rules.contract(TASK_CONTRACT).violations(dict(payload))


def _bundle_of(line: OrderLine) -> dict[str, str]:
    return {"bundle": line.bundle.code} if line.bundle else {}


def _card_of(docket: Docket, line: OrderLine) -> dict[str, Any]:
    """What is put in with a gift, in clear: for the message to whoever packs it, and for nobody else."""
    gift = docket.gift_of(line)
    if gift is None:
        return {}
    message = open_secret(gift.card.message) if gift.card.message else ""
    return {"gift": {name: value for name, value in (("wrap", gift.wrap), ("message", message)) if value}}


def _lots_of(docket: Docket, line: OrderLine) -> dict[str, Any]:
    """Which lots its units are set aside from; nothing where they have none."""
    named = [one for one in docket.reservations.get(line.pk, ()) if one.lot.code]
    return {"lots": [{"lot": one.lot.code, "quantity": one.quantity} for one in named]} if named else {}


def order_message(
    docket: Docket, layer: str, kind: str, name: str, more: Mapping[str, Any], *, otherwise: str = ""
) -> Message:
    """Something asked about an order and not about one of its parcels; `name` tells several of one kind apart."""
    order = docket.order
    payload: dict[str, Any] = {
        "task": f"{order.key}-{kind}",
        "kind": kind,
        "order": order.key,
        "client": order.client.slug,
        "number": order.number,
        "lines": [],
        **_ownership(docket),
        **more,
    }
    key, correlation = f"{order.key}/{kind}/{name}", order.correlation_id
    return Message(layer, TASK_CONTRACT, ref_of(order), key, order.key, correlation, payload, otherwise=otherwise)


def tell_customer(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """It has left: whoever speaks with the customer is told what, with whom and under which number; once, nothing personal."""
    told: dict[str, Any] = {
        "task": f"{parcel.key}-notify",
        "lines": [
            {"sku": one.line.sku.code, "quantity": one.quantity, **_bundle_of(one.line)}
            for one in docket.contents.get(parcel.pk, [])
        ],
        "carrier": parcel.carrier or None,
        "tracking": parcel.tracking_number or None,
    }
    ask_if_known([order_message(docket, CRM, "notify", parcel.key, told)], changes)


def ask_if_known(messages: Sequence[Message], changes: Changes) -> None:
    """Send what the contract in force has words for; of the rest, the export alone tells."""
    contract = rules.contract(TASK_CONTRACT) if messages else None
    changes.messages += [one for one in messages if contract and not contract.violations(dict(one.payload))]


def _ownership(docket: Docket) -> dict[str, Any]:
    """Who answers and what happens when nothing does: every task carries it, so that no system has to ask."""
    decision = docket.order.decision
    if decision is None:
        return {}
    outcome = decision.outcome
    return {
        "owner": ruled_owner(outcome, fell_back=docket.order.fell_back_at is not None),
        "flow": outcome["flow"],
        "rule": outcome["rule"],
        "fallback_route": outcome["fallback"],
    }


def tell_of_hold(docket: Docket, hold: Hold, kind: str, changes: Changes) -> None:
    """Ask whoever has a task of what is held to wait ("hold"), or to go on ("resume") once nothing holds it any more.

    Who is waited for is not asked to wait. Where the contract in force does not know the words yet, the export alone tells.
    """
    if hold.line_id is not None or hold.reason == HoldReason.VENDOR:
        return
    with_task = [parcel for parcel in docket.parcels if parcel.state in FULFILMENT_IN_HOUSE and parcel.task_message]
    told = []
    for parcel in with_task:
        others = [one for one in docket.holding(parcel) if one != hold and one.reason != HoldReason.VENDOR]
        if hold.fulfilment_id in {None, parcel.pk} and not others:
            layer, _ = TASK_OF_FLOW[FlowKind(parcel.flow.kind)]
            told.append(_message(docket, parcel, layer, kind, f"{parcel.key}/{kind}/{hold.pk}"))
    ask_if_known(told, changes)


def void_booking(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """The carrier is told that the label of this round is not used any more; what is packed again gets another one."""
    ask_if_known(
        [_message(docket, parcel, "carrier", "cancel", f"{parcel.key}/{CARRIER}/{parcel.round}/cancel")], changes
    )


def book_again(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """The label is not right any more: the booking is taken back, and a new one is made when the order is settled."""
    void_booking(docket, parcel, changes)
    parcel.round += 1
    changes.edit(parcel, "round")
    changes.tell("fulfilment.relabelled", parcel, order=docket.order.key, round=parcel.round)


def ask_to_undo(docket: Docket, parcel: Fulfilment, kind: StepKind, changes: Changes) -> None:
    """Ask whoever did it to undo it: the carrier its booking, the warehouse or vendor its task. They say so with task.cancelled."""
    if kind == StepKind.BOOKING:
        key = f"{parcel.key}/{CARRIER}/{parcel.round}/cancel"
        changes.messages.append(_message(docket, parcel, "carrier", "cancel", key))
    else:
        layer, _ = TASK_OF_FLOW[FlowKind(parcel.flow.kind)]
        changes.messages.append(_message(docket, parcel, layer, "cancel", f"{parcel.key}/cancel/{parcel.round}"))


def withdraw_task(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """The parcel will not be sent; whoever has its task is told."""
    had_task = parcel.state != FulfilmentState.PLANNED and bool(parcel.task_message)
    parcel.cancel()
    changes.edit(parcel, "state")
    changes.tell("fulfilment.cancelled", parcel, order=docket.order.key)
    changes.expecting.end(parcel)
    if had_task:
        layer, _ = TASK_OF_FLOW[FlowKind(parcel.flow.kind)]
        changes.messages.append(_message(docket, parcel, layer, "cancel", f"{parcel.key}/cancel/{parcel.round}"))

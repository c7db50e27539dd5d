"""How orders go along their flows, and what passes between us and the systems that place, send, carry and bill them."""

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.subject_refs import SubjectRef, subject_ref
from orders.fulfilment.models import Fulfilment, Order, Replenishment
from orders.fulfilment.services.dispatch import CARRIER, TASK_CONTRACT, TASK_OF_FLOW
from orders.fulfilment.services.exports import CONTRACT as EXPORT_CONTRACT
from orders.fulfilment.services.levels import CONTRACT as REPLENISHMENT
from orders.fulfilment.services.levels import THERE_AGAIN
from orders.fulfilment.services.settling import STEP_INTO
from orders.fulfilment.states import FulfilmentState, OrderState, ReplenishmentState
from orders.sync import adapters, flow_maps
from orders.sync.flow_maps import FlowMap, Step
from rules.models import Flow
from rules.states import HERE, FlowKind, Layer

ANSWERS: Final = ("task.acknowledged", "task.confirmed", "task.refused", "task.cancelled")
WAITS: Final = ("cancel", "hold", "resume")
PAID: Final = "payment.captured"
REFUNDED: Final = "refund.issued"
ORDER, PARCEL = noop("Order"), noop("Parcel")
# What follows once somebody was asked to send a parcel: what is done, the event that says so, the act of the parcel.
ANSWERED: Final = (
    (noop("Has taken note"), "task.acknowledged", "acknowledge"),
    (noop("Will do it"), "task.confirmed", "confirm"),
)
PACKED: Final = (
    (noop("Has picked it"), "shipment.picked", "pick"),
    (noop("Has packed it"), "shipment.packed", "pack"),
)
SENT: Final = (
    (noop("Has it on its way"), "shipment.handed_over", "hand_over"),
    (noop("Has delivered it"), "shipment.delivered", "deliver"),
)


def _asked(kinds: Sequence[str]) -> list[tuple[str, str]]:
    return [(TASK_CONTRACT, kind) for kind in kinds]


SOLD: Final = ("order.placed", "payment.authorised", PAID, "order.changed", "order.cancelled", "return.requested")
adapters.declare(Layer.STORE, says=SOLD)
adapters.declare(Layer.MARKETPLACE, says=SOLD)
adapters.declare(Layer.OMS, told=[(EXPORT_CONTRACT, "")], says=SOLD)
adapters.declare(
    Layer.WMS,
    told=[*_asked(("pick_pack", *WAITS)), (REPLENISHMENT, "replenish")],
    says=(
        *ANSWERS,
        *("shipment.picked", "shipment.packed", "shipment.handed_over"),
        *("stock.changed", THERE_AGAIN, "return.received"),
    ),
)
adapters.declare(
    Layer.VENDOR,
    told=[*_asked(("drop_ship", *WAITS)), (REPLENISHMENT, "replenish")],
    says=(*ANSWERS, *(event for _, event, _ in (*PACKED, *SENT)), "shipment.delayed", THERE_AGAIN),
)
adapters.declare(
    Layer.CARRIER,
    told=_asked((CARRIER, "cancel", "recall")),
    says=(*ANSWERS, *(event for _, event, _ in SENT), "shipment.rejected", "shipment.delayed"),
)
adapters.declare(Layer.CRM, told=[(EXPORT_CONTRACT, ""), *_asked(("notify",))])
adapters.declare(Layer.PIM, says=("product.changed",))
adapters.declare(Layer.ERP, told=[(EXPORT_CONTRACT, "")], says=("product.changed", "stock.changed", THERE_AGAIN))
adapters.declare(Layer.PAYMENT, told=_asked(("refund",)), says=("payment.authorised", PAID, REFUNDED))
adapters.declare(Layer.BILLING, told=[(EXPORT_CONTRACT, ""), *_asked(("refund",))], says=(REFUNDED,))
adapters.declare(Layer.ANALYTICS, told=[(EXPORT_CONTRACT, "")])


def _begun(then: OrderState) -> list[Step]:
    waiting, paid = OrderState.AWAITING_PAYMENT, OrderState.PAID
    return [
        Step(noop("The money is there"), Layer.STORE, HERE, PAID, ORDER, *_order(paid, waiting)),
        Step(noop("The rules choose flow, owner and service level"), record=ORDER, **_states(_order(then, paid))),
    ]


def _order(after: OrderState, before: OrderState) -> tuple[str, str]:
    return flow_maps.change(Order, STEP_INTO[after], before)


def _states(pair: tuple[str, str]) -> dict[str, str]:
    return dict(zip(("before", "after"), pair, strict=True))


def _sent(flow: Flow) -> list[Step]:
    """By our warehouse and a carrier, or by a vendor that does both."""
    sender, _ = TASK_OF_FLOW[FlowKind(flow.kind)]
    is_ours = flow.kind == FlowKind.WAREHOUSE
    steps, state = _begun(OrderState.IN_FULFILMENT), str(FulfilmentState.PLANNED)
    labels = {label: value for value, label in FulfilmentState.choices}

    def add(does: str, by: str, to: str, contract: str, act: str) -> None:
        nonlocal state
        before, after = flow_maps.change(Fulfilment, act, state)
        steps.append(Step(does, by, to, contract, PARCEL, before, after))
        state = labels[after]

    add(noop("Asks for the parcel to be sent"), HERE, sender, TASK_CONTRACT, "send_task")
    for does, event, act in (*ANSWERED, *(PACKED if is_ours else ())):
        add(does, sender, HERE, event, act)
    if is_ours:
        steps.append(Step(noop("Asks for the parcel to be carried"), HERE, Layer.CARRIER, TASK_CONTRACT))
    for does, event, act in SENT:
        add(does, Layer.CARRIER if is_ours else sender, HERE, event, act)
        if act == "hand_over":
            steps.append(Step(noop("Asks for the customer to be told"), HERE, Layer.CRM, TASK_CONTRACT))
    return steps


def _reviewed(flow: Flow) -> list[Step]:
    """By a person: what is let go on goes another way then."""
    looked_at = _states(_order(OrderState.PAID, OrderState.MANUAL_REVIEW))
    return [
        *_begun(OrderState.MANUAL_REVIEW),
        Step(noop("A person lets it go on, or cancels it"), record=ORDER, **looked_at),
        Step(noop("Tells what was decided"), HERE, flow.destination, EXPORT_CONTRACT),
    ]


def _replenished(flow: Flow) -> list[Step]:
    """By whoever fills the shelf: only an event shows that the units are there."""
    came = flow_maps.change(Replenishment, "arrive", ReplenishmentState.ASKED)
    return [
        Step(noop("Says how many are there, fewer than have to be"), flow.source, HERE, "stock.changed"),
        Step(noop("Asks for more"), HERE, flow.destination, REPLENISHMENT),
        Step(noop("Has taken them in"), flow.destination, HERE, THERE_AGAIN, noop("Request"), *came),
    ]


def _reviewed_lately(by: Actor, flow: Flow, most: int) -> list[SubjectRef]:
    if not by.may("orders.view_order"):
        return []
    found = Order.objects.filter(flow=flow).order_by("-pk")
    return [
        subject_ref(order) for order in (found if by.clients is None else found.filter(client_id__in=by.clients))[:most]
    ]


flow_maps.register(FlowKind.WAREHOUSE, FlowMap(_sent))
flow_maps.register(FlowKind.DROP_SHIP, FlowMap(_sent))
flow_maps.register(FlowKind.REPLENISHMENT, FlowMap(_replenished))
flow_maps.register(FlowKind.MANUAL_REVIEW, FlowMap(_reviewed, _reviewed_lately))

"""Stories: a few orders that are cancelled, returned, split or sent another way, step by step, and where each has to end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit import clock
from audit.access import system_actor
from exceptions.models import ExceptionCase
from exceptions.services import resolve_case
from orders.fulfilment.management.scenarios.plans import BERLIN, CLIENT
from orders.fulfilment.management.scenarios.stacks import STORE, Stack
from orders.fulfilment.models import Order
from orders.fulfilment.services.unwinding import reroute

BY: Final = system_actor("scenario")
PRICE: Final = 4_500
TELLS_TWICE: Final = "duplicate"
Act = Callable[[Order, Stack, datetime], None]


@dataclass(frozen=True)
class Step:
    """Once the order rests in `when`, `does` happens; `words` say what that is."""

    when: str
    words: str
    does: Act


@dataclass(frozen=True)
class Story:
    """One order with what happens to it; `failure` is how the sandbox treats it at first, `until` what else has to be so at its end."""

    number: str
    about: str
    lines: Sequence[Mapping[str, Any]]
    steps: Sequence[Step]
    ends: str
    failure: str = ""
    until: Callable[[Order], bool] = lambda _: True


@dataclass(frozen=True)
class Stories:
    """Several of them, and the stock to begin with."""

    name: str
    stories: Sequence[Story]
    stock: Mapping[str, int]


def event(kind: str, subject: str, /, *, times: int = 1, **data: Any) -> dict[str, Any]:
    """One event of the sandbox store, now; `times` tells several of a kind apart."""
    at = clock.now()
    return {
        "specversion": "1.0",
        "id": f"{kind}/{subject}/{times}",
        "source": f"/{STORE}",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {"client": CLIENT, **data},
    }


def tell(kind: str, moment: str, /, *, times: int = 1, **data: Any) -> Act:
    """Have the store send this about the order; `moment` is the field that says when."""

    def does(order: Order, stack: Stack, now: datetime) -> None:
        about = event(kind, order.number, times=times, order=order.number, **{moment: now.isoformat()}, **data)
        stack.send([about])

    return does


def decide(kind: str, outcome: str) -> Act:
    """Have the exception of this kind end so."""

    def does(order: Order, stack: Stack, now: datetime) -> None:
        del stack
        case = ExceptionCase.objects.live().get(type=kind, subject_id=str(order.pk))
        resolve_case(case_id=case.pk, outcome=outcome, by=BY, now=now)

    return does


def another_way(flow: str) -> Act:
    """Send the first parcel along this flow, where everything works."""

    def does(order: Order, stack: Stack, now: datetime) -> None:
        stack.misbehave({order.number: TELLS_TWICE})
        parcel = order.fulfilments.order_by("key").first()
        key = parcel.key if parcel else ""
        reroute(order_id=order.pk, fulfilment=key, flow=flow, reason="It is stuck here", by=BY, now=now)

    return does


def counted(sku: str, units: int) -> Act:
    """Have the store count this many units."""

    def does(order: Order, stack: Stack, now: datetime) -> None:
        del order
        stack.send([event("stock.changed", sku, times=2, sku=sku, available=units, changed_at=now.isoformat())])

    return does


def returns(seed: int, now: datetime) -> Stories:
    """What comes back: announced, in part, unannounced, or because it was cancelled too late."""
    mark, tent = _mark("R", seed, now)
    two = [_line(tent, 2)]
    back, arrived = "return.requested", "return.received"
    one: dict[str, Any] = {"lines": [{"sku": tent, "quantity": 1}], "return": "RMA-1"}
    stories = (
        Story(
            f"{mark}-1",
            "one of two comes back",
            two,
            (
                Step("delivered", "one is announced", tell(back, "requested_at", **one)),
                Step("return_announced", "it arrives", tell(arrived, "received_at", **one)),
            ),
            "partly_returned",
            until=lambda order: order.refunds.filter(state="issued").exists(),
        ),
        Story(
            f"{mark}-2",
            "all of it comes back",
            two,
            (
                Step("delivered", "all is announced", tell(back, "requested_at")),
                Step("return_announced", "it arrives damaged", tell(arrived, "received_at", condition="damaged")),
                Step("returned", "finance pays it back", decide("refund-decision", "approved")),
            ),
            "returned",
        ),
        Story(
            f"{mark}-3",
            "it comes back without a word",
            two,
            (Step("delivered", "it arrives", tell(arrived, "received_at")),),
            "returned",
        ),
        Story(
            f"{mark}-4",
            "cancelled when the customer had it",
            two,
            (
                Step("delivered", "it is cancelled", tell("order.cancelled", "cancelled_at")),
                Step("cancel_undecided", "logistics calls it back", decide("late-cancellation", "recall")),
                Step("returning", "it arrives", tell(arrived, "received_at")),
            ),
            "cancelled",
        ),
    )
    return Stories("returns", stories, {tent: 100})


def splits(seed: int, now: datetime) -> Stories:
    """What goes in several parcels: two senders, a part on back-order, and a part that is cancelled."""
    mark, tent = _mark("S", seed, now)
    rare, kayak = f"SC-RARE-{mark}", f"SC-KAYAK-{mark}"
    by_vendor = _line(kayak, 1, sku_type="drop_ship", vendor="kestrel")
    cancelled = tell("order.cancelled", "cancelled_at", lines=[{"sku": tent, "quantity": 1}])
    stories = (
        Story(f"{mark}-1", "two senders", [_line(tent, 1), by_vendor], (), "delivered"),
        Story(
            f"{mark}-2",
            "the rest comes later",
            [_line(tent, 1), _line(rare, 1)],
            (Step("partly_fulfilled", "the rest is there", counted(rare, 5)),),
            "delivered",
        ),
        Story(
            f"{mark}-3",
            "one of two is left out",
            [_line(tent, 2)],
            (Step("in_fulfilment", "one is cancelled before it is picked", cancelled),),
            "in_fulfilment",
            "no_confirmation",
            until=lambda order: (
                order.fulfilments.filter(state="acknowledged").exists() and order.fulfilments.count() > 1
            ),
        ),
    )
    return Stories("splits", stories, {tent: 100, rare: 0})


def reroutes(seed: int, now: datetime) -> Stories:
    """What goes another way: from who does not answer, and from the warehouse the carrier brought it back to."""
    mark, tent = _mark("W", seed, now)
    one, to_vendor = [_line(tent, 1)], another_way("vendor-drop-ship")
    stories = (
        Story(
            f"{mark}-1",
            "nobody accepted it",
            one,
            (Step("in_fulfilment", "the vendor sends it", to_vendor),),
            "delivered",
            "no_confirmation",
        ),
        Story(
            f"{mark}-2",
            "the carrier brought it back",
            one,
            (Step("carrier_rejected", "its task is undone, then the vendor sends it", to_vendor),),
            "delivered",
            "carrier_reject",
        ),
    )
    return Stories("reroutes", stories, {tent: 100})


STORIES: Final[Mapping[str, Callable[[int, datetime], Stories]]] = {
    "returns": returns,
    "splits": splits,
    "reroutes": reroutes,
}


def _mark(letter: str, seed: int, now: datetime) -> tuple[str, str]:
    mark = f"{letter}{seed}-{now:%d%H%M%S}"
    return mark, f"SC-TENT-{mark}"


def _line(sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_minor": PRICE, "sku_type": "stock", **more}


def placed(story: Story, now: datetime) -> list[dict[str, Any]]:
    """The order, and its payment."""
    total = sum(line["unit_minor"] * line["quantity"] for line in story.lines)
    order = event(
        "order.placed",
        story.number,
        order=story.number,
        channel="web",
        currency="EUR",
        total_minor=total,
        placed_at=now.isoformat(),
        address=BERLIN,
        lines=[dict(line) for line in story.lines],
    )
    money = {"amount_minor": total, "currency": "EUR", "captured_at": now.isoformat()}
    return [order, event("payment.captured", story.number, order=story.number, **money)]

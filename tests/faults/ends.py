"""Where everything stands after a hundred orders, without ids and times: two runs that ended the same say the same.

`hundred_orders.json` is how the run ends in which nothing goes wrong.
"""

import json
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx2
from django.conf import settings
from django.db.models import Sum

from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.models import Fulfilment, Order, StockItem
from orders.sync.models import FlowRun, InboundEvent, OutboundMessage
from orders.sync.states import InboundState, OutboundState

KEPT = Path(__file__).with_name("hundred_orders.json")
PATIENCE_SECONDS = 300


def smooth() -> dict[str, Any]:
    """How it ends where nothing goes wrong."""
    kept: dict[str, Any] = json.loads(KEPT.read_text())
    return kept


def ends() -> dict[str, Any]:
    """What the newest hundred orders came to, by their place in the scenario, those that ended alike together; and their shelves."""
    _wait_until_nothing_is_on_its_way()
    newest = Order.objects.order_by("-created_at", "-number").values_list("number", flat=True)[0][:-4]
    alike: dict[str, list[int]] = defaultdict(list)
    for order in Order.objects.select_related("owner").filter(number__startswith=f"{newest}-").order_by("number"):
        alike[json.dumps(_of(order), sort_keys=True)].append(int(order.number[-3:]))
    shelves = StockItem.objects.filter(sku__code__endswith=newest).order_by("sku__code")
    told = shelves.annotate(aside=Sum("reservations__quantity")).values_list(
        "sku__code", "on_hand", "reserved", "aside"
    )
    return {
        "orders": [{"places": sorted(places), **json.loads(end)} for end, places in sorted(alike.items())],
        "shelves": [[_kind(code), *units] for code, *units in told],
    }


def _wait_until_nothing_is_on_its_way() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while on_its_way := _on_its_way():
        assert time.monotonic() < deadline, f"something is still on its way: {on_its_way}"
        time.sleep(0.2)


def _on_its_way() -> list[Any]:
    """What was not sent yet, what came in and was not applied yet, and how much other systems have yet to tell."""
    unsent = OutboundMessage.objects.exclude(state=OutboundState.SENT)
    unread = InboundEvent.objects.filter(state=InboundState.NEW)
    untold = httpx2.get(f"{settings.SANDBOX_URL}/journal", trust_env=False).json()["waiting"]
    return [
        *unsent.values_list("type", "state", "last_error", "more_attempts"),
        *unread.values_list("type", "received_at", "cause"),
        *([f"{untold} untold"] if untold else []),
    ]


def _of(order: Order) -> dict[str, Any]:
    live = ExceptionCase.objects.filter(subject_id=str(order.pk), state__in=CASE_LIVE)
    return {
        "state": order.state,
        "owner": order.owner.slug,
        "exceptions": sorted(live.values_list("type", "owner__slug")),
        "lines": [[_kind(one.sku.code), one.quantity, one.state] for one in order.lines.order_by("position")],
        "paid": sorted([str(one.amount), one.state] for one in order.payments.all()),
        "parcels": [_parcel(one) for one in order.fulfilments.select_related("flow", "owner").order_by("key")],
    }


def _parcel(parcel: Fulfilment) -> dict[str, Any]:
    about = {"subject_type": "fulfilment.fulfilment", "subject_id": str(parcel.pk)}
    return {
        "is": [parcel.state, parcel.flow.slug, parcel.owner.slug, parcel.vendor],
        "holds": sorted(f"{one.line.position}: {one.quantity}" for one in parcel.lines.select_related("line")),
        "is_picked": parcel.picker != "",  # who has the fewest when it is their turn, which is chance here
        "manifest": parcel.manifest.replace(parcel.key, "…"),
        "asked": sorted(OutboundMessage.objects.filter(**about).values_list("type", flat=True)),
        "runs": sorted(FlowRun.objects.filter(**about).values_list("state", flat=True)),
    }


def _kind(code: str) -> str:
    """The product, whatever run it was made for: “SC-TENT”."""
    return re.sub(r"-H\d.*$", "", code)

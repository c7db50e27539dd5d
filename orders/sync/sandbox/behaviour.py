"""What a sandbox system does with a task: pure decisions, so that a scenario plays the same every time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as noop

MODES = {
    "reject_address": noop("The carrier refuses the address"),
    "no_confirmation": noop("Takes it, and then falls silent"),
    "short_stock": noop("The warehouse finds nothing on the shelf"),
    "carrier_reject": noop("The carrier brings the parcel back"),
    "error": noop("Answers with HTTP 500"),
    "error_once": noop("Answers with HTTP 500 the first time"),
    "gone": noop("Wants to be told nothing more (HTTP 410)"),
    "timeout": noop("Does not answer in time"),
    "timeout_once": noop("Does it, and does not answer in time the first time"),
    "duplicate": noop("Says everything twice"),
    "reorder": noop("Says everything in the wrong order"),
}
STORY = {
    "pick_pack": ("task.acknowledged", "task.confirmed", "shipment.picked", "shipment.packed"),
    "drop_ship": ("task.acknowledged", "task.confirmed", "shipment.handed_over", "shipment.delivered"),
    "ship": ("shipment.handed_over", "shipment.delivered"),
    "replenish": ("stock.received",),
    "cancel": ("task.cancelled",),
    "refund": ("refund.issued",),
    "revise": ("content.revised",),
    "publish": (
        *("content.published", "crm.tagged", "brief.written", "promo_copy.written", "email_sequence.scheduled"),
        "enablement.delivered",
    ),
    "purge": ("content.purged",),
    "translate": ("content.translated",),
    "render": ("content.rendered",),
    "advertise": ("ads.started",),
    "stop_ads": ("ads.stopped",),
}
SILENT_AFTER_THE_FIRST = {"pick_pack", "drop_ship", "publish"}
REFUSALS = {
    "short_stock": ("pick_pack", "task.refused", "out_of_stock"),
    "reject_address": ("ship", "shipment.rejected", "address"),
}


@dataclass(frozen=True)
class Control:
    """How the sandbox misbehaves: `orders` maps an order's key or number to a mode, `rates` a mode to its share (0 to 1).

    Content is named by its asset. `delay` is the number of seconds between two things a system says. `sells` is whether the store of a
    demo places orders.
    """

    orders: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    delay: float = 0.5
    sells: bool = True

    @classmethod
    def of(cls, document: Any) -> "Control":
        """A control from JSON. Raises `ValueError` naming what is wrong."""
        if not isinstance(document, dict):
            raise ValueError("send an object with orders, rates, delay and sells")  # noqa: TRY004 -- one kind of refusal
        orders = {str(key): str(mode) for key, mode in dict(document.get("orders", {})).items()}
        rates = {str(mode): float(rate) for mode, rate in dict(document.get("rates", {})).items()}
        if unknown := {*orders.values(), *rates} - set(MODES):
            raise ValueError(f"unknown failure {', '.join(sorted(unknown))}; known are {', '.join(MODES)}")
        if any(not 0 <= rate <= 1 for rate in rates.values()):
            raise ValueError("a rate lies between 0 and 1")
        delay = float(document.get("delay", 0.5))
        if not 0 <= delay <= 60:  # noqa: PLR2004 -- a minute
            raise ValueError("delay lies between 0 and 60 seconds")
        return cls(orders, rates, delay, bool(document.get("sells", True)))

    def as_json(self) -> dict[str, Any]:
        """As it is sent and kept."""
        return {"orders": dict(self.orders), "rates": dict(self.rates), "delay": self.delay, "sells": self.sells}

    def mode(self, task: Mapping[str, Any]) -> str:
        """How this task fails, or nothing. The same task fails the same way every time."""
        for name in ("order", "number", "asset"):
            if marked := self.orders.get(str(task.get(name, ""))):
                return marked
        chance = (
            int(hashlib.sha256(str(task.get("task") or task.get("request", "")).encode()).hexdigest()[:8], 16)
            / 0xFFFFFFFF
        )
        for mode, rate in sorted(self.rates.items()):
            if chance < rate:
                return mode
            chance -= rate
        return ""


def story(task: Mapping[str, Any], mode: str) -> list[tuple[str, dict[str, Any]]]:
    """What the system says about a task, in order: (event type, more data)."""
    kind = str(task.get("kind", ""))
    steps: list[tuple[str, dict[str, Any]]] = [(event, {}) for event in STORY.get(kind, ())]
    if mode == "no_confirmation" and kind in SILENT_AFTER_THE_FIRST:
        return steps[:1]
    if mode in REFUSALS and REFUSALS[mode][0] == kind:
        _, event, reason = REFUSALS[mode]
        return [(event, {"reason": reason})]
    if mode == "carrier_reject" and kind == "ship":
        return [("shipment.rejected", {"reason": "damaged"})]
    if kind == "replenish":
        more = {name: task.get(name) for name in ("sku", "location")}
        steps = [(event, {**more, "quantity": task["units"], "reference": task["request"]}) for event, _ in steps]
        steps = steps if task["units"] else []
    if kind == "refund":
        steps = [(event, {name: task.get(name) for name in ("amount_minor", "currency")}) for event, _ in steps]
    if mode == "duplicate":
        return [step for step in steps for _ in range(2)]
    if mode == "reorder":
        return list(reversed(steps))
    return steps


def an_event(event_id: str, kind: str, subject: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a system says, as a CloudEvents 1.0 document."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/sandbox",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "data": {name: value for name, value in data.items() if value is not None},
    }

"""A system that knows orders from the feed of exports alone: it checks each, and decides by itself where the order belongs.

It stands for what others build: it shares no table, model or rule with the product, and has only the documents and the public keys.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

FEED: Final = "/api/v1/exports"
KEYS: Final = "/.well-known/jwks.json"
STAMP: Final = ("generated_at", "record_sha256", "audit_token")
NEEDED: Final = (
    "order",
    "status",
    "event_ids",
    "owner_id",
    "owner",
    "flow_id",
    "rule",
    "rule_version",
    "sla_due_at",
    "decision_context/channel",
    "decision_context/sku_flags",
    "decision_context/fraud_score",
    "routing_hints/preferred_carrier",
    "routing_hints/fallback_route",
    "routing_hints/fallback_after_minutes",
    "routing_hints/sla",
    "lines",
    "holds",
    *STAMP,
)
OVER: Final = frozenset({"delivered", "cancelled", "merged", "returned", "partly_returned"})
NOT_SENT: Final = frozenset({"cancelled"})


class ExportRefused(ValueError):
    """What came is no export anybody should act on; says what is wrong with it."""


@dataclass(frozen=True)
class Routing:
    """Where an order belongs: who has it until when, and who if that fails; which flow each line takes; what it waits for.

    `owner` is empty for an order that is over.
    """

    order: str
    owner: str
    flow: str
    until: str | None
    otherwise: str
    lines: Mapping[str, str | None]
    waits_for: tuple[str, ...]


@dataclass
class Downstream:
    """What one such system has learned. `ask` gets an address of the product and gives the JSON it answers with."""

    ask: Callable[[str], Any]
    place: str = FEED
    routes: dict[str, Routing] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    _newest: dict[str, int] = field(default_factory=dict)
    _keys: KeySet | None = None

    def follow(self) -> int:
        """Read on from where it is to the end; how many exports there were."""
        seen, has_more = 0, True
        while has_more:
            page = self.ask(self.place)
            for export in page["results"]:
                self._learn(export)
            seen += len(page["results"])
            self.place, has_more = page["next"], page["has_more"]
        return seen

    def _learn(self, export: Mapping[str, Any]) -> None:
        """Take over an export unless a newer one of its order is known: transactions may end in another order than they began."""
        if export["number"] < self._newest.get(export["order"], 0):
            return
        try:
            check(export["document"], self.keys)
        except ExportRefused as wrong:
            self.refused.append((export["id"], str(wrong)))
            return
        self._newest[export["order"]] = export["number"]
        self.routes[export["order"]] = route(export["document"])

    @property
    def keys(self) -> KeySet:
        """The product's public keys, asked for once."""
        if self._keys is None:
            self._keys = KeySet.import_key_set(self.ask(KEYS))
        return self._keys


def check(document: Mapping[str, Any], keys: KeySet) -> None:
    """Let pass what is complete and proven. Raises `ExportRefused` naming the field or saying what does not fit."""
    for path in NEEDED:
        found: Any = document
        for name in path.split("/"):
            if not isinstance(found, Mapping) or name not in found:
                raise ExportRefused(f"/{path} is missing")
            found = found[name]
    try:
        token = jws.deserialize_compact(document["audit_token"], keys, algorithms=["Ed25519"])
    except (JoseError, ValueError) as wrong:
        raise ExportRefused("/audit_token was not signed with a key of the sender") from wrong
    told = {name: value for name, value in document.items() if name not in STAMP}
    spelled = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if json.loads(token.payload or b"{}").get("record_sha256") != hashlib.sha256(spelled).hexdigest():
        raise ExportRefused("/audit_token was issued for another document")


def route(document: Mapping[str, Any]) -> Routing:
    """The decision, from nothing but the document."""
    is_over = document["status"] in OVER
    hints = document["routing_hints"]
    return Routing(
        order=document["order"],
        owner="" if is_over else document["owner"],
        flow=document["flow_id"],
        until=document["sla_due_at"],
        otherwise=hints["fallback_route"],
        lines={row["line"]: row["flow_id"] for row in document["lines"] if row["status"] not in NOT_SENT},
        waits_for=tuple(sorted(hold["reason"] for hold in document["holds"])),
    )

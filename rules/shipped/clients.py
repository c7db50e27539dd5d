"""What new clients are set up from, as versioned data: rules, holds, promises, checks and systems of a kind of business.

`{client}` in a text is the name of the new client; OWN is the owner that its team becomes, BACKUP the one who stands in for the team.
Checks that are not active are offered only.
Positions from 100 on are behind what the house decides for everybody (risk, vendors, speed) and before its rule for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final

from django.utils.translation import gettext_noop as _

from rules.shipped.quality import QUALITY_CHECKS

OWN, BACKUP = "@team", "@backup"
LINES_FROM, LINES_APART = 100, 10
OFFICE: Final = tuple((weekday, time(9), time(17, 30)) for weekday in range(5))


@dataclass(frozen=True)
class ClientTemplate:
    """One template; each row is a record's fields, with owners, flows and SLAs by slug and the end of its own slug as `slug`."""

    key: str
    version: int
    name: str
    about: str
    hours: tuple[tuple[int, time, time], ...] = OFFICE
    rules: tuple[Mapping[str, Any], ...] = ()
    holds: tuple[Mapping[str, Any], ...] = ()
    targets: tuple[Mapping[str, Any], ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    systems: tuple[Mapping[str, Any], ...] = ()


_TARGETS: Final = (
    {
        "slug": "p1",
        "name": "{client}, P1",
        "type": None,
        "severity": "P1",
        "acknowledge_within_minutes": 30,
        "sla": "vendor-exception",
    },
    {
        "slug": "p2",
        "name": "{client}, P2",
        "type": None,
        "severity": "P2",
        "acknowledge_within_minutes": 60,
        "sla": "exception-resolution",
    },
)
_LARGE: Final = {
    "slug": "large",
    "name": "Large orders of {client}",
    "why": "Nobody knows yet what is usual for a new client: somebody looks before a large order leaves.",
    "predicate": "total_minor >= 200000",
    "words": "A large order of {client}: look at it before it leaves",
    "customer_words": "",
    "release_when": "",
    "expires_after_minutes": None,
    "rule_owner": OWN,
}
_STORE: Final = {"slug": "store", "name": "{client}: store", "layer": "store", "owner": OWN, "connectors": ()}


_ASKED_AT_ONCE: Final = {
    "right-contents",
    "well-packed",
}  # the others need what is known of products, carriers or promises
_CHECKS: Final = tuple(
    {**check, "slug": slug, "owner": OWN, "is_active": slug in _ASKED_AT_ONCE} for slug, check in QUALITY_CHECKS.items()
)


def _rule(slug: str, name: str, why: str, position: int, predicate: str, flow: str, sla: str) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": name,
        "why": why,
        "position": position,
        "predicate": predicate,
        "owner": OWN,
        "flow": flow,
        "sla": sla,
        "fallback": BACKUP,
        "fallback_after_minutes": 120,
        "rule_owner": OWN,
    }


TEMPLATES: Final[Mapping[str, ClientTemplate]] = {
    template.key: template
    for template in (
        ClientTemplate(
            key="own-warehouse",
            version=2,
            name=_("Shop, sent from our warehouse"),
            about=_("A store tells us of orders, our warehouse sends them, the client's team owns them."),
            rules=(
                _rule(
                    "marketplace",
                    "{client}: marketplace orders are sent fast",
                    "Marketplaces punish what leaves late.",
                    500,
                    'channel == "marketplace"',
                    "warehouse-pick-pack",
                    "expedited-dispatch",
                ),
                _rule(
                    "rest",
                    "{client}: everything else",
                    "Orders of the client are owned by who works for the client.",
                    900,
                    "true",
                    "warehouse-pick-pack",
                    "standard-dispatch",
                ),
            ),
            holds=(_LARGE,),
            targets=_TARGETS,
            checks=_CHECKS,
            systems=(
                _STORE,
                {"slug": "warehouse", "name": "{client}: warehouse", "layer": "wms", "owner": OWN, "connectors": ()},
            ),
        ),
        ClientTemplate(
            key="drop-ship",
            version=1,
            name=_("Shop, sent by a vendor"),
            about=_("A store tells us of orders, a vendor sends them, the client's team watches that it confirms."),
            rules=(
                _rule(
                    "rest",
                    "{client}: the vendor sends it",
                    "Nothing of this client lies in our warehouse.",
                    900,
                    "true",
                    "vendor-drop-ship",
                    "vendor-confirmation",
                ),
            ),
            holds=(_LARGE,),
            targets=_TARGETS,
            systems=(
                _STORE,
                {
                    "slug": "vendor",
                    "name": "{client}: vendor portal",
                    "layer": "vendor",
                    "owner": OWN,
                    "connectors": (),
                },
            ),
        ),
    )
}

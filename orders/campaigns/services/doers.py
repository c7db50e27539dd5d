"""Which systems are asked to do what follows a publication, each once per revision and kind.

What only a connected system does is expected of a client that has one. Where a kind of content expects nothing else, it is expected all the
same: nothing that is published ends there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.subject_refs import subject_ref
from orders.campaigns.models import Asset
from orders.sync.models import System
from orders.sync.selectors.serving import first_serving
from orders.sync.services import Expected, Promise
from rules.asset_kinds import AssetKindSpec, OutcomeSpec
from rules.shipped.content import STOPPED
from rules.states import Layer

FOLLOW_UP: Final = "content.follow_up_requested"


@dataclass(frozen=True)
class Doer:
    """The kind of system that does it, and what it is asked."""

    layer: Layer
    kind: str


STARTED: Final = "ads.started"
DOERS: Final[Mapping[str, Doer]] = {
    "content.purged": Doer(Layer.CDN, "purge"),
    "content.translated": Doer(Layer.LOCALIZATION, "translate"),
    "content.rendered": Doer(Layer.DAM, "render"),
    STARTED: Doer(Layer.ADS, "advertise"),
    STOPPED: Doer(Layer.ADS, "stop_ads"),
}
Serving = Mapping[tuple[str, UUID], System]


def doers_for(client_ids: Collection[UUID]) -> Serving:
    """The systems that do such things for these clients, by kind and client."""
    return first_serving({doer.layer for doer in DOERS.values()}, client_ids)


def outcomes_of(spec: AssetKindSpec, client_id: UUID, there: Serving) -> Sequence[OutcomeSpec]:
    """What is expected after a publication of this kind for this client."""
    done = [one for one in spec.outcomes if one.event_type not in DOERS or _system(one.event_type, client_id, there)]
    return done or spec.outcomes


def requests(asset: Asset, expected: Iterable[Expected], there: Serving) -> list[Promise]:
    """What the systems there are asked about the published revision: of what is expected, whatever one of them does."""
    return [
        Promise(system, FOLLOW_UP, subject_ref(asset), _asking(asset, kind, one.due_at), _key(asset, kind), asset.key)
        for one in expected
        if (system := _system(one.event_type, asset.client_id, there))
        for kind in [DOERS[one.event_type].kind]
    ]


def _system(event_type: str, client_id: UUID, there: Serving) -> System | None:
    return there.get((DOERS[event_type].layer, client_id)) if event_type in DOERS else None


def _key(asset: Asset, kind: str) -> str:
    return f"{asset.key}/{kind}/{asset.published_revision}"


def _asking(asset: Asset, kind: str, due_at: datetime) -> dict[str, object]:
    return {
        "request": _key(asset, kind),
        "kind": kind,
        "client": asset.client.slug,
        "asset": asset.slug,
        "revision": asset.published_revision,
        "due_at": due_at.isoformat(),
        **({"url": asset.url} if asset.url else {}),
        **({"locale": asset.locale} if asset.locale else {}),
        **({"region": asset.region} if asset.region else {}),
        **({"skus": asset.skus} if asset.skus else {}),
    }

"""What clients are being asked about content, and what ends it when the content goes on without an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from audit.canonical import canonical_json, sha256_hex
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.words import at, said
from exceptions import services as exceptions
from exceptions.states import ClientAnswer
from orders.campaigns.errors import ClientHasNotAgreed
from orders.campaigns.models import Asset, AssetApproval
from rules.asset_kinds import AssetKindSpec

LAPSE: Final = "campaigns.client_approval_lapse"


def content_hash(asset: Asset) -> str:
    """What an answer binds to: what the content is, and which revision of it."""
    return sha256_hex(
        canonical_json(
            {
                "asset": str(asset.pk),
                "revision": asset.revision,
                "kind": asset.kind.slug,
                **{name: getattr(asset, name) for name in ("title", "region", "locale", "skus", "checklist")},
            }
        )
    )


def base_hash(asset: Asset) -> str:
    """What it would replace: what is live now."""
    published = asset.published_at.isoformat() if asset.published_at else ""
    return sha256_hex(canonical_json({"live": asset.published_revision, "at": published, "url": asset.url}))


def take_back(assets: Sequence[Asset], *, now: datetime, why: str) -> list[AssetApproval]:
    """The open links of these open nothing any more. Those that were open."""
    asked = AssetApproval.objects.select_for_update().filter(asset__in=assets, state=ClientAnswer.SENT)
    open_ones = list(asked.order_by("pk"))
    for one in open_ones:
        one.revoke(at=now)
    AssetApproval.objects.save_changes(open_ones, at=now)
    record_many([Entry("asset_approval.revoked", one, reason=why, changes=one.last_changes()) for one in open_ones])
    exceptions.cancel_timers(timers=[(subject_ref(one), LAPSE) for one in open_ones], now=now)
    return open_ones


def refuse_unless_agreed(asset: Asset, spec: AssetKindSpec) -> None:
    """Raises `ClientHasNotAgreed` while the client is being asked, and where its kind wants their word and this revision has none."""
    about = asset.approvals.filter(revision=asset.revision)
    if asked := about.filter(state=ClientAnswer.SENT).first():
        words = said(
            "%(contact)s is being asked until %(until)s: wait for the answer, or take the link back.",
            contact=asked.contact,
            until=at(asked.expires_at),
        )
        raise ClientHasNotAgreed(words)
    agreed = about.filter(state=ClientAnswer.AGREED, content_hash=content_hash(asset), base_hash=base_hash(asset))
    if spec.client_agrees and not agreed.exists():
        raise ClientHasNotAgreed(said("The client agrees first: ask them about revision %(n)s.", n=asset.revision))

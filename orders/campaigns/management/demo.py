"""Content of the demo: a page that is live and should say something else, a post whose checklist waits, and a draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.access import system_actor
from audit.context import Actor, acting
from audit.models import User
from orders.campaigns.models import Asset
from orders.campaigns.services.assets import add_asset
from orders.campaigns.services.hearing import ContentNews, hear_outcomes, hear_publications
from orders.campaigns.services.messaging import ask_for_change
from orders.campaigns.services.reviewing import approve_asset, sign_item, submit_asset
from rules.models import Client
from rules.selectors import actor_for

OWNER, BACKUP, CONTENT_OWNER, WRITER = "amal", "ops-team", "client-success", "jonas"
BEGUN: Final = timedelta(days=2)
LIVE: Final = timedelta(hours=1)
WANTED: Final = (
    "Customers ask whether the tents keep dry. Say it in the first sentence: 3,000 mm, tested in our own rain."
)


@dataclass(frozen=True)
class Piece:
    """One piece of content, and how far it has come: draft, review (one item signed) or live."""

    slug: str
    title: str
    kind: str
    skus: tuple[str, ...]
    stage: str


PIECES: Final = (
    Piece("spring-tents", "Tents for the first warm nights", "campaign-page", ("NW-TENT-2P",), "live"),
    Piece("packing-light", "Packing light: what stays at home", "blog-post", (), "review"),
    Piece("river-guide", "A guide to slow rivers", "blog-post", (), "draft"),
)


def seed(*, now: datetime) -> int:
    """Make what is missing of the demo's content; a second run makes nothing. How many pieces there are."""
    client = Client.objects.filter(slug="northwind").first()
    users = {user.username: user for user in User.objects.filter(username__in=[OWNER, WRITER])}
    if client is not None and len(users) > 1 and not Asset.objects.exists():
        people = {name: actor_for(user, channel="command") for name, user in users.items()}
        for piece in PIECES:
            _make(client, piece, people, now)
    return Asset.objects.count()


def _make(client: Client, piece: Piece, people: Mapping[str, Actor], now: datetime) -> None:
    amal, jonas = people[OWNER], people[WRITER]
    asset = add_asset(
        client=client.slug,
        slug=piece.slug,
        kind=piece.kind,
        title=piece.title,
        owner=OWNER,
        backup=BACKUP,
        content_owner=CONTENT_OWNER,
        locale="en-GB",
        skus=piece.skus,
        by=jonas,
        now=now - BEGUN,
    )
    if piece.stage == "draft":
        return
    reviewed = submit_asset(asset_id=asset.pk, by=jonas, now=now - LIVE * 3)
    items = reviewed.checklist[: 1 if piece.stage == "review" else None]
    for item in items:
        sign_item(asset_id=asset.pk, item=item, revision=1, by=jonas, now=now - LIVE * 2)
    if piece.stage == "live":
        with acting(
            amal, at=now - LIVE * 2, heard_at=now
        ):  # nobody could be told before the demo was made: that is no delay
            approve_asset(asset_id=asset.pk, by=amal, now=now - LIVE * 2)
        _go_live(client, asset, now)
        ask_for_change(asset_id=asset.pk, wanted=WANTED, by=jonas, now=now - LIVE / 4)


def _go_live(client: Client, asset: Asset, now: datetime) -> None:
    by = system_actor("demo", channel="command")
    url = f"https://northwind.example/{asset.slug}"

    def told(kind: str) -> ContentNews:
        return ContentNews(kind, f"demo-{kind}-{asset.slug}", kind, client.pk, asset.slug, 1, {"url": url})

    with acting(by, at=now - LIVE, heard_at=now):  # as above: who has to purge or translate is told from now on
        hear_publications(news=[told("content.published")], by=by, now=now - LIVE)
    for kind in ("brief.written", "crm.tagged"):
        hear_outcomes(news=[told(kind)], by=by, now=now - LIVE / 2)

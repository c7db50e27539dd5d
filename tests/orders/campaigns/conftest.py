"""A house with a content system and a page of Northwind that goes its way from draft to outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from audit.access import system_actor
from audit.context import Actor, acting
from audit.crypto import seal_secret
from orders.campaigns.models import Asset
from orders.campaigns.services.assets import add_asset
from orders.campaigns.services.reviewing import approve_asset, sign_item, submit_asset
from orders.sync import handlers
from orders.sync.models import InboundEvent, System
from rules.states import Layer
from tests.cast import House

# Northwind's account managers: amal owns the page, bo stands behind, and what it says is answered for by lee.
Hear = Callable[..., None]


@pytest.fixture
def cms(house: House, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        return System.objects.create(
            slug="cms", name="Content", layer=Layer.CMS, base_url="https://cms.example", owner=house.owners["amal"]
        )


@pytest.fixture
def asset(house: House, now: datetime) -> Asset:
    return begin(house, now)


def begin(house: House, now: datetime, slug: str = "spring-tents", **more: Any) -> Asset:
    given: dict[str, Any] = {"title": "Tents for spring", "content_owner": "lee", "skus": ["TENT-2"], **more}
    return add_asset(
        client="northwind",
        slug=slug,
        kind="blog-post",
        owner="amal",
        backup="bo",
        locale="en-GB",
        by=house.actor("amal"),
        now=now,
        **given,
    )


def review(asset: Asset, house: House, now: datetime, *, submit: bool = True) -> Asset:
    """Given to review, signed and approved."""
    if submit:
        submit_asset(asset_id=asset.pk, by=house.actor("amal"), now=now)
    asset.refresh_from_db()
    for item in asset.checklist:
        sign_item(asset_id=asset.pk, item=item, revision=asset.revision, by=house.actor("bo"), now=now)
    return approve_asset(asset_id=asset.pk, by=house.actor("lee"), now=now)


@pytest.fixture
def hear(house: House, cms: System) -> Hear:
    """Let the content system, or one that follows it, say something; through the handler, as intake does."""
    by = system_actor("intake")

    def heard(kind: str, revision: int, *, now: datetime, asset: str = "spring-tents", **data: Any) -> None:
        told = {"client": "northwind", "asset": asset, "revision": revision, "at": now.isoformat(), **data}
        event = InboundEvent(
            system=cms,
            client=house.clients["northwind"],
            event_id=f"{kind}/{asset}/{revision}",
            type=kind,
            subject=asset,
            time=now,
            sealed=seal_secret(json.dumps(told)),
        )
        handler = handlers.handler_for(kind)
        assert handler is not None
        with acting(by, at=now):
            handler([event], by=by, now=now)

    return heard

"""The client's own word about a revision: by signed link, once, about exactly what is in review, and nothing is approved without it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from exceptions import services as exceptions
from exceptions.models import Notification
from exceptions.selectors import waiting_longest
from orders.campaigns.errors import ClientHasNotAgreed, ContentChanged
from orders.campaigns.models import Asset, AssetApproval
from orders.campaigns.services import asking
from orders.campaigns.services.assets import describe_asset
from orders.campaigns.services.reviewing import approve_asset, send_back, sign_item, submit_asset
from rules.models import AssetKind
from rules.services import freeze_rule_book, save_edited
from tests.cast import House
from tests.orders.campaigns.conftest import Hear
from tests.orders.campaigns.test_content import broken

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PREVIEW = "https://cms.example/preview/tents"


@pytest.fixture
def reviewed(asset: Asset, house: House, now: datetime) -> Asset:
    """In review with everything signed: the content owner could approve it."""
    submit_asset(asset_id=asset.pk, by=house.actor("amal"), now=now)
    asset.refresh_from_db()
    for item in asset.checklist:
        sign_item(asset_id=asset.pk, item=item, revision=1, by=house.actor("bo"), now=now)
    return asset


def ask(asset: Asset, house: House, now: datetime, hours: int = 24) -> tuple[AssetApproval, str]:
    return asking.ask_client(
        asset_id=asset.pk, contact="Jo Client", preview=PREVIEW, hours=hours, by=house.actor("amal"), now=now
    )


def answer(
    asked: tuple[AssetApproval, str], now: datetime, *, agree: bool = True, comment: str = "", name: str = "Jo"
) -> AssetApproval:
    question, token = asked
    return asking.answer_link(
        token=token,
        agree=agree,
        name=name,
        comment=comment,
        seen_hash=question.content_hash,
        caller="198.51.100.9",
        now=now,
    )


def approve(asset: Asset, house: House, now: datetime) -> Asset:
    return approve_asset(asset_id=asset.pk, by=house.actor("lee"), now=now)


def test_where_its_kind_says_so_nothing_is_approved_without_the_clients_yes(
    reviewed: Asset, house: House, now: datetime
) -> None:
    kind = AssetKind.objects.get(slug="blog-post")
    kind.client_agrees = True
    save_edited(edited=kind, by=house.actor("kim"), now=now, seen=kind.version, reason="They want to be asked")
    freeze_rule_book(by=house.actor("kim"), now=now, note="Clients agree")
    with pytest.raises(ClientHasNotAgreed, match="The client agrees first: ask them about revision 1"):
        approve(reviewed, house, now)
    asked = ask(reviewed, house, now)
    with pytest.raises(ClientHasNotAgreed, match="Jo Client is being asked until"):
        approve(reviewed, house, now)
    with pytest.raises(Conflict, match="being asked already"):
        ask(reviewed, house, now)
    waits = {(row.what, row.whom) for row in waiting_longest(by=house.actor("lee"), now=now)}
    assert ("Client's answer", "Jo Client") in waits
    with pytest.raises(Invalid):
        answer(asked, now, name=" ")
    assert answer(asked, now).state == "agreed"
    with pytest.raises(NotFound, match="not valid"):
        answer(asked, now)
    assert approve(reviewed, house, now).state == "approved"
    told = Event.objects.filter(subject_type="campaigns.assetapproval").order_by("seq").values_list("type", "actor")
    assert list(told) == [
        ("asset_approval.sent", house.actor("amal").id),
        ("asset_approval.agreed", f"client-link:{asked[0].pk}"),
    ]
    assert Notification.objects.filter(event="asset_approval.agreed", owner__slug="lee").count() == 1
    assert broken() == []


def test_a_no_says_why_and_sends_the_revision_back(reviewed: Asset, house: House, now: datetime) -> None:
    asked = ask(reviewed, house, now)
    with pytest.raises(Invalid):
        answer(asked, now, agree=False)
    answer(asked, now, agree=False, comment="The price is last year's.")
    reviewed.refresh_from_db()
    assert (reviewed.state, reviewed.in_hand.slug) == ("draft", "amal")
    owners = Notification.objects.filter(event="asset_approval.declined").values_list("owner__slug", flat=True)
    assert sorted(owners) == ["amal", "lee"]
    with pytest.raises(Conflict):
        approve(reviewed, house, now)
    assert broken() == []


def test_a_link_opens_nothing_that_is_late_forged_taken_back_or_about_something_else_by_now(
    reviewed: Asset, house: House, hear: Hear, now: datetime
) -> None:
    amal = house.actor("amal")
    with pytest.raises(Invalid, match="https"):
        asking.ask_client(asset_id=reviewed.pk, contact="Jo", preview="cms/tents", by=amal, now=now)
    with pytest.raises(Refused):
        asking.ask_client(asset_id=reviewed.pk, contact="Jo", preview=PREVIEW, by=house.actor("ada"), now=now)
    _, token = ask(reviewed, house, now, hours=1)
    for given, at in ((token, now + HOUR), (token[:-2] + "xx", now), ("nothing", now)):
        with pytest.raises(NotFound, match="not valid"):
            asking.opened_link(token=given, caller="198.51.100.2", now=at)
    exceptions.sweep_timers(now=now + HOUR)
    assert AssetApproval.objects.get().state == "lapsed"
    asking_again = ask(reviewed, house, now)
    asking.revoke_link(asset_id=reviewed.pk, by=amal, now=now)
    with pytest.raises(IllegalTransition):
        asking.revoke_link(asset_id=reviewed.pk, by=amal, now=now)
    stale = ask(reviewed, house, now)
    described: dict[str, Any] = {
        "title": "Other tents",
        "owner": "amal",
        "backup": "bo",
        "content_owner": "lee",
        "skus": ["TENT-2"],
    }
    describe_asset(asset_id=reviewed.pk, **described, reason="A better title", by=amal, now=now)
    gone = ask(reviewed, house, now)
    hear("content.revised", 2, now=now)
    for _, one in (asking_again, stale, gone):
        with pytest.raises(NotFound, match="not valid"):
            asking.opened_link(token=one, caller="198.51.100.3", now=now)
    assert list(AssetApproval.objects.order_by("id").values_list("state", flat=True)) == ["lapsed", *["revoked"] * 3]
    assert broken() == []


def test_a_yes_binds_to_what_was_seen_and_to_what_is_live(reviewed: Asset, house: House, now: datetime) -> None:
    question, token = ask(reviewed, house, now)
    with pytest.raises(ContentChanged, match="has changed since"):
        asking.answer_link(
            token=token, agree=True, name="Jo", comment="", seen_hash="0" * 64, caller="198.51.100.4", now=now
        )
    assert AssetApproval.objects.get(pk=question.pk).state == "sent"
    send_back(asset_id=reviewed.pk, reason="Wrong price", by=house.actor("lee"), now=now)
    with pytest.raises(NotFound):
        answer((question, token), now)
    assert AssetApproval.objects.get(pk=question.pk).state == "revoked"

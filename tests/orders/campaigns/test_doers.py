"""What connected systems are asked to do once content is live, and no more once it is withdrawn."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.campaigns.models import Asset
from orders.campaigns.services.assets import withdraw_asset
from orders.sync.models import Expectation, FlowRun, OutboundMessage, System
from rules.models import AssetKind
from rules.selectors import validate_payload
from rules.services import freeze_rule_book, save_edited
from rules.shipped.content import ASKED_FOR
from rules.states import Layer
from tests.cast import House
from tests.orders.campaigns.conftest import Hear, review

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ASKED_EVENTS = [event_type for _, event_type, _ in ASKED_FOR]


@pytest.fixture
def connect(house: House, system: Actor, now: datetime) -> None:
    """Every kind of system that does what follows; Northwind has a CDN of its own, and no ads lead to what is Fable's."""
    only = {"cdn-own": house.clients["northwind"], "ads": house.clients["northwind"]}
    slugs = {"cdn": Layer.CDN, "cdn-own": Layer.CDN, "dam": Layer.DAM, "l10n": Layer.LOCALIZATION, "ads": Layer.ADS}
    with acting(system, at=now):
        for slug, layer in slugs.items():
            System.objects.create(
                slug=slug,
                name=slug,
                layer=layer,
                base_url=f"https://{slug}.example",
                owner=house.owners["amal"],
                client=only.get(slug),
            )


@pytest.fixture
def wants_it_all(house: House, now: datetime) -> None:
    kind = AssetKind.objects.get(slug="blog-post")
    kind.outcomes = [{"name": name, "event_type": event, "sla": sla} for name, event, sla in ASKED_FOR]
    save_edited(edited=kind, by=house.actor("kim"), now=now, seen=kind.version, reason="Readers abroad")
    freeze_rule_book(by=house.actor("kim"), now=now, note="Readers abroad")


def asked() -> list[tuple[str, str, int]]:
    messages = OutboundMessage.objects.filter(type="content.follow_up_requested").order_by("number")
    assert [found for one in messages for found in validate_payload(one.type, None, one.payload)] == []
    return [(one.system.slug, one.payload["kind"], one.payload["revision"]) for one in messages]


def go_live(asset: Asset, house: House, hear: Hear, now: datetime) -> FlowRun:
    review(asset, house, now)
    hear("content.published", 1, now=now, url="https://northwind.example/tents")
    asset.refresh_from_db()
    return FlowRun.objects.get(subject_id=str(asset.pk))


@pytest.mark.usefixtures("connect", "wants_it_all")
def test_what_is_live_is_purged_translated_rendered_and_advertised_and_whoever_is_silent_is_missed(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    run = go_live(asset, house, hear, now)
    assert asked() == [("cdn-own", "purge", 1), ("l10n", "translate", 1), ("dam", "render", 1), ("ads", "advertise", 1)]
    assert OutboundMessage.objects.get(system__slug="cdn-own").payload["url"] == "https://northwind.example/tents"
    for event_type in ASKED_EVENTS[1:]:
        hear(event_type, 1, now=now)
    exceptions.sweep_timers(now=now + HOUR / 4)
    (case,) = ExceptionCase.objects.live().filter(type="content-follow-up")
    assert (case.owner.slug, case.evidence["expected"]) == ("amal", "content.purged")
    hear("content.purged", 1, now=now + HOUR)
    case.refresh_from_db()
    run.refresh_from_db()
    assert (case.state, run.state) == ("resolved", "done")


@pytest.mark.usefixtures("connect", "wants_it_all")
def test_no_ad_leads_to_what_is_withdrawn_or_somebody_hears_of_it(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    go_live(asset, house, hear, now)
    withdraw_asset(asset_id=asset.pk, reason="Tents are sold out", by=house.actor("amal"), now=now)
    assert asked()[-1] == ("ads", "stop_ads", 1)
    exceptions.sweep_timers(now=now + 2 * HOUR)
    (case,) = ExceptionCase.objects.live().filter(type="content-follow-up")
    assert case.headline.startswith("Stop of the ads of “Tents for spring” did not come")
    hear("ads.stopped", 1, now=now + 3 * HOUR)
    case.refresh_from_db()
    states = (
        FlowRun.objects.filter(subject_id=str(asset.pk)).order_by("started_at", "pk").values_list("state", flat=True)
    )
    assert (case.state, list(states)) == ("resolved", ["cancelled", "done"])


@pytest.mark.usefixtures("wants_it_all")
def test_where_nothing_is_connected_nobody_is_asked_and_nothing_that_is_published_ends_there(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    """A kind that expects nothing else expects it all the same; withdrawn, it has nothing to stop."""
    go_live(asset, house, hear, now)
    assert (asked(), Expectation.objects.count()) == ([], 4)
    withdraw_asset(asset_id=asset.pk, reason="Tents are sold out", by=house.actor("amal"), now=now)
    assert (asked(), FlowRun.objects.get().state) == ([], "cancelled")


def test_beside_what_others_do_only_what_a_connected_system_does_is_expected(
    asset: Asset, house: House, hear: Hear, system: Actor, now: datetime
) -> None:
    go_live(asset, house, hear, now)
    assert not Expectation.objects.filter(event_type__in=ASKED_EVENTS).exists()

"""Content from its draft to its outcomes, and when sales needs it to say something else."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from audit import folds
from audit.access import system_actor
from audit.checks import invariants
from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, NotFound, Refused
from audit.models import Event, User
from audit.words import in_words
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.selectors import waiting_longest
from orders.campaigns import selectors
from orders.campaigns.errors import AlreadyAsked, NotTheirs, Unsigned
from orders.campaigns.management import demo
from orders.campaigns.models import Asset, MessagingChange, Signature
from orders.campaigns.services.assets import describe_asset, withdraw_asset
from orders.campaigns.services.messaging import ask_for_change, decide_change
from orders.campaigns.services.reviewing import approve_asset, send_back, sign_item, submit_asset
from orders.sync.errors import Unprocessable
from orders.sync.models import FlowRun, OutboundMessage, System
from orders.sync.sandbox import Control, Sandbox
from rules.models import AssetKind
from rules.selectors import validate_payload
from rules.services import freeze_rule_book, save_edited
from tests.cast import House
from tests.orders.campaigns.conftest import Hear, begin, review

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
FOLLOW_UPS = ["crm.tagged", "brief.written", "promo_copy.written", "email_sequence.scheduled", "enablement.delivered"]
WANTED = "Customers ask about rain: say that it keeps dry at 3,000 mm."


def live(kind: str) -> list[tuple[str, str]]:
    cases = ExceptionCase.objects.live().filter(type=kind).select_related("owner").order_by("number")
    return [(case.subject_key, case.owner.slug) for case in cases]


def told(asset: Asset) -> list[str]:
    """What the trail says of the asset and of what was asked of it, in its order."""
    about = [str(asset.pk), *map(str, MessagingChange.objects.filter(asset=asset).values_list("pk", flat=True))]
    return list(Event.objects.filter(subject_id__in=about).order_by("at", "id").values_list("type", flat=True))


def asked_of_cms() -> list[tuple[str, dict[str, Any]]]:
    messages = OutboundMessage.objects.filter(type="content.requested").order_by("number")
    return [(one.key, {name: one.payload.get(name) for name in ("kind", "revision", "wanted")}) for one in messages]


def broken() -> list[object]:
    """Whatever breaks an invariant of content, or stands elsewhere than the trail says."""
    found: list[object] = []
    with connection.cursor() as cursor:
        for check in invariants():
            if check.id.startswith("content-"):
                cursor.execute(check.sql)
                found += cursor.fetchall()
        for fold in folds.registered():
            if fold.name.startswith("campaigns."):
                cursor.execute(fold.sql)
                found += [row for row in cursor.fetchall() if row[1] != row[2]]
    return found


def waits(house: House, now: datetime) -> tuple[str, str, bool]:
    """What the ageing list of the approvals says: what, whose it is, and whether it is late."""
    (row,) = waiting_longest(by=house.actor("bo"), now=now)
    return row.what, row.whom, row.is_late


def publish(asset: Asset, house: House, hear: Hear, now: datetime) -> Asset:
    review(asset, house, now)
    hear("content.published", 1, now=now, url="https://northwind.example/tents")
    asset.refresh_from_db()
    return asset


def test_every_state_has_one_owner_and_a_deadline_and_nothing_unsigned_is_approved(
    asset: Asset, house: House, cms: System, hear: Hear, now: datetime
) -> None:
    lee, amal = house.actor("lee"), house.actor("amal")
    stood = [(asset.state, asset.in_hand.slug, asset.due_at is not None)]
    submit_asset(asset_id=asset.pk, by=amal, now=now)
    with pytest.raises(NotTheirs, match="content owner does this: Lee Weber"):
        approve_asset(asset_id=asset.pk, by=amal, now=now)
    with pytest.raises(Unsigned, match="Facts and prices are right; Images may be used"):
        approve_asset(asset_id=asset.pk, by=lee, now=now)
    send_back(asset_id=asset.pk, reason="The price is wrong", by=lee, now=now)
    submitted = submit_asset(asset_id=asset.pk, by=amal, now=now)
    stood.append((submitted.state, submitted.in_hand.slug, submitted.due_at is not None))
    assert (submitted.revision, submitted.signatures.count()) == (2, 0)
    with pytest.raises(Conflict, match="Revision 2 is in review now"):
        sign_item(asset_id=asset.pk, item=submitted.checklist[0], revision=1, by=amal, now=now)
    with pytest.raises(Invalid, match="Choose one of"):
        sign_item(asset_id=asset.pk, item="It is pretty", revision=2, by=amal, now=now)
    approved = review(asset, house, now, submit=False)
    stood.append((approved.state, approved.in_hand.slug, approved.due_at is not None))
    with pytest.raises(Unprocessable, match="nobody approved it"):
        hear("content.published", 3, now=now)
    hear("content.published", 2, now=now, url="https://northwind.example/tents")
    asset.refresh_from_db()
    stood.append((asset.state, asset.in_hand.slug, asset.due_at is not None))
    assert stood == [
        ("draft", "amal", True),
        ("in_review", "lee", True),
        ("approved", "amal", True),
        ("published", "amal", False),
    ]
    assert asked_of_cms() == [(f"{asset.key}/publish/2", {"kind": "publish", "revision": 2, "wanted": None})]
    assert Signature.objects.filter(asset=asset, revision=2).count() == 3
    assert (asset.url, broken()) == ("https://northwind.example/tents", [])


def test_messaging_that_sales_needs_different_is_decided_revised_and_followed_up_anew(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    """C04.11."""
    publish(asset, house, hear, now)
    first = FlowRun.objects.get(subject_id=str(asset.pk))
    due = {one.event_type: one.due_at - now for one in first.expectations.all()}
    assert (due["crm.tagged"], due["enablement.delivered"]) == (2 * HOUR, 48 * HOUR)
    for kind in FOLLOW_UPS[:2]:
        hear(kind, 1, now=now + HOUR)

    wish = ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now + HOUR)
    case = ExceptionCase.objects.get(pk=wish.case_id)
    assert (case.type, case.owner.slug, case.state, wish.decider.slug) == ("messaging-change", "lee", "open", "lee")
    with pytest.raises(AlreadyAsked, match=f"Bo Lindqvist has asked for it already: see {case.key}"):
        ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("amal"), now=now + HOUR)
    with pytest.raises(Conflict, match="Still missing"):
        exceptions.resolve_case(case_id=case.pk, outcome="changed", by=house.actor("lee"), now=now + HOUR)
    for other in ("bo", "amal", "kim"):
        with pytest.raises(NotTheirs, match="Only the decider does this: Lee Weber"):
            decide_change(asset_id=asset.pk, change=True, reason="I say so", by=house.actor(other), now=now + HOUR)

    at = now + 2 * HOUR
    decided = decide_change(asset_id=asset.pk, change=True, reason="Half of them ask", by=house.actor("lee"), now=at)
    assert (decided.state, decided.reason, decided.decided_by_name) == ("to_change", "Half of them ask", "Lee Weber")
    assert asked_of_cms()[1] == (
        f"{asset.key}/revise/2/{case.key}",
        {"kind": "revise", "revision": 2, "wanted": WANTED},
    )
    hear("content.revised", 2, now=at + HOUR)
    review(asset, house, at + HOUR, submit=False)
    hear("content.published", 2, now=at + 2 * HOUR)
    first.refresh_from_db()
    second = FlowRun.objects.get(subject_id=str(asset.pk), state="running")
    assert (first.state, second.expectations.filter(met_at=None).count()) == ("cancelled", 5)
    hear("crm.tagged", 1, now=at + 2 * HOUR)  # of the old revision: it proves nothing of the new one
    with pytest.raises(Unprocessable, match=r"Revision 3 of AS-.* is not live yet"):
        hear("crm.tagged", 3, now=at + 2 * HOUR)
    for kind in FOLLOW_UPS:
        case.refresh_from_db()
        assert case.state == "open"
        hear(kind, 2, now=at + 3 * HOUR)
    case.refresh_from_db()
    wish.refresh_from_db()
    second.refresh_from_db()
    assert (second.state, case.state, case.outcome) == ("done", "resolved", "changed")
    assert (wish.state, wish.from_revision, wish.to_revision) == ("done", 1, 2)
    review_of_two = ["asset.signed"] * 3 + ["asset.approved", "asset.published"]
    assert told(asset) == [
        *("asset.added", "asset.submitted", *review_of_two),
        *("messaging.asked", "messaging.to_change", "asset.revision_requested"),
        *("asset.revised", *review_of_two, "messaging.done"),
    ]
    assert broken() == []


def test_messaging_that_is_kept_ends_at_once_and_a_withdrawn_case_needs_no_answer(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    with pytest.raises(Conflict, match="change the draft instead"):
        ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now)
    publish(asset, house, hear, now)
    wish = ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now)
    with pytest.raises(Invalid):
        decide_change(asset_id=asset.pk, change=False, reason="", by=house.actor("lee"), now=now)
    decide_change(asset_id=asset.pk, change=False, reason="It says so below", by=house.actor("lee"), now=now)
    case = ExceptionCase.objects.get(pk=wish.case_id)
    assert (case.state, case.outcome) == ("resolved", "kept")
    assert Asset.objects.get(pk=asset.pk).state == "published"
    again = ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now)
    exceptions.withdraw_case(case_id=again.case_id, reason="A mistake", by=house.actor("bo"), now=now)
    again.refresh_from_db()
    assert (again.state, broken()) == ("withdrawn", [])
    with pytest.raises(Conflict, match="Nothing is to be decided"):
        decide_change(asset_id=asset.pk, change=True, reason="Late", by=house.actor("lee"), now=now)


def test_the_decider_is_a_rule_of_the_book_and_somebody_away_is_stood_in_for(
    asset: Asset, house: House, hear: Hear, system: Actor, now: datetime
) -> None:
    kind = AssetKind.objects.get(slug="blog-post")
    kind.decider = house.owners["mara"]
    save_edited(edited=kind, by=house.actor("kim"), now=now, seen=kind.version, reason="Revenue decides")
    freeze_rule_book(by=house.actor("kim"), now=now, note="Revenue decides")
    publish(asset, house, hear, now)
    wish = ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now)
    assert (wish.decider.slug, live("messaging-change")) == ("mara", [(asset.key, "mara")])
    exceptions.go_away(
        person="mara", starts_at=now, ends_at=now + 48 * HOUR, cover="lee", by=house.actor("mara"), now=now
    )
    kept = decide_change(asset_id=asset.pk, change=False, reason="It is fine", by=house.actor("lee"), now=now + HOUR)
    assert kept.state == "kept"


def test_whatever_waits_too_long_becomes_an_exception_of_whoever_has_it_and_ends_when_it_goes_on(
    asset: Asset, house: House, hear: Hear, now: datetime
) -> None:
    """C06.6: drafts that linger in review and checklists nobody signs climb a ladder like everything else."""
    submit_asset(asset_id=asset.pk, by=house.actor("amal"), now=now)
    late = Asset.objects.get(pk=asset.pk).due_at
    assert late is not None
    exceptions.sweep_timers(now=late - timedelta(seconds=1))
    assert live("content-overdue") == []
    assert waits(house, now) == ("Checklist to be signed", "Lee Weber", False)
    exceptions.sweep_timers(now=late)
    assert (live("content-overdue"), broken()) == ([(asset.key, "lee")], [])
    title = ExceptionCase.objects.get(type="content-overdue").headline
    assert title == f"{asset.key} “Tents for spring” is “in review” since Fri 20 Nov 09:00 UTC"
    with translation.override("de"):
        assert in_words(title) == f"{asset.key} „Tents for spring“ ist „In Prüfung“ seit Fr, 20. Nov, 09:00 UTC"
    assert waits(house, late) == ("Checklist to be signed", "Lee Weber", True)
    assert waiting_longest(by=house.actor("noor"), now=late) == []
    review(asset, house, late, submit=False)
    assert live("content-overdue") == []
    hear("content.published", 1, now=late)
    exceptions.sweep_timers(now=late + 2 * HOUR)
    assert live("content-follow-up") == [(asset.key, "amal")]
    for kind in FOLLOW_UPS:
        hear(kind, 1, now=late + 3 * HOUR)
    assert (live("content-follow-up"), FlowRun.objects.get().state, broken()) == ([], "done", [])


def test_content_that_is_withdrawn_waits_for_nothing(asset: Asset, house: House, hear: Hear, now: datetime) -> None:
    publish(asset, house, hear, now)
    ask_for_change(asset_id=asset.pk, wanted=WANTED, by=house.actor("bo"), now=now)
    withdraw_asset(asset_id=asset.pk, reason="Tents are sold out", by=house.actor("amal"), now=now)
    assert FlowRun.objects.get().state == "cancelled"
    assert not ExceptionCase.objects.live().filter(subject_id=str(asset.pk)).exists()
    assert (MessagingChange.objects.get().state, broken()) == ("withdrawn", [])
    with pytest.raises(Unprocessable, match="is withdrawn"):
        hear("content.revised", 2, now=now)
    with pytest.raises(Unprocessable, match="no content “winter”"):
        hear("content.revised", 2, now=now, asset="winter")


def test_nobody_who_has_to_answer_may_be_missing_and_others_clients_are_as_good_as_none(
    asset: Asset, house: House, now: datetime
) -> None:
    with pytest.raises(Invalid) as blank:
        begin(house, now, "bare", title=" ", content_owner="")
    assert [error.pointer for error in blank.value.errors] == ["/title", "/content_owner"]
    given: dict[str, Any] = {
        "title": "T",
        "owner": "amal",
        "backup": "amal",
        "content_owner": "lee",
        "reason": "Because",
    }
    with pytest.raises(Invalid, match="somebody other than the owner"):
        describe_asset(asset_id=asset.pk, **given, by=house.actor("amal"), now=now)
    with pytest.raises(Conflict, match="called spring-tents already"):
        begin(house, now)
    with pytest.raises(Conflict, match="changed since you looked"):
        describe_asset(asset_id=asset.pk, **given | {"backup": "bo"}, by=house.actor("amal"), now=now, seen=9)
    with pytest.raises(NotFound):
        withdraw_asset(asset_id=asset.pk, reason="Mine now", by=house.actor("noor"), now=now)
    with pytest.raises(Refused, match=r"content\.work_asset"):
        withdraw_asset(asset_id=asset.pk, reason="I only look", by=house.actor("ada"), now=now)
    assert not selectors.assets_for(house.actor("noor")).exists()
    with acting(system_actor("test"), at=now), pytest.raises(IntegrityError), transaction.atomic():
        Asset.objects.filter(pk=asset.pk).update(backup=house.owners["amal"])


def test_the_sandbox_says_what_a_content_system_has_to_say(house: House) -> None:
    """Asked to revise or to publish, it answers in words the contracts know, about the revision it was asked for."""
    asked = {"request": "AS-1/publish/2", "client": "northwind", "asset": "spring-tents", "revision": 2}
    sandbox: Any = SimpleNamespace(control=Control())
    said = {
        kind: [event for _, event, _ in Sandbox._sayings(sandbox, "k", {**asked, "kind": kind}, "")]
        for kind in ("revise", "publish")
    }
    assert [one["type"] for one in said["revise"]] == ["content.revised"]
    first, *others = [one["type"] for one in said["publish"]]
    assert (first, set(others)) == ("content.published", set(FOLLOW_UPS))
    for one in said["revise"] + said["publish"]:
        assert (one["subject"], one["data"]["revision"]) == ("spring-tents", 2)
        assert validate_payload(one["type"], None, one["data"]) == []


def test_the_demo_has_content_at_every_stage_and_a_wish_to_decide(house: House, now: datetime) -> None:
    """Made once; amal's team answers for what it says."""
    User.objects.filter(username="bo").update(username="jonas")
    assert (demo.seed(now=now), demo.seed(now=now)) == (3, 3)
    assert sorted(Asset.objects.values_list("slug", "state")) == [
        ("packing-light", "in_review"),
        ("river-guide", "draft"),
        ("spring-tents", "published"),
    ]
    assert live("messaging-change") == [(Asset.objects.get(slug="spring-tents").key, "client-success")]
    assert (Signature.objects.filter(asset__slug="packing-light").count(), broken()) == (1, [])

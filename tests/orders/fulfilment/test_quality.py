"""Quality checks: which parcels have which, what passes and fails, what they stop, and who gets what failed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from audit.access import Role, system_actor
from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.selectors.folding import fold_all
from audit.selectors.invariants import check_all
from exceptions import services as exceptions
from exceptions.errors import CriteriaNotMet
from exceptions.models import ExceptionCase, Notification, Timer, WaiverUse
from exceptions.models.timers import LIVE
from orders.fulfilment.errors import CheckDone, ChecksOpen, Held
from orders.fulfilment.models import CheckResult, Hold, Order, ParcelCheck, Sku
from orders.fulfilment.selectors.checks import checks_of
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.arrivals import hear_arrivals
from orders.fulfilment.services.checking import Photo, perform_check
from orders.fulfilment.services.describing import describe_product
from orders.fulfilment.services.handing_over import hand_over_parcel
from orders.sync.models import OutboundMessage, System
from rules import selectors as rules
from rules.models import Client, Owner, ProductLine, QualityCheck
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import grant, person

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
KEPT = ["quality-01", "quality-02", "quality-03", "quality-04", "orders-01", "orders-04"]
Check = Callable[..., CheckResult]


@pytest.fixture
def packer(northwind: Client) -> Actor:
    return person(7, Role.PACKER, northwind)


@pytest.fixture
def checked(northwind: Client, system: Actor, now: datetime) -> Callable[..., None]:
    """Switch shipped checks on, with other settings where they are given, and freeze the book."""

    def _checked(*slugs: str, **settings: Any) -> None:
        with acting(system, at=now):
            QualityCheck.objects.filter(slug__in=slugs).update(is_active=True, **settings)
        freeze_rule_book(by=system, now=now, note="checks")

    return _checked


@pytest.fixture
def check(packer: Actor, now: datetime) -> Check:
    """Check a parcel of an order as a packer."""

    def _check(order: Order, slug: str, photo: Photo | None = None, at: datetime = now, **seen: Any) -> CheckResult:
        found = ParcelCheck.objects.get(order=order, slug=slug)
        return perform_check(check_id=found.pk, seen=seen, photo=photo, by=packer, now=at)

    return _check


@pytest.fixture
def carrier(northwind: Client, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        for layer in (Layer.CARRIER, Layer.WMS):
            System.objects.create(slug=f"nw-{layer}", name=layer, layer=layer, client=northwind, owner=owner)


def known(code: str, now: datetime, **facts: Any) -> None:
    describe_product(sku_id=Sku.objects.get(code=code).pk, **facts, by=system_actor("test"), now=now)


def state_of(order: Order, slug: str) -> str:
    return ParcelCheck.objects.get(order=order, slug=slug).state


def cases() -> list[tuple[str, str]]:
    return [(one.type, one.owner.slug) for one in ExceptionCase.objects.live().order_by("number")]


def sent(kind: str) -> int:
    return OutboundMessage.objects.filter(key__contains=f"/{kind}/").count()


def all_is_well() -> bool:
    """What must always be so is, and the trail alone tells where every check stands."""
    told = {one.name: one.different for one in fold_all() if one.name.startswith("fulfilment.parcelcheck")}
    return told == {"fulfilment.parcelcheck.state": 0} and all(one.violations == 0 for one in check_all(only=KEPT))


def test_nothing_is_picked_before_product_and_lot_are_right_and_a_wrong_lot_fails(
    place: make.Place, checked: Callable[..., None], check: Check, carrier: None, northwind: Client, now: datetime
) -> None:
    checked("product-and-lot")
    came = make.news("stock.received", northwind, "STOVE", now, sku="STOVE", quantity=2, location="main", lot="L41")
    hear_arrivals(news=[came], by=system_actor("test"), now=now)
    known("STOVE", now, barcode="4006381333931")
    order = place(lines=[make.line("STOVE")])
    parcel = order.fulfilments.get()
    assert (parcel.state, state_of(order, "product-and-lot"), sent("pick_pack")) == ("planned", "open", 0)
    with pytest.raises(Invalid, match="Scan or type the lot"):
        check(order, "product-and-lot", code="STOVE")
    failed = check(order, "product-and-lot", code="stove", lot="L9")
    assert failed.sentences == ["Lot L9 of STOVE is not set aside for this parcel; L41 is."]
    assert (state_of(order, "product-and-lot"), sent("pick_pack"), cases()) == (
        "failed",
        0,
        [("quality-check", "logistics")],
    )
    case = ExceptionCase.objects.live().get()
    assert case.title == f"{parcel.key}: “Product and lot” failed: {failed.sentences[0]}"
    assert case.evidence["remediation"].startswith("Put it back.")
    passed = check(order, "product-and-lot", code="]C1010400638133393110L41")  # GS1: product and lot in one scan
    assert (passed.seen, passed.verdict) == ({"code": "04006381333931", "lot": "L41"}, "passed")
    parcel.refresh_from_db()
    assert (parcel.state, sent("pick_pack"), cases()) == ("tasked", 1, [])
    assert [one.number for one in CheckResult.objects.order_by("number")] == [1, 2]
    assert Hold.objects.get(reason="quality").released_why == "it is not failed any more"
    assert all_is_well()


def test_what_is_known_of_a_product_must_not_be_stale(
    place: make.Place, checked: Callable[..., None], check: Check, now: datetime
) -> None:
    checked("product-and-lot", facts_max_age_days=30)
    known("TENT-2", now - timedelta(days=31))
    order = place()
    assert check(order, "product-and-lot", code="TENT-2").sentences == [
        "What is known of TENT-2 is older than 30 days: nobody can say that it is right."
    ]
    known("TENT-2", now - timedelta(days=30))
    assert check(order, "product-and-lot", code="TENT-2").verdict == "passed"


def test_every_unit_is_scanned_a_wrong_one_fails_and_a_photo_is_enough(
    place: make.Place, checked: Callable[..., None], check: Check, tell: make.Tell, carrier: None
) -> None:
    checked("right-contents")
    order = place(lines=[make.line("TENT-2", 3)])
    parcel = order.fulfilments.get()
    tell("shipment.packed", parcel.key)
    assert sent("ship") == 0
    seen = [check(order, "right-contents", code="TENT-2", quantity=2).verdict]
    assert (seen, sent("ship")) == (["right_so_far"], 0)
    wrong = check(order, "right-contents", code="PEG")
    assert (wrong.sentences, state_of(order, "right-contents")) == (["PEG is not in this parcel."], "failed")
    assert check(order, "right-contents", code="TENT-2", quantity=4).sentences == [
        "4 of TENT-2 were scanned, 3 were ordered."
    ]
    assert check(order, "right-contents", code="TENT-2", quantity=3).verdict == "passed"
    assert sent("ship") == 1
    with pytest.raises(CheckDone, match="Lee has checked it already"):
        check(order, "right-contents", code="TENT-2")
    other = place()
    tell("shipment.packed", other.fulfilments.get().key)
    with pytest.raises(Invalid, match="is no picture"):
        check(other, "right-contents", photo=Photo("notes.txt", b"looks fine"))
    shown = check(other, "right-contents", photo=Photo("box.png", PNG))
    assert (shown.verdict, shown.seen, shown.content_type, shown.size) == ("passed", {"photo": True}, "image/png", 48)
    assert all_is_well()


def test_what_nobody_has_weighed_fails_until_somebody_has(
    place: make.Place, checked: Callable[..., None], check: Check, tell: make.Tell, now: datetime
) -> None:
    checked("weight-and-size")
    order = place()
    tell("shipment.picked", order.fulfilments.get().key)
    assert check(order, "weight-and-size", weight_grams=900).sentences == ["Nobody has said what TENT-2 weighs."]
    known("TENT-2", now, weight_grams=1000)
    passed = check(order, "weight-and-size", weight_grams=1150)
    assert (passed.verdict, passed.expected) == (
        "passed",
        {"weight_grams": 1150, "sizes_mm": [], "tolerance_percent": 5},
    )


def test_a_checklist_asks_for_every_item_and_one_no_fails(
    place: make.Place, checked: Callable[..., None], check: Check, tell: make.Tell
) -> None:
    checked("well-packed", photo="required", items=["Clean", "Papers"])
    order = place()
    tell("shipment.picked", order.fulfilments.get().key)
    with pytest.raises(Invalid, match="Say yes or no to: Papers"):
        check(order, "well-packed", answers={"Clean": True})
    with pytest.raises(Invalid, match="Add a photo"):
        check(order, "well-packed", answers={"Clean": True, "Papers": True})
    assert check(order, "well-packed", answers={"Clean": False, "Papers": True}).sentences == ["Not so: Clean"]
    done = check(order, "well-packed", photo=Photo("a.png", PNG), answers={"Clean": True, "Papers": True})
    assert (done.verdict, state_of(order, "well-packed")) == ("passed", "passed")


def test_nothing_is_handed_over_with_a_bad_label_or_too_late(
    place: make.Place, checked: Callable[..., None], check: Check, tell: make.Tell, packer: Actor, now: datetime
) -> None:
    checked("well-packed", "right-label", "in-time", label_pattern="[A-Z]{2}[0-9]{9}DE")
    order = place(promised_at=(now + timedelta(days=3)).isoformat())
    parcel = order.fulfilments.get()
    tell("shipment.packed", parcel.key)

    def leave() -> None:
        hand_over_parcel(fulfilment_id=parcel.pk, carrier="DPD", tracking="RR473124829DE", by=packer, now=now)

    with pytest.raises(ChecksOpen, match="“Well packed”, “Right label”, “Arrives in time”"):
        leave()
    with pytest.raises(ChecksOpen, match="has to pass first: “Well packed”"):  # the step before comes first
        check(order, "right-label", code="RR473124829DE")
    check(
        order, "well-packed", answers=dict.fromkeys(ParcelCheck.objects.get(slug="well-packed").settings["items"], True)
    )
    assert check(order, "right-label", code="rr473124820de").sentences == [
        "RR473124820DE has a wrong check digit: scan it again, or print the label anew."
    ]
    assert check(order, "right-label", code="1Z").sentences == ["1Z does not look like a number of this carrier."]
    with pytest.raises(ChecksOpen):
        leave()
    assert check(order, "right-label", code="RR473124829DE").verdict == "passed"
    assert check(order, "in-time", arrives_on="2026-11-24").sentences == [
        "It arrives on 2026-11-24; 2026-11-23 was promised."
    ]
    with pytest.raises(ChecksOpen):
        leave()
    check(order, "in-time", arrives_on="2026-11-23")
    leave()
    parcel.refresh_from_db()
    assert (parcel.state, parcel.carrier, parcel.tracking_number) == ("handed_over", "DPD", "RR473124829DE")
    assert all_is_well()


def test_only_parcels_a_check_is_for_have_it_and_one_that_cannot_be_decided_is_made(
    place: make.Place, checked: Callable[..., None]
) -> None:
    checked("well-packed", predicate='lines.exists(l, l.unit_minor >= 50000) && client == "northwind"')
    assert not place().checks.exists()
    assert place(lines=[make.line(unit_minor=50_000)]).checks.get().slug == "well-packed"
    checked("well-packed", predicate="fraud_score < 10")
    assert place().checks.exists()  # the store told no score
    assert not place(fraud_score=50).checks.exists()


PROMISED = "2026-11-23"
BOX = {"weight_grams": 1_000, "length_mm": 300, "width_mm": 200, "height_mm": 100}
EACH_KIND: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("product-and-lot", {"facts_max_age_days": None}, {"code": "PEG"}, {"code": "TENT-2"}),
    ("right-contents", {}, {"code": "PEG"}, {"code": "TENT-2"}),
    ("well-packed", {"items": ["Clean"]}, {"answers": {"Clean": False}}, {"answers": {"Clean": True}}),
    ("weight-and-size", {"packaging_grams": 0, "cartons": [[300, 200, 100]]}, {**BOX, "weight_grams": 1_051}, BOX),
    ("weight-and-size", {"packaging_grams": 0, "cartons": [[300, 200, 100]]}, {**BOX, "height_mm": 106}, BOX),
    ("right-label", {"label_pattern": "[A-Z]{2}[0-9]{9}DE"}, {"code": "1Z"}, {"code": "RR473124829DE"}),
    ("in-time", {}, {"arrives_on": "2026-11-24"}, {"arrives_on": PROMISED}),
]


@pytest.mark.parametrize(("slug", "settings", "wrong", "right"), EACH_KIND)
def test_every_kind_of_check_blocks_its_step_with_a_case_of_its_owner_until_it_is_passed(
    place: make.Place,
    checked: Callable[..., None],
    check: Check,
    tell: make.Tell,
    carrier: None,
    packer: Actor,
    now: datetime,
    slug: str,
    settings: dict[str, Any],
    wrong: dict[str, Any],
    right: dict[str, Any],
) -> None:
    """C05.1: whoever the check names has it, and what was found is kept with what was expected."""
    checked(slug, owner=Owner.objects.get(slug="client-success"), **settings)
    order = place(promised_at=f"{PROMISED}T12:00:00+00:00")
    known("TENT-2", now, weight_grams=1_000)
    parcel = order.fulfilments.get()
    point = order.checks.get().point

    def goes_on() -> bool:
        """Whether the step after the check is taken: the task, the carrier's, the hand-over."""
        if point == "pick":
            return sent("pick_pack") > 0
        if point == "booking":
            return sent("ship") > 0
        try:
            hand_over_parcel(fulfilment_id=parcel.pk, carrier="DPD", by=packer, now=now)
        except ChecksOpen:
            return False
        return True

    if point != "pick":
        tell("shipment.packed", parcel.key)
    failed = check(order, slug, **wrong)
    assert (failed.verdict, bool(failed.sentences), goes_on()) == ("failed", True, False)
    assert cases() == [("quality-check", "client-success")]
    passed = check(order, slug, **right)
    assert (passed.verdict, cases(), goes_on()) == ("passed", [], True)
    kept = list(CheckResult.objects.order_by("number"))
    assert [(one.verdict, one.by, bool(one.expected), bool(one.seen)) for one in kept] == [
        ("failed", packer.id, True, True),
        ("passed", packer.id, True, True),
    ]


def test_what_a_client_or_a_line_of_it_says_stands_instead_of_what_the_house_says_of_the_same_kind(
    place: make.Place, checked: Callable[..., None], northwind: Client, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        line = ProductLine.objects.create(
            client=northwind, slug="nw-tents", name="Tents", kind="brand", predicate='channel == "tents"'
        )
        other = make.client_named("fable", "FB", name="Fable")
        house = QualityCheck.objects.get(slug="weight-and-size")
        for slug, client, of_line in (("nw", northwind, None), ("tents", northwind, line), ("fable", other, None)):
            row = {"slug": slug, "client": client, "line": of_line, "predicate": "", "is_active": True}
            QualityCheck.objects.create(name=slug, why="-", kind="measure", remediation="-", owner=house.owner, **row)
    checked("well-packed", "weight-and-size")
    slugs = [sorted(place(channel=one).checks.values_list("slug", flat=True)) for one in ("tents", "web")]
    assert slugs == [["tents", "well-packed"], ["nw", "well-packed"]]
    by = Actor("person", "user:9", "Noor", None, frozenset(), frozenset(), frozenset({other.pk}))
    seen = rules.document_for(by, rules.active_book().document)["quality_checks"]
    assert sorted(seen) == ["fable", "weight-and-size", "well-packed"]


def test_a_time_limited_exception_covers_what_it_names_while_it_lasts(
    place: make.Place,
    checked: Callable[..., None],
    check: Check,
    tell: make.Tell,
    carrier: None,
    northwind: Client,
    system: Actor,
    now: datetime,
) -> None:
    checked("right-contents")
    order = place()
    parcel = order.fulfilments.get()
    check(order, "right-contents", code="PEG")
    assert [one.words for one in Hold.objects.all()] == ["Right contents failed"]
    with pytest.raises(IllegalTransition, match="This hold goes once"):
        holds.release_hold(hold_id=Hold.objects.get().pk, by=system, now=now)
    grant(order, "skip-quality-check", northwind, now)
    assert not Hold.objects.filter(state="active").exists()
    tell("shipment.packed", parcel.key)
    assert (sent("ship"), Event.objects.filter(type="check.skipped").count()) == (1, 1)
    assert WaiverUse.objects.get().what == f"{parcel.key} “Right contents”"
    assert all_is_well()
    over = now + timedelta(minutes=240)
    exceptions.sweep_timers(now=over)
    assert Hold.objects.filter(state="active", reason="quality").count() == 1
    with pytest.raises(ChecksOpen):
        hand_over_parcel(fulfilment_id=parcel.pk, carrier="DPD", by=system, now=over)
    check(order, "right-contents", code="TENT-2", at=over)
    holds.hold_order(order_id=order.pk, words="Wait", by=system, now=over)
    with pytest.raises(Held):
        hand_over_parcel(fulfilment_id=parcel.pk, carrier="DPD", by=system, now=over)


def test_what_leaves_unchecked_is_kept_as_seen_and_somebody_is_told(
    place: make.Place, checked: Callable[..., None], tell: make.Tell, system: Actor, now: datetime
) -> None:
    checked("right-contents", "right-label")
    order = place()
    key = order.fulfilments.get().key
    tell("shipment.handed_over", key)
    case = ExceptionCase.objects.live().get()
    assert case.title == f"{key} has left without having passed “Right contents”, “Right label”"
    assert set(order.checks.values_list("state", flat=True)) == {"over"}
    assert all_is_well()
    with acting(system, at=now):
        ExceptionCase.objects.update(type="late-parcel")
    assert [one.offenders for one in check_all(only=["quality-01"])] == [(key, key)]


def test_a_label_printed_anew_is_checked_anew_and_a_parcel_packed_anew_too(
    place: make.Place, checked: Callable[..., None], check: Check, tell: make.Tell, system: Actor, now: datetime
) -> None:
    checked("right-contents", "right-label")
    order = place()
    key = order.fulfilments.get().key
    tell("shipment.packed", key)
    check(order, "right-contents", code="TENT-2")
    check(order, "right-label", code="A1")
    tell("order.changed", order.number, address={**make.BERLIN, "street": "Torstraße 14"})
    late = ExceptionCase.objects.live().get(type="late-change")
    exceptions.resolve_case(case_id=late.pk, outcome="accept", by=system, now=now)
    assert (state_of(order, "right-contents"), state_of(order, "right-label")) == ("passed", "open")
    check(order, "right-label", code="A2")
    tell("shipment.rejected", key, reason="too heavy")
    resuming.resend_tasks(order_id=order.pk, by=system, now=now)
    assert (state_of(order, "right-contents"), state_of(order, "right-label")) == ("open", "open")
    assert all_is_well()


def test_results_are_only_added_and_others_may_not_check(
    place: make.Place, checked: Callable[..., None], check: Check, northwind: Client, now: datetime
) -> None:
    checked("product-and-lot", facts_max_age_days=None)
    order = place()
    check(order, "product-and-lot", code="WRONG")
    with pytest.raises(DatabaseError, match="refuses UPDATE"), transaction.atomic():
        CheckResult.objects.update(verdict="passed")
    found: dict[str, Any] = {"check_id": order.checks.get().pk, "seen": {"code": "TENT-2"}, "now": now}
    with pytest.raises(Refused, match="People who have it: account manager, ops lead, admin, packer"):
        perform_check(**found, by=person(3, Role.SUPPORT, northwind))
    stranger = Actor("person", "user:9", "Noor", None, frozenset(), frozenset({"orders.check_parcel"}), frozenset())
    with pytest.raises(NotFound):
        perform_check(**found, by=stranger)


def due_of(order: Order) -> datetime:
    due = order.fulfilments.get().due_at
    assert due is not None
    return due


def clocks() -> list[datetime]:
    return list(
        Timer.objects.filter(LIVE, kind="fulfilment.check_due").order_by("due_at").values_list("due_at", flat=True)
    )


def test_a_check_nobody_looks_at_goes_to_who_stands_in_and_then_is_an_exception_until_it_is_made(
    place: make.Place, checked: Callable[..., None], check: Check, system: Actor, now: datetime
) -> None:
    checked("right-contents")
    order = place()
    (shown,) = checks_of(order)
    due = due_of(order) - timedelta(minutes=60)
    assert (shown.due_at, shown.due_words, clocks()) == (due, f"60 min before {shown.parcel} is due", [due])
    exceptions.sweep_timers(now=due - timedelta(seconds=1))
    exceptions.sweep_timers(now=due)
    (shown,) = checks_of(order)
    assert (shown.owner, shown.is_passed_on, cases()) == ("Ops", True, [])
    told = Event.objects.get(type="check.passed_on")
    assert (told.actor, Notification.objects.get(event="check.passed_on").owner.slug) == ("system:timers", "ops-team")
    late = due + timedelta(minutes=60)
    assert (clocks(), all_is_well()) == ([late], True)
    exceptions.sweep_timers(now=late)
    case = ExceptionCase.objects.live().get(type="quality-check-late")
    assert (case.owner.slug, case.title, clocks()) == (
        "ops-team",
        f"{shown.parcel}: nobody has done “Right contents” in time",
        [],
    )
    assert all_is_well()
    with pytest.raises(CriteriaNotMet, match="No check of the order is late any more"):
        exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=system, now=late)
    check(order, "right-contents", code="TENT-2", at=late)
    case.refresh_from_db()
    assert (case.state, clocks(), all_is_well()) == ("withdrawn", [], True)
    with acting(system, at=late):
        ParcelCheck.objects.update(state="open", ready_at=now, due_at=due)
    assert [one.offenders for one in check_all(only=["quality-04"])] == [(f"{shown.parcel}/right-contents",)]


def test_the_clock_of_a_check_runs_while_it_can_be_done_and_follows_the_parcel(
    place: make.Place,
    checked: Callable[..., None],
    check: Check,
    tell: make.Tell,
    northwind: Client,
    system: Actor,
    now: datetime,
) -> None:
    checked("right-contents", "right-label", within_minutes=30)
    order = place()
    parcel = order.fulfilments.get()
    assert clocks() == [due_of(order) - timedelta(minutes=30)]  # the label comes after the contents
    with acting(system, at=now):
        order.fulfilments.update(due_at=now + timedelta(minutes=20), version=F("version") + 1)
    resuming.look_again(order_id=order.pk, by=system, now=now)
    assert (clocks(), checks_of(order)[0].due_words) == (
        [now + timedelta(minutes=30)],
        "30 min after it could be done",
    )
    assert Event.objects.filter(type="check.deadline_moved").count() == 1
    grant(order, "skip-quality-check", northwind, now)
    assert clocks() == []
    exceptions.sweep_timers(now=now + timedelta(minutes=240))
    assert len(clocks()) == 1
    check(order, "right-contents", code="TENT-2", at=now + timedelta(minutes=241))
    assert [one.due_at is not None for one in checks_of(order)] == [False, True]
    tell("shipment.handed_over", parcel.key)
    assert (clocks(), all_is_well()) == ([], True)

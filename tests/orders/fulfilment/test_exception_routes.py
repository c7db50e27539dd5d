"""The routes of C04.3 to C04.8, by the clock: who has it, what they get along, and what happens when nobody acts."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Event
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from exceptions.models.timers import LIVE
from exceptions.selectors.payload import payload_of
from orders.fulfilment.models import Export, Fulfilment, Hold, Order
from orders.fulfilment.services import resuming
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.news import count_stock
from orders.sync.models import Attempt, OutboundMessage, System
from rules.models import Client, Owner, Sla
from rules.services import freeze_rule_book
from tests.factories import orders as make

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
PREFIXED = {**make.BERLIN, "postcode": "D-10119"}


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def the_case() -> ExceptionCase:
    return ExceptionCase.objects.live().select_related("owner").get()


def sweep(now: datetime) -> None:
    while exceptions.sweep_timers(now=now):
        pass


def system_of(layer: str, by: Actor, now: datetime, **more: object) -> System:
    with acting(by, at=now):
        owner = Owner.objects.get(slug="logistics")
        return System.objects.create(slug=layer, name=layer, layer=layer, owner=owner, **more)


class TestAddresses:
    def test_what_is_safe_is_put_right_and_the_order_goes_on(self, place: make.Place) -> None:
        order = place(address={**make.BERLIN, "recipient": "  Ida   Berg ", "country": "de"})
        changed = Event.objects.get(type="order.address_standardised", subject_id=str(order.pk))
        assert (order.state, order.address.verdict) == ("in_fulfilment", "standardised")
        assert '"name"' in changed.body
        assert not ExceptionCase.objects.exists()

    def test_the_rest_is_for_client_success_with_a_suggestion(self, place: make.Place) -> None:
        order = place(address=PREFIXED)
        case = the_case()
        assert (case.owner.slug, case.evidence["suggestion"]) == (
            "client-success",
            ["Postal code: without the country before it"],
        )
        links = payload_of(case, now=case.opened_at)["links"]
        assert links["Complete it"] == f"/quarantine/{order.key}/"


def test_too_little_stock_sends_what_is_there_and_holds_the_rest_for_ops(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(), make.line("STOVE", 2)])
    lines = {line.sku.code: (line.state, line.pk) for line in order.lines.select_related("sku")}
    hold = Hold.objects.get(order=order)
    assert (order.state, the_case().owner.slug, the_case().type) == ("partly_fulfilled", "ops-team", "inventory")
    assert (lines["TENT-2"][0], lines["STOVE"][0], hold.line_id) == ("in_fulfilment", "back_ordered", lines["STOVE"][1])
    assert order.fulfilments.get().lines.get().line_id == lines["TENT-2"][1]
    count_stock(news=[make.stock(northwind, now, "STOVE", 2)], by=system, now=now)
    assert (state_of(order), order.fulfilments.count()) == ("in_fulfilment", 2)


class TestCarriers:
    def test_what_the_carrier_rejects_is_voided_back_in_the_warehouse_and_with_logistics(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        system_of("carrier", system, now)
        order = place()
        parcel = order.fulfilments.get()
        tell("shipment.packed", parcel.key)
        tell("shipment.handed_over", parcel.key, carrier="DPD", tracking="DPD-1")
        tell("shipment.rejected", parcel.key, carrier="DPD", reason="label unreadable")
        sent = OutboundMessage.objects.filter(system__slug="carrier").order_by("number")
        assert [message.payload["kind"] for message in sent] == ["ship", "cancel"]
        parcel.refresh_from_db()
        assert (state_of(order), parcel.state, parcel.tracking_number) == ("carrier_rejected", "rejected", "")
        assert (the_case().type, the_case().owner.slug) == ("carrier-rejection", "logistics")
        voided = Event.objects.get(type="fulfilment.voided")
        assert all(said in voided.body for said in ("DPD-1", "label unreadable"))

    def test_when_nobody_takes_it_the_warehouse_packs_it_again_once(self, place: make.Place, tell: make.Tell) -> None:
        order = place()
        parcel = order.fulfilments.get()
        for kind in ("shipment.packed", "shipment.rejected"):
            tell(kind, parcel.key, carrier="DPD")
        sweep(Timer.objects.get(subject_id=str(the_case().pk), kind="case.route").due_at)
        parcel.refresh_from_db()
        assert (state_of(order), parcel.state, parcel.round) == ("in_fulfilment", "tasked", 2)
        for kind in ("shipment.packed", "shipment.rejected"):
            tell(kind, parcel.key, carrier="DPD")
        sweep(Timer.objects.get(subject_id=str(the_case().pk), kind="case.route").due_at)
        assert (state_of(order), Fulfilment.objects.get().round) == ("carrier_rejected", 2)

    def test_a_delay_is_an_exception_of_its_own_until_the_parcel_is_there(
        self, place: make.Place, tell: make.Tell, now: datetime
    ) -> None:
        order = place(promised_at=(now + timedelta(days=2)).isoformat())
        key = f"{order.key}-1"
        tell("shipment.handed_over", key, carrier="DPD")
        for _ in range(2):
            tell("shipment.delayed", key, carrier="DPD", expected_at=(now + timedelta(days=4)).isoformat())
        assert (the_case().type, the_case().owner.slug, the_case().occurrences) == ("carrier-delay", "logistics", 2)
        assert the_case().title == f"DPD brings {key} later, expected 24 Nov 2026"
        assert the_case().evidence["promised_at"] == (now + timedelta(days=2)).isoformat()
        assert state_of(order) == "shipped"
        tell("shipment.delivered", key)
        tell("shipment.delayed", key, carrier="DPD")
        assert not ExceptionCase.objects.live().exists()


class TestAVendorThatDoesNotConfirm:
    def test_after_60_minutes_ops_have_it_with_the_export_and_the_last_three_attempts_at_the_vendor(
        self, place: make.Place, system: Actor, now: datetime
    ) -> None:
        vendor = system_of("vendor", system, now)
        follower = system_of("crm", system, now, wants_exports=True, base_url="https://crm.example.com")
        order = place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
        task = OutboundMessage.objects.get(system=vendor)
        told = OutboundMessage.objects.filter(system=follower).first()
        assert told is not None
        tries = [(task, number, now + number * MINUTE) for number in range(1, 6)]
        tries += [(told, number, now + 30 * MINUTE) for number in range(1, 4)]
        Attempt.objects.bulk_create(
            Attempt(message=message, number=n, at=at, endpoint="/tasks", status=503, duration_ms=40)
            for message, n, at in tries
        )
        sweep(now + 59 * MINUTE)
        assert not ExceptionCase.objects.live().exists()
        sweep(now + 60 * MINUTE)
        case = the_case()
        payload = payload_of(case, now=now + 60 * MINUTE)
        assert (case.type, case.owner.slug) == ("vendor-no-confirmation", "ops-team")
        assert [(one["system"], one["at"]) for one in payload["last_attempts"]] == [
            ("vendor", (now + number * MINUTE).isoformat()) for number in (5, 4, 3)
        ]
        again = task.due_at.isoformat()
        assert [(one["request_id"], one["next_at"]) for one in payload["last_attempts"]] == [
            (task.key, again),
            (task.key, None),
            (task.key, None),
        ]
        newest = Export.objects.filter(order=order).latest("number")
        assert case.evidence["export"] == f"/api/v1/exports/{newest.pk}"

    @pytest.mark.parametrize("is_taken", [False, True])
    def test_unresolved_for_two_hours_revenue_ops_review_it_and_the_customer_is_told(
        self, place: make.Place, system: Actor, now: datetime, is_taken: bool
    ) -> None:
        order = place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
        sweep(now + 60 * MINUTE)
        if is_taken:
            exceptions.acknowledge_case(case_id=the_case().pk, by=system, now=now + 61 * MINUTE)
        sweep(now + 179 * MINUTE)
        assert (state_of(order), Hold.objects.exists()) == ("in_fulfilment", False)
        sweep(now + 180 * MINUTE)
        hold = Hold.objects.get()
        assert (state_of(order), the_case().owner.slug) == ("on_hold", "revenue-ops-review")
        assert (hold.source, hold.release_when["kind"], bool(hold.customer_words)) == ("route", "confirmation", True)
        exported = export_order(order_id=order.pk, by=system, now=now + 181 * MINUTE)
        assert [one["reason"] for one in exported.document["holds"]] == ["vendor"]

    def test_what_is_promised_in_the_rule_book_counts(self, place: make.Place, system: Actor, now: datetime) -> None:
        with acting(system, at=now):
            Sla.objects.filter(slug="vendor-exception").update(minutes=30)
            freeze_rule_book(by=system, now=now)
        place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
        sweep(now + 60 * MINUTE)
        sweep(now + 90 * MINUTE)
        assert Hold.objects.count() == 1


@pytest.mark.parametrize(
    ("risky", "rule"),
    [({"fraud_score": 70}, "high-risk-review"), ({"segment": "high-risk"}, "high-risk-account")],
)
def test_what_is_risky_is_looked_at_and_never_ships_by_itself(
    place: make.Place, now: datetime, risky: dict[str, object], rule: str
) -> None:
    order = place(**risky)
    assert (order.state, order.flow and order.flow.slug) == ("manual_review", "manual-review")
    evidence = the_case().evidence
    assert (evidence["rule"], evidence["fraud_score"]) == (rule, risky.get("fraud_score"))
    sweep(now + timedelta(days=3))
    assert (state_of(order), order.fulfilments.count()) == ("manual_review", 0)
    assert place(fraud_score=69).state == "in_fulfilment"


def test_what_lacks_something_goes_on_only_complete_and_audited_and_once(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(address=PREFIXED)
    case = the_case()
    with pytest.raises(Invalid) as undone:
        resuming.correct_address(order_id=order.pk, address=make.BERLIN, by=system, now=now)
    assert [error.pointer for error in undone.value.errors] == ["/steps", "/steps"]
    for index in (0, 1):
        exceptions.complete_step(case_id=case.pk, index=index, outcome="done", by=system, now=now)
    with pytest.raises(Invalid) as missing:
        resuming.correct_address(order_id=order.pk, address={**make.BERLIN, "city": ""}, by=system, now=now)
    assert [error.pointer for error in missing.value.errors] == ["/city"]
    assert (state_of(order), order.fulfilments.count()) == ("address_invalid", 0)
    for _ in range(2):
        resuming.correct_address(order_id=order.pk, address=make.BERLIN, by=system, now=now)
    assert (state_of(order), order.fulfilments.count()) == ("in_fulfilment", 1)
    assert Event.objects.filter(type="order.received", subject_id=str(order.pk)).count() == 1


def test_a_wait_ends_once_and_before_its_time_when_what_was_waited_for_is_seen(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    key = f"{order.key}-1"
    opening = exceptions.CaseOpening("address", subject_ref(order), order.key, order.client_id, "Which door is it?")
    (case,) = exceptions.open_cases(openings=[opening], by=system, now=now)
    exceptions.acknowledge_case(case_id=case.pk, by=system, now=now)
    wait: dict[str, Any] = {"case_id": case.pk, "until": now + timedelta(days=1), "reason": "They fetch it at noon"}
    wait |= {"on": "carrier", "party": "DPD", "by": system, "now": now}
    with pytest.raises(Invalid, match="carrier-has-it"):
        exceptions.wait_case(**wait, event="rain")
    exceptions.wait_case(**wait, event="carrier-has-it")
    for kind, state in (("task.confirmed", "waiting"), ("shipment.handed_over", "in_progress")):
        tell(kind, key)
        case.refresh_from_db()
        assert case.state == state
    assert (case.waiting_event, case.waiting_until) == ("", None)
    assert not Timer.objects.filter(LIVE, kind="case.wake", subject_id=str(case.pk)).exists()
    tell("shipment.delivered", key)
    sweep(now + timedelta(days=2))
    told = Event.objects.filter(subject_id=str(case.pk), type__in=["case.woken", "case.wait_over"])
    assert [event.type for event in told] == ["case.woken"]

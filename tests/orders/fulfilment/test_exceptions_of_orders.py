"""What stops an order becomes a case with an owner and a deadline; its end, or a time-limited exception, lets the order go on."""

from datetime import datetime, timedelta

import pytest

from audit.access import GRANTS, Role
from audit.context import Actor, acting
from audit.errors import Invalid, Refused
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.selectors import payload_of
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.news import count_stock
from rules.models import Client, OwnershipRule
from rules.services import freeze_rule_book
from tests.factories import orders as make

pytestmark = pytest.mark.django_db

BAD_ADDRESS = {**make.BERLIN, "postcode": "1011"}


def person(number: int, role: Role, client: Client) -> Actor:
    return Actor(
        "person", f"user:{number}", "Lee", None, frozenset({role}), GRANTS[role], clients=frozenset({client.pk})
    )


def live_cases() -> list[tuple[str, str, str]]:
    return [(case.type, case.owner.slug, case.title) for case in ExceptionCase.objects.live().order_by("number")]


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def test_a_bad_address_goes_to_client_success_and_a_corrected_one_goes_on(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(address=BAD_ADDRESS)
    assert live_cases() == [("address", "client-success", "Postal code is not valid for DE")]
    for index in (0, 1):
        exceptions.complete_step(
            case_id=ExceptionCase.objects.get().pk, index=index, outcome="asked", by=system, now=now
        )
    with pytest.raises(Invalid) as refused:
        resuming.correct_address(order_id=order.pk, address={**BAD_ADDRESS, "city": "Bonn"}, by=system, now=now)
    assert [error.pointer for error in refused.value.errors] == ["/postal_code"]
    resuming.correct_address(order_id=order.pk, address=make.BERLIN, by=system, now=now)
    assert (state_of(order), live_cases()) == ("in_fulfilment", [])


def test_a_person_lets_a_risky_order_go_on(place: make.Place, system: Actor, now: datetime) -> None:
    order = place(fraud_score=85)
    case = ExceptionCase.objects.live().get()
    assert (case.type, case.owner.slug) == ("high-risk-review", "revenue-ops-review")
    exceptions.resolve_case(case_id=case.pk, outcome="released", by=system, now=now)
    order.refresh_from_db()
    assert (order.state, order.owner.slug, order.reviewed_at) == ("in_fulfilment", "ops-team", now)


def test_a_case_that_ends_in_cancellation_cancels_the_order(place: make.Place, system: Actor, now: datetime) -> None:
    order = place(fraud_score=85)
    exceptions.resolve_case(case_id=ExceptionCase.objects.live().get().pk, outcome="cancelled", by=system, now=now)
    assert state_of(order) == "cancelled"


def test_the_case_about_stock_is_withdrawn_when_stock_comes(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(), make.line("STOVE", 2)])
    assert live_cases() == [("inventory", "ops-team", "Not in stock: 2 of STOVE; the rest goes on")]
    count_stock(news=[make.stock(northwind, now, "STOVE", 5)], by=system, now=now)
    assert (state_of(order), live_cases()) == ("in_fulfilment", [])


def test_after_a_carrier_rejection_the_warehouse_gets_the_task_again(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    parcel = order.fulfilments.get()
    for kind in ("task.confirmed", "shipment.packed", "shipment.rejected"):
        tell(kind, parcel.key, carrier="DPD")
    assert live_cases() == [("carrier-rejection", "logistics", "DPD did not take the parcel")]
    exceptions.resolve_case(case_id=ExceptionCase.objects.live().get().pk, outcome="resolved", by=system, now=now)
    parcel.refresh_from_db()
    assert (state_of(order), parcel.state, parcel.round) == ("in_fulfilment", "tasked", 2)


class TestAVendorThatDoesNotConfirm:
    @pytest.fixture
    def silent(self, place: make.Place) -> Order:
        return place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])

    def test_after_sixty_minutes_there_is_a_case_for_ops_review(self, silent: Order, now: datetime) -> None:
        exceptions.sweep_timers(now=now + timedelta(minutes=59))
        assert live_cases() == []
        exceptions.sweep_timers(now=now + timedelta(minutes=60))
        title = f"kestrel has not confirmed {silent.key}-1 for 60 min"
        assert live_cases() == [("vendor-no-confirmation", "ops-team", title)]
        case = ExceptionCase.objects.live().select_related("owner", "backup", "client").get()
        attached = payload_of(case, now=now + timedelta(minutes=60))
        assert {"order.routed", "order.in_fulfilment"} <= {one["event"] for one in attached["last_events"]}
        assert attached["decision"]["rule"] == "marketplace-preorder"
        assert (attached["if_nobody_acts"]["to"], attached["links"]["Export"]) == (
            "Ops Review",
            f"/orders/{silent.key}/export.json",
        )

    def test_two_hours_later_revenue_ops_has_it_and_the_customer_is_told(self, silent: Order, now: datetime) -> None:
        for minutes in (60, 90, 180, 181):
            exceptions.sweep_timers(now=now + timedelta(minutes=minutes))
        hold = Hold.objects.get()
        assert (state_of(silent), hold.reason, bool(hold.customer_words)) == ("on_hold", "vendor", True)
        assert [owner for _, owner, _ in live_cases()] == ["revenue-ops-review"]

    def test_a_late_confirmation_releases_the_hold_by_itself(
        self, silent: Order, tell: make.Tell, now: datetime
    ) -> None:
        for minutes in (60, 181):
            exceptions.sweep_timers(now=now + timedelta(minutes=minutes))
        tell("task.confirmed", f"{silent.key}-1")
        assert (state_of(silent), Hold.objects.get().state) == ("in_fulfilment", "released")

    def test_a_confirmation_in_time_leaves_no_trace_of_worry(
        self, silent: Order, tell: make.Tell, now: datetime
    ) -> None:
        tell("task.confirmed", f"{silent.key}-1")
        exceptions.sweep_timers(now=now + timedelta(hours=5))
        assert (live_cases(), Hold.objects.count()) == ([], 0)

    def test_it_can_go_another_way(self, silent: Order, northwind: Client, system: Actor, now: datetime) -> None:
        count_stock(news=[make.stock(northwind, now, "KAYAK", 1)], by=system, now=now)
        later = now + timedelta(minutes=60)
        exceptions.sweep_timers(now=later)
        exceptions.resolve_case(case_id=ExceptionCase.objects.live().get().pk, outcome="rerouted", by=system, now=later)
        parcels = {parcel.flow.slug: parcel.state for parcel in silent.fulfilments.all()}
        assert parcels == {"vendor-drop-ship": "cancelled", "warehouse-pick-pack": "tasked"}

    def test_a_time_limited_exception_stands_in_for_its_word(
        self, silent: Order, northwind: Client, now: datetime
    ) -> None:
        grant(silent, "skip-vendor-confirmation", northwind, now)
        assert silent.fulfilments.get().state == "confirmed"


def grant(order: Order, gate: str, client: Client, now: datetime) -> None:
    waiver = exceptions.request_waiver(
        gate=gate,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        reason="The vendor confirmed by phone and the truck leaves at noon.",
        plan="Written confirmation follows today.",
        minutes=240,
        owner="ops-team",
        by=person(1, Role.ACCOUNT_MANAGER, client),
        now=now,
    )
    exceptions.approve_waiver(
        waiver_id=waiver.pk, comment="Seen the mail.", by=person(2, Role.OPS_LEAD, client), now=now
    )


def test_a_time_limited_exception_ships_an_order_despite_its_open_case(
    place: make.Place, northwind: Client, now: datetime
) -> None:
    order = place(address=BAD_ADDRESS)
    grant(order, "ship-despite-open-case", northwind, now)
    assert state_of(order) == "in_fulfilment"


def test_past_its_window_it_lets_nothing_through(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(address={**BAD_ADDRESS}, lines=[make.line("STOVE", 1)])
    grant(order, "ship-despite-open-case", northwind, now)
    assert state_of(order) == "paid_no_stock"
    count_stock(news=[make.stock(northwind, now, "STOVE", 1)], by=system, now=now + timedelta(minutes=240))
    assert (state_of(order), order.fulfilments.count()) == ("address_invalid", 0)


def test_a_hold_by_hand_stops_the_order_and_only_its_placer_or_a_lead_lets_go(
    place: make.Place, northwind: Client, now: datetime
) -> None:
    amal, lee = person(1, Role.ACCOUNT_MANAGER, northwind), person(2, Role.OPS_LEAD, northwind)
    order = place()
    hold = holds.hold_order(order_id=order.pk, words="Customer is moving house", by=amal, now=now)
    assert state_of(order) == "on_hold"
    with pytest.raises(Refused):
        holds.release_hold(hold_id=hold.pk, by=person(3, Role.ACCOUNT_MANAGER, northwind), now=now)
    assert state_of(order) == "on_hold"
    holds.release_hold(hold_id=hold.pk, by=lee, now=now)
    assert state_of(order) == "in_fulfilment"


def test_a_rule_that_cannot_be_decided_lands_on_who_answers_for_the_rule(
    place: make.Place, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        OwnershipRule.objects.filter(slug="expedited").update(predicate='lines[7].sku_type == "stock"')
        freeze_rule_book(by=system, now=now, note="asks for a line there is not")
    order = place()
    assert order.decision is not None
    assert (order.decision.outcome["owner"], order.decision.outcome["undecided"]) == ("ops-team", True)
    case = ExceptionCase.objects.get(type="ownership-gap", subject_id=str(order.pk))
    assert (case.owner.slug, case.evidence["rule"]) == ("logistics", "expedited")
    assert case.title == f"The rule “expedited” could not be decided for {order.key}"

"""What is asked of an order that is under way: each wish by its rule, or in a state of its own until somebody has decided."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from audit import folds
from audit.context import Actor, acting
from audit.errors import Conflict
from audit.selectors.folding import fold_all
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order, OrderRequest, Payment, Refund, StockItem
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.models import InboundEvent, OutboundMessage, System
from rules.models import Client, Owner
from tests.factories import orders as make
from tests.orders.fulfilment.test_through_the_inbox import say
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
TWO = {"lines": [make.line("TENT-2", 2), make.line("STOVE", 1)], "total_minor": 29_700}


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Any:
    """Whatever was done: no invariant of orders, stock and money is broken, and the trail alone tells where everything stands."""
    yield
    assert broken() == []


@pytest.fixture(autouse=True)
def shelf(northwind: Client, system: Actor, now: datetime) -> None:
    count_stock(news=[make.stock(northwind, now, "STOVE", 5)], by=system, now=now)


def state(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def lines(order: Order) -> list[tuple[str, int]]:
    return [(line.state, line.quantity) for line in order.lines.order_by("position")]


def parcels(order: Order) -> list[str]:
    return [parcel.state for parcel in order.fulfilments.order_by("key")]


def case(kind: str) -> ExceptionCase:
    return ExceptionCase.objects.live().get(type=kind)


def decide(kind: str, outcome: str, by: Actor, now: datetime) -> None:
    exceptions.resolve_case(case_id=case(kind).pk, outcome=outcome, by=by, now=now)


def free(sku: str) -> int:
    return StockItem.objects.get(sku__code=sku).available


class TestCancelling:
    def test_before_it_is_picked_it_is_left_out_at_once_and_paid_back(
        self, place: make.Place, tell: make.Tell, now: datetime
    ) -> None:
        order = place()
        tell("order.cancelled", order.number, reason="Ordered twice")
        request, refund = OrderRequest.objects.get(), Refund.objects.get()
        assert (state(order), parcels(order), free("TENT-2")) == ("cancelled", ["cancelled"], 10)
        assert (request.rule, request.choice, request.state) == ("cancel-before-pick", "at_once", "done")
        assert (refund.amount, refund.currency, refund.state) == (Decimal("99.00"), "EUR", "promised")
        assert Order.objects.get().stamps["cancelled"] == "2026-11-20T09:00:00.000000Z"
        tell("refund.issued", order.number, amount_minor=9_900, currency="EUR", reference="R-1")
        refund.refresh_from_db()
        assert (refund.state, refund.reference, refund.issued_at) == ("issued", "R-1", now)

    def test_some_units_are_left_out_and_what_shared_the_parcel_goes_on(
        self, place: make.Place, tell: make.Tell
    ) -> None:
        order = place(**TWO)
        tell("order.cancelled", order.number, lines=[{"sku": "TENT-2", "quantity": 1}])
        assert (state(order), lines(order)) == ("in_fulfilment", [("in_fulfilment", 1), ("in_fulfilment", 1)])
        assert (parcels(order), free("TENT-2"), free("STOVE")) == (["cancelled", "tasked"], 9, 4)
        assert (Order.objects.get().total_minor, Refund.objects.get().amount) == (19_800, Decimal("99.00"))
        tell("order.cancelled", order.number, lines=[{"line": "1", "quantity": 1}, {"line": "2", "quantity": 1}])
        assert (state(order), free("TENT-2"), free("STOVE")) == ("cancelled", 10, 5)
        assert sum(Refund.objects.values_list("amount", flat=True)) == Decimal("297.00")

    @pytest.mark.parametrize(
        ("outcome", "ends", "line", "units"),
        [("stop", "cancelled", "cancelled", 10), ("let-go", "in_fulfilment", "in_fulfilment", 9)],
    )
    def test_what_is_packed_waits_for_somebody_to_stop_it_or_let_it_go(
        self,
        place: make.Place,
        tell: make.Tell,
        system: Actor,
        now: datetime,
        outcome: str,
        ends: str,
        line: str,
        units: int,
    ) -> None:
        order = place()
        tell("shipment.packed", f"{order.key}-1")
        tell("order.cancelled", order.number)
        order.refresh_from_db()
        assert (order.state, order.owner.slug, lines(order)) == (
            "cancel_undecided",
            "logistics",
            [("cancel_undecided", 1)],
        )
        with pytest.raises(Conflict, match="has not left"):
            decide("late-cancellation", "recall", system, now)
        decide("late-cancellation", outcome, system, now)
        assert (state(order), lines(order), free("TENT-2")) == (ends, [(line, 1)], units)
        assert Refund.objects.exists() == (outcome == "stop")

    def test_what_has_left_is_called_back_and_paid_back_once_it_is_seen(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        order = place()
        tell("shipment.handed_over", f"{order.key}-1")
        tell("order.cancelled", order.number)
        with pytest.raises(Conflict, match="has left meanwhile"):
            decide("late-cancellation", "stop", system, now)
        decide("late-cancellation", "recall", system, now)
        assert (state(order), lines(order), Refund.objects.count()) == ("returning", [("returning", 1)], 0)
        tell("return.received", order.number, condition="sellable")
        assert (state(order), lines(order), Refund.objects.get().state) == ("cancelled", [("returned", 1)], "promised")
        assert not ExceptionCase.objects.live().exists()

    def test_withdrawing_the_case_decides_nothing(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        order = place()
        tell("shipment.picked", f"{order.key}-1")
        tell("order.cancelled", order.number)
        exceptions.withdraw_case(case_id=case("late-cancellation").pk, reason="Not mine", by=system, now=now)
        assert (state(order), case("late-cancellation").owner.slug) == ("cancel_undecided", "logistics")

    def test_a_parcel_that_leaves_although_it_was_called_off_is_somebodys(
        self, place: make.Place, tell: make.Tell
    ) -> None:
        order = place()
        tell("order.cancelled", order.number)
        tell("shipment.handed_over", f"{order.key}-1")
        assert case("moved-while-held").title == f"{order.key}-1 has left although it was called off"

    def test_what_the_store_said_was_paid_goes_back_whole_in_however_many_parts(
        self, place: make.Place, tell: make.Tell, now: datetime
    ) -> None:
        order = place(paid=False, paid_at=now.isoformat(), **TWO)
        tell("order.cancelled", order.number, lines=[{"line": "1", "quantity": 1}])
        tell("payment.authorised", order.number, amount_minor=29_700, currency="EUR", reference="P-1")
        tell("payment.captured", order.number, amount_minor=29_700, currency="EUR", reference="P-1")
        tell("order.cancelled", order.number)
        assert sum(Refund.objects.values_list("amount", flat=True)) == Decimal("297.00")
        assert not ExceptionCase.objects.live().filter(type="payment-mismatch").exists()


class TestChanging:
    def test_more_units_before_picking_are_planned_anew_and_have_to_be_paid(
        self, place: make.Place, tell: make.Tell
    ) -> None:
        order = place()
        tell("order.changed", order.number, lines=[{"line": "1", "quantity": 3}])
        order.refresh_from_db()
        assert (order.state, order.owner.slug, order.total_minor) == ("partly_paid", "finance-ops", 29_700)
        tell("payment.captured", order.number, amount_minor=19_800, currency="EUR")
        assert (state(order), lines(order), parcels(order)) == (
            "in_fulfilment",
            [("in_fulfilment", 3)],
            ["cancelled", "tasked"],
        )
        assert free("TENT-2") == 7

    def test_fewer_units_are_a_cancellation_and_a_new_product_a_new_line(
        self, place: make.Place, tell: make.Tell
    ) -> None:
        order = place(lines=[make.line("TENT-2", 3)], total_minor=29_700)
        changed = [{"line": "1", "quantity": 2}, {"sku": "STOVE", "quantity": 1, "unit_minor": 0}]
        tell("order.changed", order.number, lines=changed)
        assert (state(order), lines(order)) == ("in_fulfilment", [("in_fulfilment", 2), ("in_fulfilment", 1)])
        assert Refund.objects.get().amount == Decimal("99.00")

    @pytest.mark.parametrize(("outcome", "units", "total"), [("accept", 2, 19_800), ("let-go", 1, 9_900)])
    def test_after_picking_somebody_decides(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime, outcome: str, units: int, total: int
    ) -> None:
        order = place()
        tell("shipment.picked", f"{order.key}-1")
        tell("order.changed", order.number, lines=[{"line": "1", "quantity": 2}])
        order.refresh_from_db()
        assert (order.state, order.owner.slug, order.total_minor) == ("change_undecided", "client-success", 9_900)
        decide("late-change", outcome, system, now)
        order.refresh_from_db()
        assert ([count for _, count in lines(order)], order.total_minor) == ([units], total)
        assert order.state == ("partly_paid" if outcome == "accept" else "in_fulfilment")

    def test_another_address_before_the_label_is_taken_over_and_told(self, place: make.Place, tell: make.Tell) -> None:
        order = place()
        tell("order.changed", order.number, address={**make.BERLIN, "street": "Invalidenstraße 7"})
        assert (state(order), parcels(order), order.address.verdict) == (
            "in_fulfilment",
            ["cancelled", "tasked"],
            "valid",
        )
        tell("order.changed", order.number, address={**make.BERLIN, "postcode": "1011"})
        assert (state(order), parcels(order)) == ("address_invalid", ["cancelled", "cancelled"])

    def test_another_address_after_the_label_is_decided_and_labelled_anew(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        with acting(system, at=now):
            owner = Owner.objects.get(slug="logistics")
            System.objects.create(slug="dpd", name="DPD", layer="carrier", owner=owner)
        order = place()
        tell("shipment.packed", f"{order.key}-1")
        tell("order.changed", order.number, address={**make.BERLIN, "street": "Invalidenstraße 7"})
        assert (state(order), case("late-change").title) == (
            "change_undecided",
            "Send it elsewhere: The label shows the old address.",
        )
        decide("late-change", "accept", system, now)
        assert state(order) == "in_fulfilment"
        sent = [(message.payload["kind"], message.payload.get("address", {}).get("street")) for message in _sent()]
        assert sent == [("ship", "Torstraße 12"), ("cancel", None), ("ship", "Invalidenstraße 7")]

    def test_a_change_that_is_overtaken_changes_nothing(self, place: make.Place, system: Actor, now: datetime) -> None:
        with acting(system, at=now):
            owner = Owner.objects.get(slug="integrations")
            store = System.objects.create(slug="shop", name="Shop", layer="store", owner=owner)
        order = place(lines=[make.line("TENT-2", 3)], total_minor=29_700)
        for token, quantity in ((7, 2), (5, 3)):
            changed: dict[str, Any] = {
                "order": order.number,
                "changed_at": now.isoformat(),
                "lines": [{"line": "1", "quantity": quantity}],
            }
            say(store, "order.changed", order.number, now, token=token, **changed)
        assert (lines(order), dict(InboundEvent.objects.values_list("change_token", "state"))) == (
            [("in_fulfilment", 2)],
            {7: "applied", 5: "superseded"},
        )


class TestReturning:
    @pytest.fixture
    def delivered(self, place: make.Place, tell: make.Tell) -> Order:
        order = place(**TWO)
        tell("shipment.delivered", f"{order.key}-1")
        return order

    def test_a_return_is_expected_seen_and_paid_back(self, delivered: Order, tell: make.Tell) -> None:
        tell("return.requested", delivered.number, **{"return": "RMA-1"}, lines=[{"sku": "TENT-2", "quantity": 1}])
        assert (state(delivered), lines(delivered)[0]) == ("return_announced", ("returning", 2))
        tell("return.received", delivered.number, **{"return": "RMA-1"}, lines=[{"sku": "TENT-2", "quantity": 1}])
        assert (state(delivered), lines(delivered)[0]) == ("partly_returned", ("partly_returned", 2))
        assert (OrderRequest.objects.get().state, Refund.objects.get().amount) == ("done", Decimal("99.00"))
        tell("return.requested", delivered.number, **{"return": "RMA-2"})
        tell("return.received", delivered.number, **{"return": "RMA-2"})
        assert (state(delivered), {name for name, _ in lines(delivered)}) == ("returned", {"returned"})
        assert sum(Refund.objects.values_list("amount", flat=True)) == Decimal("297.00")

    def test_after_its_time_support_decides(
        self, delivered: Order, northwind: Client, system: Actor, now: datetime
    ) -> None:
        later = now + timedelta(days=31)
        asked = make.news("return.requested", northwind, delivered.number, later)
        take_news(news=[asked], by=system, now=later)
        found = case("return-request")
        assert (state(delivered), found.owner.slug, "31 days" in found.title) == ("delivered", "support", True)
        decide("return-request", "expect", system, later)
        assert state(delivered) == "return_announced"

    @pytest.mark.parametrize(("outcome", "ends"), [("approved", "promised"), ("declined", "declined")])
    def test_what_comes_back_unannounced_is_paid_back_by_a_decision(
        self, delivered: Order, tell: make.Tell, system: Actor, now: datetime, outcome: str, ends: str
    ) -> None:
        tell("return.received", delivered.number, lines=[{"sku": "STOVE", "quantity": 1}])
        assert (state(delivered), case("refund-decision").owner.slug) == ("partly_returned", "finance-ops")
        decide("refund-decision", outcome, system, now)
        assert Refund.objects.get().state == ends

    def test_what_the_order_does_not_have_is_told_to_somebody(self, delivered: Order, tell: make.Tell) -> None:
        tell("return.requested", delivered.number, lines=[{"sku": "KAYAK", "quantity": 1}])
        assert (state(delivered), case("contract-violation").title) == (
            "delivered",
            f"return.requested names KAYAK, which {delivered.key} does not have",
        )


class TestPaying:
    def test_authorised_partly_paid_and_paid_are_states_of_their_own(self, place: make.Place, tell: make.Tell) -> None:
        order = place(paid=False)
        tell("payment.authorised", order.number, reference="P-1", amount_minor=4_000, currency="EUR")
        assert state(order) == "payment_authorised"
        tell("payment.captured", order.number, reference="P-1", amount_minor=4_000, currency="EUR")
        assert state(order) == "partly_paid"
        tell("payment.captured", order.number, reference="P-2", amount_minor=5_900, currency="EUR")
        assert (state(order), Payment.objects.count()) == ("in_fulfilment", 2)

    def test_whichever_payment_is_heard_of_first_it_is_paid_since_the_last_one(
        self, place: make.Place, tell: make.Tell, now: datetime
    ) -> None:
        order, later = place(paid=False), now + timedelta(hours=1)
        for reference, amount, at in (("P-2", 5_900, later), ("P-1", 4_000, now), ("P-1", 4_000, now)):
            told = {"reference": reference, "amount_minor": amount, "currency": "EUR", "captured_at": at.isoformat()}
            tell("payment.captured", order.number, **told)
        assert Order.objects.get().paid_at == later

    def test_another_currency_pays_for_nothing_and_is_somebodys(self, place: make.Place, tell: make.Tell) -> None:
        order = place(paid=False)
        tell("payment.captured", order.number, reference="P-1", amount_minor=9_900, currency="JPY")
        assert (state(order), case("payment-mismatch").title) == (
            "awaiting_payment",
            "Paid 9900 JPY, but it costs 99.00 EUR",
        )

    def test_money_that_is_not_seen_to_go_back_is_asked_after(
        self, place: make.Place, tell: make.Tell, now: datetime
    ) -> None:
        order = place()
        tell("order.cancelled", order.number)
        exceptions.sweep_timers(now=now + timedelta(days=3))
        assert case("payment-mismatch").title == "99.00 EUR was asked to be paid back and was not seen to be"

    def test_the_payment_provider_is_asked_to_pay_back_and_where_there_is_none_billing(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        owner = Owner.objects.get(slug="finance-ops")
        for layer in ("billing", "payment"):
            with acting(system, at=now):
                System.objects.create(slug=layer, name=layer, layer=layer, owner=owner, base_url="https://pay.example")
            tell("order.cancelled", place().number)
        asked = OutboundMessage.objects.filter(key__contains="/refund/").order_by("number")
        assert list(asked.values_list("system__slug", flat=True)) == ["billing", "payment"]

    def test_a_large_amount_goes_back_only_when_finance_has_decided(self, place: make.Place, tell: make.Tell) -> None:
        order = place(lines=[make.line("TENT-2", 3)], total_minor=29_700)
        tell("order.cancelled", order.number)
        assert (Refund.objects.get().state, case("refund-decision").title) == (
            "undecided",
            "Pay back 297.00 EUR? More than 200.",
        )


@pytest.mark.parametrize("first", ["payment.authorised", "order.cancelled", "return.requested"])
def test_what_is_heard_before_the_order_counts_when_it_comes(
    northwind: Client, system: Actor, now: datetime, first: str
) -> None:
    take_news(news=[make.news(first, northwind, "W-9", now, amount_minor=9_900, reference="P-1")], by=system, now=now)
    place_orders(news=[make.placed(northwind, now, order="W-9")], by=system, now=now)
    expected = {"payment.authorised": "payment_authorised", "order.cancelled": "cancelled"}
    assert Order.objects.get().state == expected.get(first, "awaiting_payment")


def test_what_is_heard_at_once_goes_every_step_of_the_way(place: make.Place, system: Actor, now: datetime) -> None:
    order = place()
    heard = [
        make.news(kind, order.client, order.number, now + timedelta(minutes=minute))
        for minute, kind in enumerate(("shipment.delivered", "return.requested"))
    ]
    take_news(news=heard, by=system, now=now)
    states = list(order.lines.get().history.order_by("version").values_list("state", flat=True))
    assert states[-3:] == ["in_fulfilment", "delivered", "returning"]


def test_the_trail_alone_tells_where_everything_stands_and_says_where_it_does_not(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    counted = {kind.name: (kind.records, kind.different) for kind in fold_all()}
    assert counted["fulfilment.order.state"] == counted["fulfilment.orderline.state"] == (1, 0)
    with acting(system, at=now):
        Order.objects.update(state="shipped", shipped_at=now)  # a published edge, and nobody said so
    with pytest.raises(SystemExit):
        call_command("verify_state")
    found = {kind.name: kind.first for kind in fold_all() if kind.different}
    assert found == {"fulfilment.order.state": ((order.key, "shipped", "in_fulfilment"),)}
    with acting(system, at=now):
        Order.objects.update(state="partly_shipped")
        Order.objects.update(state="paid")
        Order.objects.update(state="in_fulfilment")
    with pytest.raises(ValueError, match="already folded"):
        folds.register(folds.Fold("fulfilment.order", "fulfilment_order", "state"))


def _sent() -> list[OutboundMessage]:
    return list(OutboundMessage.objects.filter(system__slug="dpd").order_by("number"))

"""Whatever is done to orders through whatever door, in whatever order: everything that must always be so is so after each step.

A few lives in the suite, forty with HANDRAIL_THOROUGH=1; HANDRAIL_TEST_LIVES=500 plays as many, each another one.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from audit.access import system_actor
from audit.context import Actor
from audit.errors import DomainError
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Waiver
from exceptions.states import CASE_LIVE
from orders.fulfilment.decisions.doubts import DOUBTS
from orders.fulfilment.decisions.gifts import Gift
from orders.fulfilment.decisions.news import News
from orders.fulfilment.decisions.overrides import ADDRESS, INSTRUCTIONS, PHONE, QUANTITY, SUBSTITUTE, address_text
from orders.fulfilment.errors import NoWay
from orders.fulfilment.models import Fulfilment, Hold, Order, Override, Shipment, Sku
from orders.fulfilment.selectors import shipments as found_shipments
from orders.fulfilment.selectors.impacts import SHIP_DESPITE_CASE, SKIP_CONFIRMATION
from orders.fulfilment.services import (
    announcing,
    arrivals,
    doubting,
    giving,
    handing_over,
    holds,
    intake,
    merging,
    news,
    overrides,
    recalling,
    resuming,
    shipments,
    unwinding,
)
from orders.fulfilment.states import HoldState
from tests.cast import House
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

LIVES = int(os.environ.get("HANDRAIL_TEST_LIVES", "40" if "HANDRAIL_THOROUGH" in os.environ else "0"))
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SYSTEM = system_actor("tests")
TENT, KAYAK = make.line("TENT-2", 1), make.line("KAYAK-1", sku_type="drop_ship", vendor="kestrel")
JACKET = make.line("JACKET", sku_type="preorder", vendor="kestrel")
GIVEN = {**TENT, "gift": {"message": "For you", "wrap": "red", "address": {**make.BERLIN, "recipient": "Jo Ek"}}}
BASKETS: list[list[dict[str, Any]]] = [
    [TENT],
    [{**TENT, "quantity": 3}],
    [KAYAK],
    [TENT, KAYAK],
    [TENT, JACKET],
    [GIVEN, {**TENT, "quantity": 2}],
    [],
]
BROKEN = {**make.BERLIN, "postcode": "1011"}
ABOUT_ORDERS = (
    "payment.authorised",
    "payment.captured",
    "order.changed",
    "order.cancelled",
    "return.requested",
    "return.received",
    "refund.issued",
)
ABOUT_PARCELS = (
    "task.acknowledged",
    "task.confirmed",
    "task.refused",
    "task.cancelled",
    "shipment.picked",
    "shipment.packed",
    "shipment.handed_over",
    "shipment.delivered",
    "shipment.rejected",
    "shipment.delayed",
)
WHICH = st.integers(0, 2)
GIFTS = [None, Gift("Happy birthday", "blue", {}), Gift("", "", {**make.BERLIN, "recipient": "Jo Ek"})]
Told = tuple[str, int]
SAID = st.tuples(st.sampled_from([*ABOUT_ORDERS, *ABOUT_PARCELS]), st.integers(0, 5))


class OrderLife(RuleBasedStateMachine):
    """A few orders of one client; systems tell of them, people act on them, time passes."""

    house: ClassVar[House]
    lee: ClassVar[Actor]
    amal: ClassVar[Actor]

    @initialize(paid=st.booleans(), basket=st.sampled_from(BASKETS[:-1]))
    def begin(self, *, paid: bool, basket: list[dict[str, Any]]) -> None:
        self.around = transaction.atomic()
        self.around.__enter__()
        self.now, self.ids, self.heard = START, count(1), list[News]()
        self.client = self.house.clients["northwind"]
        self.stock(units=2)
        self.place(paid=paid, basket=basket, good=True, risk=10)

    def teardown(self) -> None:
        if hasattr(self, "around"):
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    @rule(paid=st.booleans(), basket=st.sampled_from(BASKETS), good=st.booleans(), risk=st.sampled_from([10, 95]))
    def place(self, *, paid: bool, basket: list[dict[str, Any]], good: bool, risk: int) -> None:
        number = f"L-{next(self.ids)}"
        total = sum(line["quantity"] * line["unit_minor"] for line in basket)
        given = {
            "lines": basket,
            "total_minor": total,
            "fraud_score": risk,
            "address": make.BERLIN if good else BROKEN,
            "paid_at": self.now.isoformat() if paid else None,
            "contact": {"email": "ida@example.org"},
        }
        placed = self.event("order.placed", number, {"order": number, "channel": "web", "currency": "EUR", **given})
        intake.place_orders(news=[placed], by=SYSTEM, now=self.now)

    @rule(units=st.integers(0, 5))
    def stock(self, *, units: int) -> None:
        counted = self.event("stock.changed", "TENT-2", {"sku": "TENT-2", "available": units})
        news.count_stock(news=[counted], by=SYSTEM, now=self.now)

    @rule(sku=st.sampled_from(["TENT-2", "JACKET"]), units=st.integers(1, 3), lot=st.sampled_from(["", "A"]))
    def arrive(self, *, sku: str, units: int, lot: str) -> None:
        came = self.event("stock.received", sku, {"sku": sku, "quantity": units, "lot": lot})
        arrivals.hear_arrivals(news=[came], by=SYSTEM, now=self.now)

    @rule(act=st.sampled_from([recalling.recall_lot, recalling.readmit_lot]))
    def recall(self, *, act: Callable[..., object]) -> None:
        tent = Sku.objects.get(client=self.client, code="TENT-2")
        self.attempt(lambda: act(sku_id=tent.pk, lot="A", reason="A seam opens", by=self.lee, now=self.now))

    @rule(which=WHICH, said=st.lists(SAID, min_size=1, max_size=3), minutes=st.integers(-90, 90))
    def tell(self, *, which: int, said: Sequence[Told], minutes: int) -> None:
        """Systems say what happened, some of it of another moment, several things at once; whatever it is, it finds its place."""
        order = self.order(which)
        at = self.now + timedelta(minutes=minutes)
        told = [self.event(kind, order.number, self.body(kind, order, variant, at), at) for kind, variant in said]
        self.heard += told
        news.take_news(news=shipments.with_siblings(told), by=SYSTEM, now=self.now)

    @rule(which=st.integers(0, 9))
    def tell_again(self, *, which: int) -> None:
        if self.heard:
            again = [self.heard[which % len(self.heard)]]
            news.take_news(news=shipments.with_siblings(again), by=SYSTEM, now=self.now)

    @rule(packed=st.booleans())
    def ship_together(self, *, packed: bool) -> None:
        """What is proposed to go together does, and may be packed at once."""
        if not (proposed := found_shipments.proposals(self.lee)):
            return
        keys = [one.key for one in proposed[0].parcels]
        self.attempt(
            lambda: shipments.ship_together(parcels=keys, reason="One customer, twice", by=self.lee, now=self.now)
        )
        if packed:
            told = [self.event("shipment.packed", key, {"task": key, "at": self.now.isoformat()}) for key in keys]
            news.take_news(news=told, by=SYSTEM, now=self.now)

    @rule(which=WHICH, other=WHICH)
    def ship_some_together(self, *, which: int, other: int) -> None:
        parcels = [self.parcel(self.order(one), one) for one in (which, other)]
        keys = {parcel.key for parcel in parcels if parcel}
        self.attempt(lambda: shipments.ship_together(parcels=keys, reason="They ask for it", by=self.lee, now=self.now))

    @rule(which=WHICH)
    def ship_apart(self, *, which: int) -> None:
        if there := list(Shipment.objects.order_by("number")):
            shipment = there[which % len(there)]
            self.attempt(
                lambda: shipments.ship_apart(shipment_id=shipment.pk, reason="One waits", by=self.lee, now=self.now)
            )

    @rule(which=WHICH, part=st.booleans())
    def hold(self, *, which: int, part: bool) -> None:
        order = self.order(which)
        parcel = self.parcel(order, which) if part else None
        named = parcel.key if parcel else ""
        self.attempt(
            lambda: holds.hold_order(
                order_id=order.pk, words="Wait for the customer", fulfilment=named, by=self.lee, now=self.now
            )
        )

    @rule(which=WHICH)
    def release(self, *, which: int) -> None:
        if active := list(Hold.objects.filter(state=HoldState.ACTIVE).order_by("pk")):
            hold = active[which % len(active)]
            self.attempt(lambda: holds.release_hold(hold_id=hold.pk, reason="Go on", by=self.lee, now=self.now))

    @rule(which=WHICH, part=st.booleans())
    def cancel(self, *, which: int, part: bool) -> None:
        order, lines = self.order(which), {"1": 1} if part else None
        self.attempt(
            lambda: resuming.cancel_order(
                order_id=order.pk, reason="The customer asked", lines=lines, by=self.lee, now=self.now
            )
        )

    @rule(which=WHICH, doubts=st.sampled_from([["address"], ["lines", "payment"]]))
    def quarantine(self, *, which: int, doubts: list[str]) -> None:
        """Somebody doubts something of it; who looks at it next finds that it is right."""
        order = self.order(which)
        about: dict[str, Any] = {"order_id": order.pk, "by": self.lee, "now": self.now}
        if Hold.objects.filter(order=order, state=HoldState.ACTIVE, reason="doubt").exists():
            self.attempt(lambda: doubting.resubmit_doubted(confirmed=DOUBTS, reason="All of it is right", **about))
        else:
            self.attempt(lambda: doubting.quarantine_order(doubts=doubts, reason="Something is odd", **about))

    @rule(which=WHICH, flow=st.sampled_from(["warehouse-pick-pack", "vendor-drop-ship"]))
    def another_way(self, *, which: int, flow: str) -> None:
        order = self.order(which)
        if parcel := self.parcel(order, which):
            self.attempt(
                lambda: unwinding.reroute(
                    order_id=order.pk, fulfilment=parcel.key, flow=flow, reason="Faster", by=self.lee, now=self.now
                )
            )

    @rule(which=WHICH, into=WHICH)
    def merge(self, *, which: int, into: int) -> None:
        one, other = self.order(which), self.order(into)
        self.attempt(
            lambda: merging.merge_orders(
                order_id=one.pk, into_id=other.pk, reason="One customer, twice", by=self.lee, now=self.now
            )
        )

    @rule(which=WHICH, part=st.booleans())
    def announce_return(self, *, which: int, part: bool) -> None:
        order, lines = self.order(which), {"1": 1} if part else None
        self.attempt(
            lambda: announcing.return_order(
                order_id=order.pk, lines=lines, reason="It does not fit", by=self.lee, now=self.now
            )
        )

    @rule(which=WHICH, given=st.sampled_from(GIFTS))
    def give(self, *, which: int, given: Gift | None) -> None:
        order = self.order(which)
        self.attempt(
            lambda: giving.say_gift(
                order_id=order.pk, line="1", gift=given, reason="It is a present", by=self.lee, now=self.now
            )
        )

    @rule(which=WHICH)
    def hand_over(self, *, which: int) -> None:
        if parcel := self.parcel(self.order(which), which):
            self.attempt(
                lambda: handing_over.hand_over_parcel(fulfilment_id=parcel.pk, carrier="DHL", by=self.lee, now=self.now)
            )

    @rule(which=WHICH, units=st.integers(0, 4), accept=st.booleans())
    def fix(self, *, which: int, units: int, accept: bool) -> None:
        """Somebody knows better than the systems, and somebody else looks at it."""
        order, why = self.order(which), "The account manager says so"
        fixed: dict[str, Any] = {"reason": why, "by": self.lee, "now": self.now}
        for field, line, value in (("segment", None, f"vip{units}"), self.someone_s_fix(units)):
            self.attempt(
                partial(overrides.override_order, order_id=order.pk, field=field, line=line, value=value, **fixed)
            )
        self.attempt(
            lambda: overrides.override_stock(client_id=self.client.pk, sku="TENT-2", value=str(units), **fixed)
        )
        for waiting in Override.objects.filter(state="waiting").order_by("pk")[:1]:
            self.attempt(
                partial(
                    overrides.review_override,
                    override_id=waiting.pk,
                    accept=accept,
                    comment=why,
                    by=self.amal,
                    now=self.now,
                )
            )

    def someone_s_fix(self, units: int) -> tuple[str, int | None, str]:
        """Where it goes, how to reach the customer, what has to be known, what is sent and how many: one of them."""
        moved = {**make.BERLIN, "street": "Kastanienallee 4", "postcode": "10435"}
        return (
            (ADDRESS, None, address_text(moved)),
            (PHONE, None, "+49 30 1234567"),
            (INSTRUCTIONS, None, "Ring twice"),
            (SUBSTITUTE, 1, "STOVE"),
            (QUANTITY, 1, "1"),
        )[units]

    @rule(which=WHICH, act=st.sampled_from([resuming.look_again, resuming.resend_tasks, resuming.reroute_to_warehouse]))
    def look(self, *, which: int, act: Callable[..., object]) -> None:
        order = self.order(which)
        self.attempt(lambda: act(order_id=order.pk, by=self.lee, now=self.now))

    @rule(which=WHICH)
    def correct(self, *, which: int) -> None:
        order = self.order(which)
        self.attempt(
            lambda: resuming.correct_address(order_id=order.pk, address=make.BERLIN, by=self.lee, now=self.now)
        )

    @rule(which=st.integers(0, 5), outcome=st.integers(0, 3))
    def decide(self, *, which: int, outcome: int) -> None:
        """Somebody ends an exception with one of its outcomes."""
        if live := list(ExceptionCase.objects.filter(state__in=CASE_LIVE).order_by("number")):
            case = live[which % len(live)]
            outcomes = [one["slug"] for one in case.outcomes]
            chosen = outcomes[outcome % len(outcomes)]
            self.attempt(
                lambda: exceptions.resolve_case(
                    case_id=case.pk, outcome=chosen, root_cause="customer", by=self.lee, now=self.now
                )
            )

    @rule(which=WHICH, gate=st.sampled_from([SHIP_DESPITE_CASE, SKIP_CONFIRMATION]))
    def let_through(self, *, which: int, gate: str) -> None:
        order = self.order(which)
        self.attempt(
            lambda: exceptions.request_waiver(
                gate=gate,
                subject=subject_ref(order),
                subject_key=order.key,
                client_id=order.client_id,
                reason="The customer confirmed it by telephone.",
                plan="Correct it in the shop.",
                minutes=60,
                owner="client-success",
                by=self.amal,
                now=self.now,
            )
        )
        for waiver in Waiver.objects.filter(state="requested"):
            self.attempt(partial(exceptions.approve_waiver, waiver_id=waiver.pk, by=self.lee, now=self.now))

    @rule(minutes=st.sampled_from([1, 45, 90, 300, 5_000]))
    def time_passes(self, *, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        for _ in range(5):
            exceptions.sweep_timers(now=self.now)

    @invariant()
    def everything_is_as_it_must_be(self) -> None:
        assert broken(everywhere=True) == []

    def order(self, which: int) -> Order:
        orders = list(Order.objects.order_by("number"))
        return orders[which % len(orders)]

    def parcel(self, order: Order, which: int) -> Fulfilment | None:
        parcels = list(order.fulfilments.order_by("-key"))
        return parcels[which % len(parcels)] if parcels else None

    def event(self, kind: str, subject: str, data: dict[str, Any], at: datetime | None = None) -> News:
        return News(f"E-{next(self.ids)}", kind, "store", subject, self.client.pk, at or self.now, data)

    def body(self, kind: str, order: Order, variant: int, at: datetime) -> dict[str, Any]:
        """The data of an event of this kind; six variants of each."""
        some = [{"line": "1", "quantity": 1}] if variant % 2 else []
        if kind in ABOUT_PARCELS:
            parcel = self.parcel(order, variant // 2)
            named = parcel.key if parcel and variant % 2 else order.number
            return {
                "task": named,
                "order": order.number,
                "at": at.isoformat(),
                "reason": ("out_of_stock", "no")[variant % 2],
            }
        if kind == "order.changed":
            changes = (
                {"lines": [{"line": "1", "quantity": variant}]},
                {"lines": [{"sku": "STOVE", "quantity": 1, "unit_minor": 500}]},
                {"address": BROKEN if variant % 2 else make.BERLIN},
            )
            return {"order": order.number, **changes[variant % 3]}
        amount = (order.total_minor, order.total_minor // 2, order.total_minor * 2)[variant % 3]
        money = {"amount_minor": amount, "currency": "USD" if variant == 5 else "EUR", "reference": f"R-{variant}"}
        return {"order": order.number, "lines": some, **(money if kind.startswith(("payment", "refund")) else {})}

    def attempt(self, act: Callable[[], object]) -> None:
        """People are told what cannot be done; a state nobody thought of is no answer."""
        with suppress(DomainError), transaction.atomic():
            try:
                act()
            except NoWay as nobody_thought_of_it:
                raise AssertionError from nobody_thought_of_it


@pytest.mark.django_db
def test_whatever_happens_to_orders_everything_stays_as_it_must_be(house: House) -> None:
    OrderLife.house = house
    OrderLife.lee, OrderLife.amal = house.actor("lee"), house.actor("amal")
    run_state_machine_as_test(
        OrderLife,
        settings=settings(
            max_examples=LIVES or 3,
            stateful_step_count=30 if LIVES else 14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=not LIVES,
            database=None,
            phases=[Phase.generate],  # to shrink takes minutes, and every step of a life is printed anyhow
        ),
    )

"""A task starts a run: what has to be seen, and until when. Only what others are seen to do meets it; one missed outcome is one case."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from audit.access import Role
from audit.checks import invariants
from audit.context import Actor, acting
from audit.subject_refs import subject_ref
from exceptions import services as exceptions
from exceptions.errors import CriteriaNotMet
from exceptions.models import ExceptionCase, Timer, Waiver
from exceptions.models.timers import LIVE
from orders.fulfilment import selectors
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services.handing_over import hand_over_parcel
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import take_news
from orders.sync.models import Expectation, FlowRun
from rules.models import Client, Sla
from rules.services import freeze_rule_book
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import grant, person

pytestmark = pytest.mark.django_db

# Ten business hours in Berlin after Friday 10:00: eight of them on Friday, two on Monday.
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
# Fifty, ten a day, are a week; twenty after the hour in which a vendor has to answer end on Tuesday.
WEEK = timedelta(days=7)
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WAREHOUSE = ["task.confirmed", "shipment.picked", "shipment.packed", "shipment.handed_over"]


def kayak(place: make.Place, **data: object) -> Order:
    return place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")], **data)


def run_of(order: Order) -> FlowRun:
    return FlowRun.objects.get(subject_key=f"{order.key}-1", state__in=["running", "missed", "unverified", "done"])


def outcomes(order: Order) -> dict[str, datetime]:
    return {one.event_type: one.due_at for one in run_of(order).expectations.order_by("due_at", "pk")}


def met(order: Order) -> dict[str, str]:
    return {one.event_type: one.met_by for one in run_of(order).expectations.exclude(met_at=None).order_by("pk")}


def cases() -> list[tuple[str, str, int]]:
    return [(case.type, case.title, case.occurrences) for case in ExceptionCase.objects.live().order_by("number")]


def deadlines() -> list[tuple[str, datetime]]:
    return list(Timer.objects.filter(LIVE, kind="run.deadline").order_by("due_at").values_list("subject_id", "due_at"))


def broken() -> list[object]:
    found: list[object] = []
    for check in invariants():
        if check.id in {"inv-03", "inv-40", "inv-08", "inv-10", "run-02"}:
            with connection.cursor() as cursor:
                cursor.execute(check.sql)
                found += cursor.fetchall()
    return found


def test_our_own_flow_promises_every_step_to_the_carrier_who_has_its_usual_time(place: make.Place) -> None:
    order = place()
    assert outcomes(order) == {**dict.fromkeys(WAREHOUSE, MONDAY), "shipment.delivered": MONDAY + WEEK}
    run = run_of(order)
    assert (run.flow.slug, run.trigger, run.client_id) == (
        "warehouse-pick-pack",
        f"{order.key}-1/pick_pack/1",
        order.client_id,
    )
    assert deadlines() == [(str(run.pk), MONDAY)]


def test_a_vendor_owes_an_answer_and_the_promised_day_is_owed_to_the_customer(place: make.Place, now: datetime) -> None:
    promised = now + timedelta(days=5)
    order = kayak(place, promised_at=promised.isoformat())
    answer = now + timedelta(minutes=60)
    assert outcomes(order) == {
        "task.confirmed": answer,
        "shipment.handed_over": TUESDAY,
        "shipment.delivered": promised,
    }


def test_a_day_that_had_passed_before_the_task_went_out_binds_nobody(place: make.Place, now: datetime) -> None:
    order = kayak(place, promised_at=(now - timedelta(days=5)).isoformat())
    assert list(outcomes(order).values()) == [now + timedelta(minutes=60), TUESDAY, TUESDAY + WEEK]


def test_what_the_rule_book_promises_for_a_step_nobody_promised_counts(
    place: make.Place, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Sla.objects.filter(slug="vendor-shipping").update(minutes=120, basis="wall")
        freeze_rule_book(by=system, now=now)
    found = outcomes(kayak(place))
    leaves = now + timedelta(minutes=180)
    assert (found["shipment.handed_over"], found["shipment.delivered"]) == (leaves, leaves + WEEK)


def test_a_run_is_done_when_everything_was_seen(place: make.Place, tell: make.Tell) -> None:
    order = place()
    seen = []
    for kind in (*WAREHOUSE, "shipment.delivered"):
        tell(kind, f"{order.key}-1")
        seen.append((len(met(order)), run_of(order).state))
    assert seen == [(1, "running"), (2, "running"), (3, "running"), (4, "running"), (5, "done")]
    assert (deadlines(), broken()) == ([], [])


def test_a_later_step_proves_those_before_it_with_its_own_evidence(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place()
    packed = make.news("shipment.packed", northwind, order.number, now, task=f"{order.key}-1")
    take_news(news=[packed], by=system, now=now)
    assert met(order) == dict.fromkeys(WAREHOUSE[:3], packed.event_id)


def test_an_acknowledgement_proves_nothing(place: make.Place, tell: make.Tell) -> None:
    order = place()
    tell("task.acknowledged", f"{order.key}-1")
    assert met(order) == {}


def test_a_silent_warehouse_misses_four_outcomes_and_is_one_case(place: make.Place) -> None:
    order = place()
    exceptions.sweep_timers(now=MONDAY - timedelta(seconds=1))
    assert cases() == []
    exceptions.sweep_timers(now=MONDAY)
    minutes = round((MONDAY - datetime(2026, 11, 20, 9, 0, tzinfo=UTC)).total_seconds() / 60)
    title = f"The warehouse has not confirmed {order.key}-1 for {minutes} min"
    assert cases() == [("delivery-failure", title, 1)]
    assert (run_of(order).state, Expectation.objects.filter(missed_at=MONDAY).count()) == ("missed", 4)


def test_a_missed_outcome_tells_its_context(place: make.Place) -> None:
    order = place()
    exceptions.sweep_timers(now=MONDAY)
    evidence = ExceptionCase.objects.live().get().evidence
    assert (evidence["run"], evidence["expected"], evidence["task"], evidence["due_at"]) == (
        str(run_of(order).pk),
        "task.confirmed",
        f"{order.key}-1/pick_pack/1",
        MONDAY.isoformat(),
    )


def test_a_parcel_that_was_packed_and_never_left_is_late_until_the_carrier_has_it(
    place: make.Place, northwind: Client, tell: make.Tell, system: Actor
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    exceptions.sweep_timers(now=MONDAY)
    late = f"The warehouse has not handed over {order.key}-1, due Mon 23 Nov 09:00 UTC"
    assert cases() == [("late-parcel", late, 1)]
    assert ExceptionCase.objects.live().get().owner.slug == "logistics"
    left = make.news("shipment.handed_over", northwind, order.number, MONDAY, task=f"{order.key}-1")
    take_news(news=[left], by=system, now=MONDAY + timedelta(hours=1))
    assert (cases(), run_of(order).state) == ([], "missed")
    exceptions.sweep_timers(now=MONDAY + WEEK)
    assert cases() == [("late-parcel", f"The carrier has not delivered {order.key}-1, due Mon 30 Nov 09:00 UTC", 1)]
    there = make.news("shipment.delivered", northwind, order.number, MONDAY + WEEK, task=f"{order.key}-1")
    take_news(news=[there], by=system, now=MONDAY + WEEK)
    assert (cases(), run_of(order).state, broken()) == ([], "done", [])


def test_a_vendor_that_confirmed_and_is_silent_then_is_late_with_what_was_tried(
    place: make.Place, tell: make.Tell, northwind: Client, system: Actor
) -> None:
    order = kayak(place)
    tell("task.confirmed", f"{order.key}-1")
    exceptions.sweep_timers(now=TUESDAY - timedelta(seconds=1))
    assert cases() == []
    exceptions.sweep_timers(now=TUESDAY)
    assert cases() == [("late-parcel", f"kestrel has not handed over {order.key}-1, due Tue 24 Nov 10:00 UTC", 1)]
    evidence = ExceptionCase.objects.live().get().evidence
    assert (evidence["expected"], evidence["task"]) == ("shipment.handed_over", f"{order.key}-1/drop_ship/1")
    left = make.news("shipment.handed_over", northwind, order.number, TUESDAY, task=f"{order.key}-1", carrier="DPD")
    take_news(news=[left], by=system, now=TUESDAY)
    assert cases() == []
    exceptions.sweep_timers(now=TUESDAY + WEEK)
    assert cases() == [("late-parcel", f"DPD has not delivered {order.key}-1, due Tue 01 Dec 10:00 UTC", 1)]


def test_a_promised_day_that_passes_after_the_confirmation_is_a_case_of_its_own(
    place: make.Place, tell: make.Tell, now: datetime
) -> None:
    promised = now + timedelta(days=5)
    order = kayak(place, promised_at=promised.isoformat())
    tell("shipment.handed_over", f"{order.key}-1")
    exceptions.sweep_timers(now=promised)
    assert cases() == [("late-parcel", f"The carrier has not delivered {order.key}-1, due Wed 25 Nov 09:00 UTC", 1)]


def test_what_is_late_because_nobody_confirmed_opens_nothing_new(place: make.Place, now: datetime) -> None:
    promised = now + timedelta(days=5)
    order = kayak(place, promised_at=promised.isoformat())
    exceptions.sweep_timers(now=now + timedelta(minutes=60))
    exceptions.sweep_timers(now=promised)
    assert [(kind, times) for kind, _, times in cases()] == [("vendor-no-confirmation", 1)]
    assert run_of(order).expectations.filter(missed_at=None).count() == 0


def test_a_late_word_of_the_vendor_withdraws_the_case(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    order = kayak(place)
    exceptions.sweep_timers(now=now + timedelta(minutes=60))
    later = now + timedelta(minutes=70)
    word = make.news("task.confirmed", northwind, order.number, later, task=f"{order.key}-1")
    take_news(news=[word], by=system, now=later)
    assert (cases(), run_of(order).state) == ([], "missed")


def test_a_case_stays_while_another_parcel_of_the_order_is_silent(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    vendors = ("kestrel", "merlin")
    lines = [make.line(f"KAYAK-{vendor}", sku_type="drop_ship", vendor=vendor) for vendor in vendors]
    order = place(lines=lines)
    later = now + timedelta(minutes=60)
    exceptions.sweep_timers(now=later)
    states = []
    for parcel in order.fulfilments.order_by("key"):
        word = make.news("task.confirmed", northwind, order.number, later, task=parcel.key)
        take_news(news=[word], by=system, now=later)
        states.append(len(cases()))
    assert states == [1, 0]


def test_a_cancelled_order_ends_its_runs_wherever_its_parcels_are(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    early, packed = place(), place()
    tell("shipment.packed", f"{packed.key}-1")
    for order in (early, packed):
        tell("order.cancelled", order.number)
    assert set(FlowRun.objects.values_list("state", flat=True)) == {"cancelled", "running"}
    exceptions.resolve_case(case_id=ExceptionCase.objects.live().get().pk, outcome="stop", by=system, now=now)
    assert set(FlowRun.objects.values_list("state", flat=True)) == {"cancelled"}
    assert deadlines() == []


def test_a_refusal_ends_the_run_for_it_has_its_own_case(place: make.Place, tell: make.Tell, now: datetime) -> None:
    order = kayak(place)
    tell("task.refused", f"{order.key}-1", reason="discontinued")
    exceptions.sweep_timers(now=now + timedelta(minutes=61))
    assert cases() == [("vendor-no-confirmation", "kestrel will not ship it", 1)]
    assert FlowRun.objects.get().state == "cancelled"


def test_a_task_that_goes_out_again_after_a_rejection_starts_anew_with_a_new_deadline(
    place: make.Place, tell: make.Tell, system: Actor
) -> None:
    order = place()
    for kind in ("shipment.packed", "shipment.rejected"):
        tell(kind, f"{order.key}-1", carrier="DPD")
    case = ExceptionCase.objects.live().get()
    exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=system, now=MONDAY)
    tuesday = MONDAY + timedelta(days=1)
    assert (run_of(order).trigger, set(outcomes(order).values())) == (
        f"{order.key}-1/pick_pack/2",
        {tuesday, tuesday + WEEK},
    )
    exceptions.sweep_timers(now=MONDAY + timedelta(hours=1))
    assert cases() == []


def test_a_time_limited_exception_excuses_the_word_it_stands_in_for(
    place: make.Place, northwind: Client, now: datetime
) -> None:
    order = kayak(place)
    grant(order, "skip-vendor-confirmation", northwind, now)
    exceptions.sweep_timers(now=now + timedelta(hours=5))
    excused = Expectation.objects.get(event_type="task.confirmed")
    assert (excused.met_by, excused.excused_by, excused.missed_at) == ("", Waiver.objects.get().key, None)
    assert (cases(), Hold.objects.count(), run_of(order).state) == ([], 0, "running")


def test_the_order_tells_what_is_expected_of_it(place: make.Place, tell: make.Tell, system: Actor) -> None:
    order = place()
    tell("task.confirmed", f"{order.key}-1")
    (run,) = selectors.order_story(by=system, key=order.key).runs
    assert (run.fulfilment, run.state_label, [one.name for one in run.outcomes if one.met_at]) == (
        f"{order.key}-1",
        "Running",
        ["Confirmed"],
    )
    told = [step.type for step in selectors.order_trace(by=system, key=order.key).rows]
    assert told.count("run.started") == 1


def test_runs_of_a_batch_cost_the_same_for_one_and_for_three(northwind: Client, system: Actor, now: datetime) -> None:
    counts = []
    for number in (1, 3):
        news = [make.placed(northwind, now, paid_at=now.isoformat()) for _ in range(number)]
        ids = place_orders(news=news, by=system, now=now)
        keys = [f"{key}-1" for key in Order.objects.filter(pk__in=ids).values_list("key", flat=True)]
        told = [make.news("shipment.delivered", northwind, key, now, task=key) for key in keys]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            take_news(news=told, by=system, now=now)
        counts.append([query["sql"].split()[0:3] for query in queries if "sync_" in (query["sql"] or "")])
    assert len(counts[0]) == len(counts[1]) > 0
    assert FlowRun.objects.filter(state="done").count() == 4


def by_hand(order: Order, by: Actor, now: datetime) -> FlowRun:
    """Somebody says here that the carrier has the parcel."""
    hand_over_parcel(fulfilment_id=order.fulfilments.get().pk, carrier="DPD", by=by, now=now)
    return run_of(order)


def test_a_handoff_is_not_verified_by_what_somebody_says_here_but_by_the_system_downstream(
    place: make.Place, tell: make.Tell, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    run = by_hand(order, system, now)
    owner = run.flow.owner.slug
    assert (run.state, run.owner and run.owner.slug, run.verify_by) == ("unverified", owner, MONDAY)
    assert met(order) == dict.fromkeys(WAREHOUSE[:3], met(order)["shipment.packed"])
    (shown,) = selectors.order_story(by=system, key=order.key).runs
    assert (shown.owner, shown.verify_by, broken()) == (run.flow.owner.name, MONDAY, [])
    with pytest.raises(IntegrityError, match="flowrun_done_is_verified"), acting(system, at=now), transaction.atomic():
        FlowRun.objects.update(state="done", version=F("version") + 1)
    exceptions.sweep_timers(now=MONDAY)
    case = ExceptionCase.objects.live().get()
    title = f"No system has confirmed that DPD has {order.key}-1"
    assert (case.type, case.title, case.owner.slug) == ("handoff-unverified", title, owner)
    missing = "A system downstream has confirmed the handoff"
    lead = person(2, Role.OPS_LEAD, northwind)
    with pytest.raises(CriteriaNotMet, match=missing):
        exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=lead, now=MONDAY)
    with pytest.raises(CriteriaNotMet, match=missing):
        exceptions.withdraw_case(case_id=case.pk, reason="it will be fine", by=lead, now=MONDAY)
    tell("shipment.delivered", f"{order.key}-1")
    case.refresh_from_db()
    run = run_of(order)
    assert (run.state, run.verified_by, case.state) == ("done", met(order)["shipment.handed_over"], "withdrawn")
    assert (Timer.objects.filter(LIVE, kind="run.verification").count(), broken()) == (0, [])


def test_a_handoff_that_is_confirmed_later_is_verified_and_still_has_to_arrive(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    by_hand(order, system, now)
    assert selectors.order_story(by=system, key=order.key).unverified is not None
    tell("shipment.handed_over", f"{order.key}-1")
    run = run_of(order)
    assert (run.state, run.owner, run.verify_by) == ("running", None, None)
    assert selectors.order_story(by=system, key=order.key).unverified is None
    assert not Timer.objects.filter(LIVE, kind="run.verification").exists()
    exceptions.sweep_timers(now=MONDAY + WEEK)
    assert ([kind for kind, *_ in cases()], run_of(order).state, broken()) == (["late-parcel"], "missed", [])


def test_a_handoff_nobody_confirmed_is_late_at_the_customer_too(
    place: make.Place, tell: make.Tell, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    by_hand(order, system, now)
    for due in (MONDAY, MONDAY + WEEK):
        exceptions.sweep_timers(now=due)
    assert [kind for kind, *_ in cases()] == ["handoff-unverified", "late-parcel"]
    assert (run_of(order).state, broken()) == ("unverified", [])
    there = make.news("shipment.delivered", northwind, order.number, due, task=f"{order.key}-1")
    take_news(news=[there], by=system, now=due)
    assert (run_of(order).state, cases(), broken()) == ("done", [], [])


def test_a_time_limited_exception_closes_the_case_about_a_handoff_but_never_the_run(
    place: make.Place, tell: make.Tell, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place()
    tell("shipment.packed", f"{order.key}-1")
    by_hand(order, system, now)
    exceptions.sweep_timers(now=MONDAY)
    case = ExceptionCase.objects.live().get()
    waiver = exceptions.request_waiver(
        gate="close-unverified-handoff",
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        case_id=case.pk,
        reason="Their system is down until tonight; the driver has signed.",
        plan="They send it tonight.",
        minutes=60,
        owner="ops-team",
        by=person(1, Role.ACCOUNT_MANAGER, northwind),
        now=MONDAY,
    )
    lead = person(2, Role.OPS_LEAD, northwind)
    exceptions.approve_waiver(waiver_id=waiver.pk, comment="Seen the signature.", by=lead, now=MONDAY)
    resolved = exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=lead, now=MONDAY)
    assert (resolved.state, run_of(order).state, cases()) == ("resolved", "unverified", [])
    assert [use.what for use in waiver.uses.all()] == [order.key]
    over = MONDAY + timedelta(minutes=60)
    for _ in range(2):  # the end is written down, then who has the run is asked again
        exceptions.sweep_timers(now=over)
    assert ([kind for kind, *_ in cases()], run_of(order).state, broken()) == (["handoff-unverified"], "unverified", [])

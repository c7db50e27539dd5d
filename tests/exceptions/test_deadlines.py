"""Deadlines of real exceptions: paused for a third party, swapped, reopened, and moved when the rules change; at risk before late."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command

from audit.context import Actor, acting
from audit.errors import Invalid, NotFound, Refused
from audit.models import Event
from exceptions import selectors, services
from exceptions.models import ExceptionCase, Notification, Timer
from exceptions.selectors.queue import queue_page
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.states import CaseState, ClockState, WaitingOn
from rules import services as rule_services
from rules.models import Calendar, Client, ExceptionType, Holiday, Sla, SlaTarget
from tests.cast import House
from tests.exceptions.conftest import OpenCase

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def trail(case: ExceptionCase) -> list[str]:
    return list(Event.objects.filter(subject_id=str(case.pk)).order_by("seq").values_list("type", flat=True))


def running(case: ExceptionCase) -> dict[str, datetime]:
    live = Timer.objects.filter(subject_id=str(case.pk), fired_at=None, cancelled_at=None)
    return dict(live.values_list("kind", "due_at"))


def sweep_all(now: datetime) -> int:
    fired = 0
    while swept := services.sweep_timers(now=now):
        fired += swept
    return fired


@pytest.fixture
def taken(open_case: OpenCase, house: House, now: datetime) -> ExceptionCase:
    """Amal works on it; due two hours after it was opened, at risk half an hour before."""
    return services.start_case(case_id=open_case().pk, by=house.actor("amal"), now=now)


@pytest.fixture
def freeze(house: House, system: Actor) -> Callable[[datetime], None]:
    """Put in force what is being edited, and let the clockwork do what follows."""

    def freeze_at(at: datetime) -> None:
        rule_services.freeze_rule_book(by=system, now=at)
        sweep_all(at)

    return freeze_at


def test_waiting_for_a_carrier_stops_the_clock_and_everything_on_it(
    taken: ExceptionCase, house: House, now: datetime
) -> None:
    amal = house.actor("amal")
    case = services.wait_case(
        case_id=taken.pk,
        until=now + 90 * MINUTE,
        reason="asked for a new label",
        on=WaitingOn.CARRIER,
        party="UPS",
        by=amal,
        now=now + 30 * MINUTE,
    )
    assert case.due_at == now + 3 * HOUR
    assert "not counted Fri 10:30 to Fri 11:30 (waiting for carrier UPS)" in case.due_words
    assert selectors.clock_of(case, now=now + HOUR) is ClockState.PAUSED
    assert running(case) == {
        "case.wake": now + 90 * MINUTE,
        "case.at_risk": now + 150 * MINUTE,
        "case.escalate": now + 2 * HOUR,
        "case.breach": now + 3 * HOUR,
        "case.overrun": now + 51 * HOUR,
    }
    assert sweep_all(now + 90 * MINUTE) == 1
    case.refresh_from_db()
    assert (case.state, case.waiting_on, case.due_at) == (CaseState.IN_PROGRESS, "", now + 3 * HOUR)
    assert trail(case)[-2:] == ["case.waiting", "case.wait_over"]


def test_what_comes_early_gives_back_only_the_time_really_waited(
    taken: ExceptionCase, house: House, now: datetime
) -> None:
    amal = house.actor("amal")
    services.wait_case(
        case_id=taken.pk,
        until=now + 5 * HOUR,
        reason="stock",
        on="vendor",
        party="Acme",
        by=amal,
        now=now + 30 * MINUTE,
    )
    case = services.resume_case(case_id=taken.pk, by=amal, now=now + 40 * MINUTE)
    assert case.due_at == now + 130 * MINUTE
    assert running(case)["case.at_risk"] == now + 100 * MINUTE


def test_workers_that_were_dead_give_nobody_more_time(taken: ExceptionCase, house: House, now: datetime) -> None:
    services.wait_case(
        case_id=taken.pk, until=now + HOUR, reason="label", on="carrier", party="UPS", by=house.actor("amal"), now=now
    )
    sweep_all(now + 150 * MINUTE)
    taken.refresh_from_db()
    assert (taken.state, taken.due_at) == (CaseState.IN_PROGRESS, now + 3 * HOUR)


def test_waiting_for_one_of_ours_does_not_stop_it(taken: ExceptionCase, house: House, now: datetime) -> None:
    case = services.wait_case(
        case_id=taken.pk, until=now + HOUR, reason="Bo knows", by=house.actor("amal"), now=now + 30 * MINUTE
    )
    assert (case.due_at, case.pauses) == (now + 2 * HOUR, [])
    assert selectors.clock_of(case, now=now + 40 * MINUTE) is ClockState.RUNNING


def test_a_third_party_has_to_be_named(taken: ExceptionCase, house: House, now: datetime) -> None:
    amal = house.actor("amal")
    given = {"case_id": taken.pk, "until": now + HOUR, "reason": "label", "by": amal, "now": now}
    with pytest.raises(Invalid, match="at least 2 characters"):
        services.wait_case(**given, on="carrier")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="Choose one of: ourselves, customer"):
        services.wait_case(**given, on="weather", party="rain")  # type: ignore[arg-type]
    assert services.wait_case(**given, on="customer").pauses[0]["why"] == "waiting for the customer"  # type: ignore[arg-type]


def test_solved_while_waiting_the_wait_ends_there(taken: ExceptionCase, house: House, now: datetime) -> None:
    amal = house.actor("amal")
    services.wait_case(
        case_id=taken.pk,
        until=now + 9 * HOUR,
        reason="label",
        on="carrier",
        party="UPS",
        by=amal,
        now=now + 30 * MINUTE,
    )
    case = services.resolve_case(case_id=taken.pk, outcome="resolved", by=amal, now=now + 50 * MINUTE)
    assert (case.due_at, case.waiting_on) == (now + 140 * MINUTE, "")
    assert selectors.clock_of(case, now=now + 9 * HOUR) is ClockState.STOPPED


def test_reopened_its_clock_goes_on_where_it_stood(taken: ExceptionCase, house: House, now: datetime) -> None:
    amal = house.actor("amal")
    services.resolve_case(case_id=taken.pk, outcome="resolved", by=amal, now=now + 30 * MINUTE)
    case = services.reopen_case(case_id=taken.pk, reason="came back", by=amal, now=now + 90 * MINUTE)
    assert (case.due_at, case.acknowledge_by) == (now + 3 * HOUR, now + 150 * MINUTE)
    assert "(counted as solved)" in case.due_words
    assert running(case) == {
        "case.acknowledge": now + 150 * MINUTE,
        "case.at_risk": now + 150 * MINUTE,
        "case.escalate": now + 150 * MINUTE,
        "case.breach": now + 3 * HOUR,
        "case.overrun": now + 51 * HOUR,
    }


def test_a_lead_makes_it_worse_and_what_was_used_counts(open_case: OpenCase, house: House, now: datetime) -> None:
    case, lee = open_case(type="contract-violation"), house.actor("lee")
    assert case.due_at == now + 24 * HOUR
    case = services.change_severity(case_id=case.pk, severity="P1", reason="shop stands still", by=lee, now=now + HOUR)
    assert (case.severity, case.due_at, case.warn_at) == ("P1", now + 4 * HOUR, now + 3 * HOUR)
    assert "It was P2 until Fri 20 Nov 10:00 UTC; what was used by then counts." in case.due_words
    assert running(case) == {
        "case.acknowledge": now + HOUR,
        "case.at_risk": now + 3 * HOUR,
        "case.escalate": now + HOUR,
        "case.fallback": now + 2 * HOUR,
        "case.route": now + 10 * MINUTE,
        "case.breach": now + 4 * HOUR,
        "case.overrun": now + 52 * HOUR,
    }
    assert trail(case)[-1] == "case.severity_changed"
    back = services.change_severity(case_id=case.pk, severity="P2", reason="it runs", by=lee, now=now + 2 * HOUR)
    assert back.due_at == now + 24 * HOUR


def test_a_severity_that_makes_it_late_says_so_at_once(open_case: OpenCase, house: House, now: datetime) -> None:
    case, later = open_case(type="contract-violation"), now + 6 * HOUR
    case = services.change_severity(case_id=case.pk, severity="P1", reason="worse", by=house.actor("lee"), now=later)
    assert selectors.clock_of(case, now=later) is ClockState.LATE
    sweep_all(later)
    case.refresh_from_db()
    assert case.ladder_step == 2
    assert "case.at_risk" not in trail(case)


def test_who_may_not_change_a_severity_is_refused(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case(type="contract-violation")
    given = {"case_id": case.pk, "severity": "P1", "reason": "worse", "now": now}
    with pytest.raises(Refused):
        services.change_severity(**given, by=house.actor("amal"))  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        services.change_severity(**given, by=house.actor("noor"))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="Choose one of: P1, P3"):
        services.change_severity(**{**given, "severity": "P2"}, by=house.actor("lee"))  # type: ignore[arg-type]


def test_at_risk_is_told_once_before_it_is_late(taken: ExceptionCase, house: House, now: datetime) -> None:
    sweep_all(now + 90 * MINUTE)
    sweep_all(now + 91 * MINUTE)
    assert trail(taken).count("case.at_risk") == 1
    told = Notification.objects.filter(event="case.at_risk")
    assert [one.case_id for one in told] == [taken.pk]
    assert "At risk: it is due Fri 20 Nov 11:00 UTC" in told[0].text
    (row,) = queue_page(
        by=house.actor("lee"), filters=QueueFilters(scope="team", due="at-risk"), now=now + 91 * MINUTE
    ).rows
    assert (row.key, row.clock) == (taken.key, ClockState.AT_RISK)
    assert not queue_page(by=house.actor("lee"), filters=QueueFilters(scope="team", due="at-risk"), now=now).rows


def test_found_too_late_nobody_is_told_that_it_is_at_risk(taken: ExceptionCase, now: datetime) -> None:
    sweep_all(now + 3 * HOUR)
    assert "case.at_risk" not in trail(taken)


def test_a_holiday_moves_the_deadlines_of_open_cases_with_words_timers_and_trail(
    open_case: OpenCase, freeze: Callable[[datetime], None], system: Actor, now: datetime
) -> None:
    afternoon = now + 7 * HOUR
    case, other = open_case(1, at=afternoon), open_case(2, type="delivery-failure", at=afternoon)
    assert case.due_at == datetime(2026, 11, 23, 8, tzinfo=UTC)
    with acting(system, at=afternoon):
        calendar = Calendar.objects.get(slug="berlin-business")
        Holiday.objects.create(calendar=calendar, on=date(2026, 11, 23), name="Works outing")
    freeze(afternoon + MINUTE)
    before = case.due_at
    case.refresh_from_db()
    assert case.due_at == before + timedelta(days=1)
    assert "Tue 08:00 + 1 h = Tue 09:00" in case.due_words
    assert running(case)["case.overrun"] == case.due_at + 48 * HOUR
    event = Event.objects.get(type="case.deadline_moved")
    assert (event.subject_id, event.actor) == (str(case.pk), "system:timers")
    version = other.version
    other.refresh_from_db()
    assert (other.version, trail(other)) == (version, ["case.opened"])


def test_an_edited_sla_or_target_moves_them_too_and_another_rule_does_not(
    open_case: OpenCase, house: House, freeze: Callable[[datetime], None], system: Actor, now: datetime
) -> None:
    case, later = open_case(type="delivery-failure"), now + 10 * MINUTE
    with acting(system, at=now):
        sla = Sla.objects.get(slug="sync-failure-p1")
        sla.minutes = 180
        sla.save()
    freeze(later)
    case.refresh_from_db()
    assert case.due_at == now + 3 * HOUR
    with acting(system, at=now):
        SlaTarget.objects.create(
            slug="northwind",
            name="Northwind pays for speed",
            client=house.clients["northwind"],
            acknowledge_within_minutes=15,
            sla=Sla.objects.get(slug="vendor-confirmation"),
        )
    freeze(later + MINUTE)
    case.refresh_from_db()
    assert (case.due_at, case.acknowledge_by) == (now + HOUR, now + 15 * MINUTE)
    assert "by target “Northwind pays for speed”" in case.due_words
    with acting(system, at=now):
        ExceptionType.objects.filter(slug="address").update(weight_eur=7)
    freeze(later + 2 * MINUTE)
    assert trail(case).count("case.deadline_moved") == 2


def test_a_client_with_other_hours_has_its_deadlines_moved(
    open_case: OpenCase, house: House, freeze: Callable[[datetime], None], system: Actor, now: datetime
) -> None:
    evening = now + 9 * HOUR
    case = open_case(at=evening)
    with acting(system, at=evening):
        Client.objects.filter(slug="northwind").update(calendar=Calendar.objects.get(slug="always"))
    freeze(evening + MINUTE)
    case.refresh_from_db()
    assert case.due_at == evening + 2 * HOUR


@pytest.mark.parametrize("count", [1, 3])
def test_moving_one_or_three_takes_the_same_statements(
    open_case: OpenCase,
    house: House,
    system: Actor,
    now: datetime,
    count: int,
    django_assert_max_num_queries: object,
) -> None:
    cases = [open_case(n, type="delivery-failure") for n in range(count)]
    with acting(system, at=now):
        Sla.objects.filter(slug="sync-failure-p1").update(minutes=200)
    rule_services.freeze_rule_book(by=system, now=now)
    with django_assert_max_num_queries(21):  # type: ignore[operator]
        services.sweep_timers(now=now)
    for case in cases:
        case.refresh_from_db()
    assert {case.due_at for case in cases} == {now + 200 * MINUTE}


def test_more_than_a_batch_is_moved_batch_by_batch(
    open_case: OpenCase,
    freeze: Callable[[datetime], None],
    system: Actor,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exceptions.services.deadlines.BATCH", 2)
    cases = [open_case(n, type="delivery-failure") for n in range(5)]
    with acting(system, at=now):
        Sla.objects.filter(slug="sync-failure-p1").update(minutes=200)
    freeze(now)
    assert set(ExceptionCase.objects.values_list("due_at", flat=True)) == {now + 200 * MINUTE}
    assert Event.objects.filter(type="case.deadline_moved").count() == len(cases)


def test_nothing_of_this_breaks_a_promise(taken: ExceptionCase, house: House, now: datetime) -> None:
    services.wait_case(
        case_id=taken.pk, until=now + HOUR, reason="label", on="carrier", party="UPS", by=house.actor("amal"), now=now
    )
    call_command("check_invariants", "inv-14", "inv-16", "inv-16b", "inv-17", "inv-20")

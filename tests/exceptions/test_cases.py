"""One open case per cause, worked by one person, moved on when nobody acts."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from audit.context import Actor, acting
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.errors import CaseTaken, CriteriaNotMet
from exceptions.models import CaseNote, ExceptionCase, Notification, Timer
from exceptions.selectors import timer_health
from exceptions.states import CaseState
from exceptions.subjects import _criteria
from rules.models import Absence
from tests.cast import House
from tests.exceptions.conftest import OpenCase

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def trail(case: ExceptionCase) -> list[str]:
    return list(Event.objects.filter(subject_id=str(case.pk)).order_by("seq").values_list("type", flat=True))


def running(case: ExceptionCase) -> dict[str, datetime]:
    live = Timer.objects.filter(subject_id=str(case.pk), fired_at=None, cancelled_at=None)
    return dict(live.values_list("kind", "due_at"))


def test_a_new_case_has_owner_backup_deadline_route_and_timers(open_case: OpenCase, now: datetime) -> None:
    case = open_case()
    assert (case.owner.slug, case.backup.slug, case.route, case.state) == (
        "client-success",
        "ops-team",
        "retry",
        CaseState.OPEN,
    )
    assert case.due_at == now + 2 * HOUR
    assert "2 h" in case.due_words
    assert running(case) == {
        "case.route": now + 5 * MINUTE,
        "case.fallback": now + HOUR,
        "case.acknowledge": now + HOUR,
        "case.at_risk": now + 90 * MINUTE,
        "case.escalate": now + HOUR,
        "case.breach": now + 2 * HOUR,
        "case.overrun": now + 50 * HOUR,
    }
    assert trail(case) == ["case.opened"]


def test_the_same_trouble_again_is_one_more_occurrence(open_case: OpenCase) -> None:
    first, second = open_case(), open_case()
    assert first.pk == second.pk
    assert ExceptionCase.objects.get().occurrences == 2
    assert trail(first) == ["case.opened", "case.occurred_again"]


def test_a_person_takes_a_case_of_their_team(open_case: OpenCase, house: House, now: datetime) -> None:
    case = services.acknowledge_case(case_id=open_case().pk, by=house.actor("amal"), now=now + MINUTE)
    assert (case.state, case.owner.slug, case.acknowledged_by) == (
        CaseState.ACKNOWLEDGED,
        "amal",
        house.actor("amal").id,
    )
    assert case.backup.slug == "client-success"
    assert set(running(case)) == {"case.at_risk", "case.escalate", "case.breach", "case.overrun", "case.progress"}
    again = services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=now + 2 * MINUTE)
    assert again.version == case.version


def test_who_comes_second_is_told_who_was_first_and_when(open_case: OpenCase, house: House, now: datetime) -> None:
    case, bo = open_case(), house.actor("bo")
    services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=now + MINUTE, seen=case.version)
    with pytest.raises(CaseTaken, match=r"Amal Okafor was faster: EX-\d+ changed at 09:01 UTC") as taken:
        services.start_case(case_id=case.pk, by=bo, now=now + 2 * MINUTE, seen=case.version)
    assert (taken.value.who, taken.value.at) == ("Amal Okafor", now + MINUTE)


def test_what_somebody_has_done_already_is_done_and_done_once(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal, bo = open_case(), house.actor("amal"), house.actor("bo")
    first = services.acknowledge_case(case_id=case.pk, by=amal, now=now, seen=case.version)
    again = services.acknowledge_case(case_id=case.pk, by=bo, now=now + MINUTE, seen=case.version)
    assert (again.version, again.acknowledged_by) == (first.version, amal.id)

    how: dict[str, Any] = {"case_id": case.pk, "outcome": "resolved", "root_cause": "customer"}
    solved = services.resolve_case(**how, by=amal, now=now + MINUTE, seen=first.version)
    for _ in range(2):
        same = services.resolve_case(**how, note="They called me too", by=bo, now=now + 2 * MINUTE, seen=first.version)
        assert (same.version, same.resolved_at) == (solved.version, now + MINUTE)
    for other in ({"outcome": "cancelled"}, {"root_cause": "carrier"}):
        with pytest.raises(CaseTaken, match="Amal Okafor was faster"):
            services.resolve_case(**{**how, **other}, by=bo, now=now + 2 * MINUTE, seen=first.version)
    assert trail(case) == ["case.opened", "case.acknowledged", "case.resolved", "case.noted"]
    assert [(note.author_name, note.text) for note in case.notes.all()] == [("Bo Lindqvist", "They called me too")]


def test_another_clients_case_does_not_exist_for_noor(open_case: OpenCase, house: House, now: datetime) -> None:
    with pytest.raises(NotFound):
        services.acknowledge_case(case_id=open_case().pk, by=house.actor("noor"), now=now)
    with pytest.raises(Refused):
        services.acknowledge_case(case_id=open_case().pk, by=house.actor("sam"), now=now)


def test_nobody_takes_it_then_it_goes_to_the_backup_once(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case()
    assert [services.sweep_timers(now=now + HOUR), services.sweep_timers(now=now + HOUR)] == [2, 0]
    case.refresh_from_db()
    assert (case.owner.slug, case.backup.slug, case.ladder_step) == ("ops-team", "ops-team-review", 1)
    assert trail(case) == ["case.opened", "case.route_taken", "case.not_acknowledged"]
    assert running(case) == {
        "case.at_risk": now + 90 * MINUTE,
        "case.escalate": now + 2 * HOUR,
        "case.breach": now + 2 * HOUR,
        "case.overrun": now + 50 * HOUR,
    }
    told = Notification.objects.filter(event="case.not_acknowledged").values_list("owner__slug", flat=True)
    assert sorted(told) == ["client-success", "ops-team"]


def test_the_ladder_is_climbed_step_by_step_and_ends_at_its_top(open_case: OpenCase, now: datetime) -> None:
    case = open_case()
    owners = []
    for minutes in (60, 61, 120, 121, 300):
        services.sweep_timers(now=now + minutes * MINUTE)
        case.refresh_from_db()
        owners.append((case.owner.slug, case.ladder_step))
    assert owners[-1] == ("ops-team-review", 2)
    assert running(case) == {"case.overrun": now + 50 * HOUR}
    assert [step for _, step in owners] == sorted(step for _, step in owners)


@pytest.mark.parametrize("dead", [HOUR, timedelta(days=1)])
def test_workers_that_were_dead_take_every_step_that_is_due_once_and_leave_none(
    open_case: OpenCase, now: datetime, dead: timedelta
) -> None:
    case, back = open_case(), now + dead + MINUTE
    due = Timer.objects.filter(due_at__lte=back).count()
    assert timer_health(now=back).overdue == due == (4 if dead == HOUR else 6)
    while services.sweep_timers(now=back):
        pass
    case.refresh_from_db()
    happened = trail(case)
    steps = ["case.not_acknowledged"] if dead == HOUR else ["case.not_acknowledged", "case.escalated"]
    assert [one for one in happened if one in {"case.not_acknowledged", "case.escalated"}] == steps
    assert (case.ladder_step, happened.count("case.route_taken")) == (len(steps), 1)
    assert (timer_health(now=back).overdue, services.sweep_timers(now=back)) == (0, 0)


def test_overdue_is_never_silent_even_at_the_top_of_the_ladder(open_case: OpenCase, now: datetime) -> None:
    case = open_case()
    while services.sweep_timers(now=now + timedelta(days=1)):
        pass
    owners = []
    for days in (3, 6, 9):
        services.sweep_timers(now=now + timedelta(days=days))
        case.refresh_from_db()
        owners.append(case.owner.slug)
    assert owners[0] != owners[1] != owners[2]
    assert trail(case).count("case.overrun") == 3
    assert running(case) == {"case.overrun": now + timedelta(days=11)}


def test_taken_and_then_silence_escalates(open_case: OpenCase, house: House, now: datetime) -> None:
    case = services.acknowledge_case(case_id=open_case(type="contract-violation").pk, by=house.actor("lee"), now=now)
    services.sweep_timers(now=now + HOUR)
    case.refresh_from_db()
    assert trail(case)[-1] == "case.went_quiet"
    assert case.ladder_step == 1


def test_a_note_shows_progress_and_stays_out_of_the_trail(open_case: OpenCase, house: House, now: datetime) -> None:
    case = services.acknowledge_case(case_id=open_case().pk, by=house.actor("amal"), now=now)
    before = running(case)["case.progress"]
    services.note_case(case_id=case.pk, text="Mrs Jansen says 1017 CT", by=house.actor("amal"), now=now + 30 * MINUTE)
    assert running(case)["case.progress"] > before
    assert CaseNote.objects.get().text == "Mrs Jansen says 1017 CT"
    assert "Jansen" not in Event.objects.get(type="case.noted").body


def test_waiting_comes_back_by_itself(open_case: OpenCase, house: House, now: datetime) -> None:
    amal = house.actor("amal")
    case = services.start_case(case_id=open_case().pk, by=amal, now=now)
    case = services.wait_case(case_id=case.pk, until=now + 3 * HOUR, reason="customer answers", by=amal, now=now)
    assert case.state == CaseState.WAITING
    services.sweep_timers(now=now + 3 * HOUR)
    case.refresh_from_db()
    assert (case.state, case.waiting_until) == (CaseState.IN_PROGRESS, None)
    with pytest.raises(Invalid, match="Enter a time after now"):
        services.wait_case(case_id=case.pk, until=now - MINUTE, reason="x", by=amal, now=now)


def test_reassigning_to_somebody_on_leave_says_who_stands_in(
    open_case: OpenCase, house: House, now: datetime, system: Actor
) -> None:
    case = open_case()
    with acting(system, at=now):
        Absence.objects.create(owner=house.owners["bo"], starts_at=now - HOUR, ends_at=now + HOUR)
    with pytest.raises(Invalid, match="Bo Lindqvist is away; Client Success stands in"):
        services.reassign_case(case_id=case.pk, to="bo", reason="knows it", by=house.actor("amal"), now=now)
    services.reassign_case(case_id=case.pk, to="amal", reason="knows it", by=house.actor("lee"), now=now)
    case.refresh_from_db()
    assert case.owner.slug == "amal"
    assert Notification.objects.filter(owner=house.owners["amal"], event="case.reassigned").count() == 1


def test_an_exception_goes_to_nobody_for_whom_it_does_not_exist(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case = open_case()
    with pytest.raises(Invalid, match="does not see this client"):
        services.reassign_case(case_id=case.pk, to="noor", reason="has time", by=house.actor("lee"), now=now)
    case.refresh_from_db()
    assert case.owner.slug != "noor"


def test_the_cases_of_somebody_who_leaves_move_to_who_stands_in(
    open_case: OpenCase, house: House, now: datetime, system: Actor
) -> None:
    case = services.acknowledge_case(case_id=open_case().pk, by=house.actor("amal"), now=now)
    with acting(system, at=now):
        Absence.objects.create(owner=house.owners["amal"], starts_at=now, ends_at=now + 24 * HOUR)
        assert [services.reassign_from_absent(now=now), services.reassign_from_absent(now=now)] == [1, 0]
    case.refresh_from_db()
    assert (case.owner.slug, trail(case)[-1]) == ("client-success", "case.owner_away")


def test_resolving_needs_a_known_outcome_and_met_criteria(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    amal, case = house.actor("amal"), open_case()
    with pytest.raises(Invalid, match="Choose one of: Solved, goes on, Order cancelled"):
        services.resolve_case(case_id=case.pk, outcome="magic", by=amal, now=now)
    monkeypatch.setitem(_criteria, "person", lambda cases: set())
    with pytest.raises(CriteriaNotMet, match="The address passes the check"):
        services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    monkeypatch.setitem(_criteria, "person", lambda cases: {case.pk for case in cases})
    case = services.resolve_case(case_id=case.pk, outcome="resolved", note="moved house", by=amal, now=now)
    assert (case.state, case.resolved_at, set(running(case))) == (CaseState.RESOLVED, now, {"case.close"})


def test_reopened_within_a_week_it_keeps_its_key(open_case: OpenCase, house: House, now: datetime) -> None:
    amal, case = house.actor("amal"), open_case()
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    again = services.reopen_case(case_id=case.pk, reason="came back", by=amal, now=now + HOUR)
    assert (again.key, again.state, again.reopened, again.resolved_at) == (case.key, CaseState.OPEN, 1, None)
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now + HOUR)
    with pytest.raises(IllegalTransition, match="more than 7 days ago"):
        services.reopen_case(case_id=case.pk, reason="came back", by=amal, now=now + timedelta(days=9))


def test_a_resolved_case_is_closed_after_a_week_and_makes_room_for_a_new_one(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case = open_case()
    services.resolve_case(case_id=case.pk, outcome="resolved", by=house.actor("amal"), now=now)
    newer = open_case()
    assert newer.pk != case.pk
    with pytest.raises(Conflict, match="another open exception"):
        services.reopen_case(case_id=case.pk, reason="came back", by=house.actor("amal"), now=now)
    services.sweep_timers(now=now + timedelta(days=7))
    case.refresh_from_db()
    assert case.state == CaseState.CLOSED


def test_its_cause_gone_it_is_withdrawn(open_case: OpenCase, system: Actor, now: datetime) -> None:
    case = services.withdraw_case(case_id=open_case().pk, reason="stock arrived", by=system, now=now)
    assert (case.state, running(case)) == (CaseState.WITHDRAWN, {})


def test_a_step_is_done_once(open_case: OpenCase, house: House, now: datetime) -> None:
    amal, case = house.actor("amal"), open_case()
    services.complete_step(case_id=case.pk, index=1, outcome="customer confirmed", by=amal, now=now)
    with pytest.raises(Conflict, match="Step 2 of EX-"), transaction.atomic():
        services.complete_step(case_id=case.pk, index=1, outcome="again", by=amal, now=now)
    with pytest.raises(NotFound, match="has no step 10"):
        services.complete_step(case_id=case.pk, index=9, outcome="x", by=amal, now=now)


@pytest.mark.parametrize("count", [1, 3])
def test_opening_takes_the_same_statements_for_one_and_for_many(
    house: House, system: Actor, now: datetime, count: int, django_assert_max_num_queries: object
) -> None:
    openings = [
        services.CaseOpening("address", subject(n, house), f"NW-{n}", house.clients["northwind"].pk, f"Parcel {n}")
        for n in range(count)
    ]
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        cases = services.open_cases(openings=openings, by=system, now=now)
    assert [case.subject_key for case in cases] == [f"NW-{n}" for n in range(count)]


def subject(n: int, house: House) -> SubjectRef:
    return SubjectRef("test.parcel", str(n), house.clients["northwind"].pk)


def test_the_database_refuses_an_edge_that_is_not_published(open_case: OpenCase, system: Actor, now: datetime) -> None:
    case = open_case()
    with pytest.raises(DatabaseError, match="no way from open to closed"), acting(system, at=now):
        ExceptionCase.objects.filter(pk=case.pk).update(state=CaseState.CLOSED)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_one_has_it_the_other_is_told(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case()
    amal, bo = house.actor("amal"), house.actor("bo")
    barrier = threading.Barrier(2)
    results: dict[str, str] = {}

    def take(by: Actor) -> None:
        barrier.wait()
        try:
            taken = services.acknowledge_case(case_id=case.pk, by=by, now=now, seen=case.version)
            results[by.id] = taken.acknowledged_by
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=(actor,)) for actor in (amal, bo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winner = results[amal.id]
    assert results == {amal.id: winner, bo.id: winner}
    assert trail(case).count("case.acknowledged") == 1

"""What opens for a team that works by load goes to who is there, may work it and has the least open work."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.models import ExceptionCase, Notification
from exceptions.services import CaseOpening
from rules.models import Absence, Team, TeamMember
from rules.states import Assignment
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_checks import broken


@pytest.fixture
def by_load(house: House, system: Actor, now: datetime) -> Team:
    """Client Success works by load; noor is in it too, but sees another client."""
    with acting(system, at=now):
        team = Team.objects.get(slug="client-success")
        team.assignment = Assignment.LEAST_LOAD
        team.save()
        TeamMember.objects.create(team=team, user=house.users["noor"])
    return team


def openings(house: House, count: int) -> list[CaseOpening]:
    client = house.clients["northwind"].pk
    return [
        CaseOpening("address", SubjectRef("test.parcel", f"bulk-{n}", client), f"NW-{n}", client, f"Parcel {n}")
        for n in range(count)
    ]


def reasons() -> list[str]:
    events = Event.objects.filter(type="case.assigned").order_by("at", "pk")
    return [json.loads(event.body)["reason"] for event in events]


def test_a_team_that_takes_from_a_queue_keeps_what_opens(open_case: OpenCase) -> None:
    assert (open_case(1).owner.slug, reasons()) == ("client-success", [])


def test_they_take_turns_and_the_trail_says_why(open_case: OpenCase, by_load: Team, house: House) -> None:
    assert [open_case(n).owner.slug for n in range(1, 5)] == ["amal", "bo", "amal", "bo"]
    assert reasons()[:2] == [
        "amal has the least open work of those of client-success who are there: 0; bo 0",
        "bo has the least open work of those of client-success who are there: 0; amal 2",
    ]
    case = ExceptionCase.objects.earliest("number")
    assert case.backup.slug == "client-success"
    page = selectors.case_page(by=house.actor("amal"), key=case.key, now=case.opened_at)
    assert [entry.reason for entry in page.trail if "one of the team" in entry.sentence] == reasons()[:1]
    assert Notification.objects.filter(owner=house.owners["amal"], event="case.opened", case_id=case.pk).exists()
    assert broken() == []


def test_a_heavy_exception_weighs_more_than_two_light_ones(
    open_case: OpenCase, by_load: Team, house: House, system: Actor, now: datetime
) -> None:
    heavy = open_case(1)
    with acting(system, at=now):
        ExceptionCase.objects.filter(pk=heavy.pk).update(severity="P1")
    assert [open_case(n).owner.slug for n in (2, 3, 4)] == ["bo", "bo", "amal"]


def test_who_is_away_gets_nothing_and_who_sees_another_client_neither(
    open_case: OpenCase, by_load: Team, house: House, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Absence.objects.create(owner=house.owners["amal"], starts_at=now, ends_at=now + timedelta(hours=3))
    assert {open_case(n).owner.slug for n in (1, 2, 3)} == {"bo"}
    with acting(system, at=now):
        Absence.objects.create(owner=house.owners["bo"], starts_at=now, ends_at=now + timedelta(hours=3))
    assert open_case(4).owner.slug == "client-success"
    assert open_case(5, client="fable").owner.slug == "noor"


@pytest.mark.parametrize("count", [2, 30])
def test_many_at_once_are_spread_in_as_many_queries_as_two(
    by_load: Team, house: House, system: Actor, now: datetime, count: int, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(28):
        cases = services.open_cases(openings=openings(house, count), by=system, now=now)
    shares = [sum(case.owner.slug == name for case in cases) for name in ("amal", "bo")]
    assert shares == [count // 2, count // 2]


def test_nobody_of_the_team_taking_it_brings_it_back_to_the_team(
    open_case: OpenCase, by_load: Team, now: datetime
) -> None:
    case = open_case(1)
    services.sweep_timers(now=case.acknowledge_by)
    case.refresh_from_db()
    assert (case.owner.slug, case.backup.slug) == ("client-success", "ops-team")

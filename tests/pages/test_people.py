"""The people beside a team's queue, and sharing work out among them: proposed, confirmed, taken back."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from exceptions import services
from exceptions.models import ExceptionCase, JobPlan
from exceptions.selectors.people import team_people
from rules.models import Absence, Owner, Team, TeamMember
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases
from tests.pages.test_many import broken, confirmed

OPS, REASON = "/queue/team/?owner=team%3Aops-team", "Monday is heavy"
MOVED = {"do": "balance", "team": "ops-team", "return": "/queue/team/"}


def given(cases: list[ExceptionCase], to: str) -> list[ExceptionCase]:
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(owner=Owner.objects.get(slug=to))
    return list(ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).order_by("urgent_at", "pk"))


def owned() -> dict[str, int]:
    owners = list(ExceptionCase.objects.live().values_list("owner__slug", flat=True))
    return {slug: owners.count(slug) for slug in set(owners)}


def away(house: House, name: str) -> None:
    now = clock.now()
    with acting(system_actor("test"), at=now):
        Absence.objects.create(
            owner=house.owners[name], starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=3)
        )


@pytest.mark.parametrize("others", [0, 2])
def test_a_teams_page_says_what_its_people_have_in_one_more_statement_however_many_they_are(
    signed_in: SignedIn, house: House, others: int, django_assert_num_queries: Any
) -> None:
    cases = given(open_cases(house, 4), "amal")
    now, by = clock.now(), house.actor("amal")
    services.acknowledge_case(case_id=cases[0].pk, by=by, now=now)
    with acting(system_actor("test"), at=now):
        ExceptionCase.objects.filter(pk=cases[1].pk).update(due_at=now - timedelta(minutes=5))
        for name in ("kim", "mara")[:others]:
            TeamMember.objects.create(team=Team.objects.get(slug="ops-team"), user=house.users[name])
    away(house, "bo")
    lee = signed_in("lee")
    with django_assert_num_queries(11):  # 9 as every queue, one for who owns what it is narrowed to, one for the people
        page = lee.get(OPS)
    rows = {row.slug: row for row in page.context["people"].rows}
    assert len(rows) == 3 + others
    assert (rows["amal"].open_count, rows["amal"].late_count) == (4, 1)
    at_once = {row.slug: row.taken_count for row in team_people(by=house.actor("lee"), team="ops-team", now=now)}
    assert (at_once["amal"], at_once["bo"]) == (1, 0)
    assert (rows["lee"].open_count, rows["lee"].away_until, rows["bo"].away_until is not None) == (0, None, True)
    text = page.content.decode()
    assert ("away until" in text, "Balance…" in text, "Spread over people…" in text) == (True, True, True)


def test_people_are_shown_to_their_team_and_counted_as_far_as_the_reader_sees_their_clients(
    signed_in: SignedIn, house: House
) -> None:
    given(open_cases(house, 2) + broken(house, 1, client="fable"), "lee")
    seen = {name: signed_in(name).get(OPS).context["people"] for name in ("amal", "noor", "sam")}
    assert (seen["noor"], seen["sam"]) == (None, None)
    assert {row.slug: row.open_count for row in seen["amal"].rows}["lee"] == 2
    assert signed_in("amal").get("/queue/team/").context["people"] is None
    noor = signed_in("noor")
    for asked in (MOVED, {"do": "spread", "id": ["EX-1"], "team": "ops-team"}):
        assert noor.post("/queue/bulk/", asked).status_code == 404
    assert signed_in("sam").post("/queue/bulk/", MOVED).status_code == 403
    assert not JobPlan.objects.exists()


def test_balance_proposes_what_nobody_has_taken_and_moves_exactly_that(signed_in: SignedIn, house: House) -> None:
    cases = given(open_cases(house, 8), "amal")
    services.acknowledge_case(case_id=cases[0].pk, by=house.actor("amal"), now=clock.now())
    with acting(system_actor("test"), at=clock.now()):
        TeamMember.objects.filter(user=house.users["lee"]).update(is_active=False)
    lee = signed_in("lee")
    plan = lee.post("/queue/bulk/", MOVED)
    assert [item["key"] for item in plan.context["plan"].items] == [case.key for case in cases[1:5]]
    assert {item["given"]["to"] for item in plan.context["plan"].items} == {"bo"}
    shares = {one.name: (one.open_count, one.gives, one.gets, one.then) for one in plan.context["shown"].shares}
    assert shares == {"Amal Okafor": (8, 4, 0, 4), "Bo Lindqvist": (0, 0, 4, 4)}
    assert owned() == {"amal": 8}
    assert confirmed(lee, plan, reason="").status_code == 422
    job = confirmed(lee, plan, reason=REASON).context["work"]
    assert (job.done, owned()) == (4, {"amal": 4, "bo": 4})
    assert all(REASON in event.body for event in Event.objects.filter(type="case.reassigned"))
    again = lee.post("/queue/bulk/", MOVED, follow=True).content.decode()
    assert "Nothing to move" in again
    services.undo_job(job_id=job.job_id, by=house.actor("lee"), now=clock.now())
    assert owned() == {"amal": 8}


def test_what_who_is_away_has_goes_to_who_is_there_and_sees_the_client(signed_in: SignedIn, house: House) -> None:
    given(open_cases(house, 2) + broken(house, 1, client="fable"), "bo")
    away(house, "bo")
    plan = signed_in("lee").post("/queue/bulk/", MOVED).context["plan"]
    to = {(item["client"] == str(house.clients["fable"].pk), item["given"]["to"]) for item in plan.items}
    assert (len(plan.items), to - {(False, "amal"), (False, "lee")}) == (3, {(True, "lee")})


def test_spreading_is_shown_first_changed_among_whom_and_done_exactly_so(signed_in: SignedIn, house: House) -> None:
    cases = open_cases(house, 4) + broken(house, 1, client="fable")
    lee = signed_in("lee")
    first = lee.post("/queue/bulk/", {"do": "spread", "id": [case.key for case in cases], "team": "ops-team"})
    assert [one.owner.slug for one in first.context["people"]] == ["amal", "bo", "lee"]
    assert sorted(Counter(item["given"]["to"] for item in first.context["plan"].items).values()) == [1, 2, 2]
    changed = {"do": "spread", "again": first.context["plan"].pk, "people": ["amal", "bo"], "team": "ops-team"}
    plan = lee.post("/queue/bulk/", changed)
    assert sorted(item["given"]["to"] for item in plan.context["plan"].items) == ["amal", "amal", "bo", "bo"]
    assert [one["why"] for one in plan.context["plan"].barred] == ["None of the people chosen sees its client."]
    assert "→ Amal Okafor" in plan.content.decode()
    confirmed(lee, plan, reason=REASON)
    assert owned() == {"amal": 2, "bo": 2, "logistics": 1}
    kept = lee.post("/queue/bulk/", {"do": "spread", "id": [case.key for case in cases[:4]], "team": "ops-team"})
    assert sum(len(one) for one in (kept.context["plan"].items, kept.context["plan"].barred)) == 4
    assert kept.context["chosen"] == {"amal", "bo", "lee"}
    assert "has it already and keeps it." in kept.context["plan"].barred[0]["why"]
    nobody = lee.post("/queue/bulk/", changed | {"people": ["mara", "stranger"]}, follow=True).content.decode()
    assert "“stranger” cannot take them" in nobody


@pytest.mark.parametrize("others", [0, 2])
def test_teams_side_by_side_cost_the_same_however_many_they_are(
    signed_in: SignedIn, house: House, others: int, django_assert_num_queries: Any
) -> None:
    cases, now = given(open_cases(house, 4), "amal"), clock.now()
    services.acknowledge_case(case_id=cases[0].pk, by=house.actor("amal"), now=now)
    with acting(system_actor("test"), at=now):
        ExceptionCase.objects.filter(pk=cases[1].pk).update(due_at=now - timedelta(minutes=5))
        for n in range(others):
            team = Team.objects.create(slug=f"crew-{n}", name=f"Crew {n}")
            TeamMember.objects.create(team=team, user=house.users["lee"])
    away(house, "bo")
    lee = signed_in("lee")
    with django_assert_num_queries(8):
        page = lee.get("/queue/team/side-by-side/")
    rows = {row.slug: row for row in page.context["rows"]}
    ops = rows["ops-team"]
    assert (ops.open_count, ops.late_count, ops.untaken_count) == (4, 1, 3)
    assert (ops.oldest_at, sum(ops.at_risk.values())) == (
        min(case.opened_at for case in cases),
        sum(case.at_risk_minor for case in cases),
    )
    assert (ops.people_count, [one.name for one in ops.away], ops.median_load) == (3, [house.owners["bo"].name], 2)
    assert [rows[f"crew-{n}"].open_count for n in range(others)] == [0] * others
    told = {row["key"]: row for row in lee.get("/api/v1/teams").json()["teams"]}
    assert (told["ops-team"]["open"], told["ops-team"]["not_taken"], len(told)) == (4, 3, len(rows))


def test_teams_are_those_of_the_reader_with_what_exists_for_the_reader(signed_in: SignedIn, house: House) -> None:
    given(open_cases(house, 1) + broken(house, 2, client="fable"), "lee")
    counted = {
        name: {row.slug: row.open_count for row in signed_in(name).get("/queue/team/side-by-side/").context["rows"]}
        for name in ("amal", "lee", "noor")
    }
    assert (counted["amal"], counted["lee"]["ops-team"]) == ({"client-success": 0, "ops-team": 1}, 3)
    assert "ops-team" not in counted["noor"]

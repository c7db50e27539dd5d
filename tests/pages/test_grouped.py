"""A queue by shared cause, the queue of a team, and where an exception stands in the list somebody came from."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import acting
from exceptions import services
from exceptions.models import ExceptionCase
from exceptions.selectors import queue
from rules.models import ExceptionType
from rules.services import freeze_rule_book
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases
from tests.pages.test_many import broken

GROUPED = "/queue/team/?group=cause"


def weigh(cases: list[ExceptionCase], minor: int) -> None:
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(at_risk_minor=minor)


def test_one_row_for_each_cause_with_its_worst_deadline_and_all_its_money(signed_in: SignedIn, house: House) -> None:
    rejected, late = broken(house, 3), broken(house, 2, cause="carrier/late")
    (alone,) = open_cases(house, 1)
    broken(house, 2, cause="fable/only", client="fable")
    weigh(rejected, 1_000)
    weigh(late, 90_000)
    amal = signed_in("amal")
    page = amal.get(GROUPED).context["page"]
    assert [(group.cause, group.count, group.at_risk) for group in page.groups] == [
        ("carrier/late", 2, {"EUR": 180_000}),
        ("", 1, {"EUR": alone.at_risk_minor}),
        ("carrier/rejected", 3, {"EUR": 3_000}),
    ]
    assert (page.count, page.unshown) == (6, 0)
    assert page.groups[2].due_at == min(case.due_at for case in rejected)
    for group in page.groups:
        assert amal.get(f"/queue/team/?{group.narrowed}").context["page"].count == group.count
    told = amal.get("/api/v1/causes").json()["causes"]
    assert [(row["cause"], row["count"], row["at_risk"]) for row in told] == [
        ("carrier/late", 2, [{"amount": "1800.00", "currency": "EUR"}]),
        ("carrier/rejected", 3, [{"amount": "30.00", "currency": "EUR"}]),
    ]
    by_due = amal.get(f"{GROUPED}&sort=due").context["page"].groups
    assert [group.due_at for group in by_due] == sorted(group.due_at for group in page.groups)
    assert amal.get("/queue/?group=colour").status_code == 400
    assert signed_in("noor").get(GROUPED).context["page"].groups[0].cause == "fable/only"


def test_each_row_says_why_it_stands_where_it_does(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 2)
    weigh(cases[:1], 82_500)
    weigh(cases[1:], 400)
    amal = signed_in("amal")
    page = amal.get("/queue/team/")
    assert "Why this order" in page.content.decode()
    explained = amal.get(f"/queue/team/?{page.context['explained']}").content.decode()
    assert "brought forward 1 h 22 min by €825.00 at risk" in explained
    assert "as it is due: €4.00 at risk brings nothing forward" in explained
    assert 'aria-sort="ascending">Counts as due' in explained


def test_acts_on_a_cause_in_a_queue_are_for_those_of_this_queue(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 3)
    services.reassign_case(
        case_id=cases[0].pk, to="bo", reason="knows them", by=house.actor("lee"), now=clock.now(), seen=cases[0].version
    )
    bo = signed_in("bo")
    (group,) = bo.get("/queue/?group=cause").context["page"].groups
    plan = bo.post("/queue/bulk/", {"do": "resolve", "all": "1", "scope": "mine", "query": group.narrowed})
    assert [item["key"] for item in plan.context["plan"].items] == [cases[0].key]
    assert f'value="{cases[0].outcomes[0]["slug"]}" selected' in plan.content.decode()


def test_of_more_than_a_thousand_the_causes_of_the_most_urgent_are_shown_with_all_they_have(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_COUNTED", 2)
    urgent = broken(house, 3)
    broken(house, 2, cause="less/urgent")
    weigh(urgent, 500_000)
    answer = signed_in("lee").get(GROUPED)
    page = answer.context["page"]
    assert (page.is_capped, [(group.cause, group.count) for group in page.groups]) == (True, [("carrier/rejected", 3)])
    assert "The causes of the thousand most urgent exceptions." in answer.content.decode()


@pytest.mark.parametrize("group", ["cause", "client", "type", "owner"])
def test_each_group_is_one_row_that_leads_to_its_members_and_costs_no_query_of_its_own(
    signed_in: SignedIn, house: House, group: str, django_assert_max_num_queries: Any
) -> None:
    cases = [*broken(house, 2), *broken(house, 1, cause="fable/only", client="fable"), *open_cases(house, 1)]
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=cases[0].pk).update(client=None)
    services.reassign_case(case_id=cases[1].pk, to="bo", reason="knows them", by=house.actor("lee"), now=clock.now())
    lee = signed_in("lee")
    with django_assert_max_num_queries(9 if group in {"cause", "type"} else 10):
        page = lee.get(f"/queue/team/?group={group}").context["page"]
    assert sum(one.count for one in page.groups) == page.count == 4
    assert len(page.groups) > 1
    for one in page.groups:
        assert lee.get(f"/queue/team/?{one.narrowed}").context["page"].count == one.count
    assert ("client=none" in [one.narrowed for one in page.groups]) is (group == "client")


def test_what_is_of_the_house_is_unknown_to_who_works_for_clients(signed_in: SignedIn, house: House) -> None:
    assert signed_in("amal").get("/queue/team/?client=none").status_code == 400
    assert signed_in("lee").get("/queue/team/?client=none").status_code == 200


def test_a_team_has_an_address_for_what_it_and_its_people_have(signed_in: SignedIn, house: House) -> None:
    cases = open_cases(house, 3)
    for case, to in zip(cases, ("ops-team", "bo", "mara"), strict=True):
        services.reassign_case(case_id=case.pk, to=to, reason="has time", by=house.actor("lee"), now=clock.now())
    lee = signed_in("lee")
    page = lee.get("/queue/team/ops-team/", follow=True)
    assert {row.key for row in page.context["page"].rows} == {cases[0].key, cases[1].key}
    assert page.context["chips"][0].value.endswith("and its people")
    assert lee.get("/queue/team/nobody/").status_code == 404


@pytest.mark.parametrize("sort", ["urgency", "due", "-risk", "-created"])
def test_previous_and_next_walk_the_list_one_came_from(signed_in: SignedIn, house: House, sort: str) -> None:
    cases = broken(house, 2) + open_cases(house, 2)
    weigh(cases[1:3], 70_000)
    open_cases(house, 1, client="fable")
    amal, mark = signed_in("amal"), f"?v={quote(f'team?client=northwind&sort={sort}')}"
    keys = [row.key for row in amal.get(f"/queue/team/?client=northwind&sort={sort}").context["page"].rows]
    places = [amal.get(f"/exceptions/{key}/{mark}").context["place"] for key in keys]
    assert [(place.number, place.count) for place in places] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [place.neighbours.next for place in places] == [*keys[1:], ""]
    assert [place.neighbours.previous for place in places] == ["", *keys[:-1]]


def test_solving_one_leads_to_the_next_of_that_list_and_after_the_last_to_the_list(
    signed_in: SignedIn, house: House
) -> None:
    first, second = open_cases(house, 2)
    amal, mark = signed_in("amal"), "?v=team%3Ftype%3Daddress"
    told = amal.post(f"/exceptions/{first.key}/resolve/{mark}", {"seen": first.version, "outcome": "resolved"})
    assert told["Location"] == f"/exceptions/{second.key}/{mark}"
    told = amal.post(f"/exceptions/{second.key}/resolve/{mark}", {"seen": second.version, "outcome": "resolved"})
    assert told["Location"] == "/queue/team/?type=address"
    empty = amal.get("/queue/").content.decode()
    assert f'The last one you resolved is <a href="/exceptions/{second.key}/">{second.key}</a>' in empty
    assert "The last one" not in signed_in("bo").get("/queue/").content.decode()
    gone = amal.get(f"/exceptions/{first.key}/{mark}").context["place"]
    assert (gone.number, gone.neighbours.next, gone.count) == (0, "", 0)


@pytest.mark.parametrize(
    "mark", ["all", "team?colour=red", "team?due=whenever", "team?client=fable", "%00", "team?" * 400]
)
def test_a_list_there_is_not_leaves_the_exception_readable(signed_in: SignedIn, house: House, mark: str) -> None:
    (case,) = open_cases(house, 1)
    page = signed_in("amal").get(f"/exceptions/{case.key}/", {"v": mark})
    assert (page.status_code, page.context["place"]) == (200, None)


def test_the_page_of_a_cause_says_who_has_it_since_when_and_what_changed_shortly_before(
    signed_in: SignedIn, house: House, django_assert_max_num_queries: Any
) -> None:
    now = clock.now()
    with acting(system_actor("test"), at=now - timedelta(minutes=6)):
        ExceptionType.objects.filter(slug="carrier-rejection").update(acknowledge_within_minutes=31)
    freeze_rule_book(by=system_actor("test"), now=now - timedelta(minutes=6), note="Carriers are told sooner")
    foreign = broken(house, 2, client="fable")
    cases = [one for one in broken(house, 5) if one.pk not in {case.pk for case in foreign}]
    services.reassign_case(case_id=cases[0].pk, to="bo", reason="knows them", by=house.actor("lee"), now=now)
    (group,) = signed_in("lee").get(GROUPED).context["page"].groups
    address = f"/queue/causes/shared/?{group.narrowed}"
    with django_assert_max_num_queries(22):
        answer = signed_in("lee").get(address)
    bo = house.owners["bo"].name
    page, seen = answer.context["page"], signed_in("noor").get(address).context["page"]
    assert (page.count, {one.name: one.count for one in page.owners}[bo], page.first_at) == (
        5,
        1,
        foreign[0].opened_at,
    )
    assert seen.count == 2
    change = page.changes[0]
    assert (change.reason, change.before, "put a rule book in force" in str(change.sentence)) == (
        "Carriers are told sooner",
        foreign[0].opened_at - (now - timedelta(minutes=6)),
        True,
    )
    told = signed_in("lee").get(f"/api/v1/causes/shared?{group.narrowed}").json()
    assert (told["count"], told["changed_before"][0]["reason"]) == (5, change.reason)
    assert signed_in("lee").get("/api/v1/causes/shared?type=address&cause=nothing").status_code == 404
    assert signed_in("sam").get(address).content.decode().count('name="do"') == 0
    plan = signed_in("lee").post(
        "/queue/bulk/", {"do": "escalate", "all": "1", "scope": "team", "query": page.narrowed}
    )
    assert len(plan.context["plan"].items) == 5
    assert signed_in("noor").get("/queue/causes/shared/?type=address&cause=nothing").context["page"] is None

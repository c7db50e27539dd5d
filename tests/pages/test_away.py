"""Saying that one is away, taking things back, handing over: on pages."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from exceptions import services
from exceptions.forms.fields import MOMENT
from exceptions.models import ExceptionCase
from rules.models import Absence
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


def times(house: House, days: int = 7) -> dict[str, str]:
    local = timezone.localtime(clock.now(), timezone.get_default_timezone())
    return {"starts_at": local.strftime(MOMENT), "ends_at": (local + timedelta(days=days)).strftime(MOMENT)}


def take(house: House, count: int) -> list[ExceptionCase]:
    amal, now = house.actor("amal"), clock.now()
    return [services.acknowledge_case(case_id=case.pk, by=amal, now=now) for case in open_cases(house, count)]


def test_away_and_back_and_taking_back(signed_in: SignedIn, house: House) -> None:
    take(house, 2)
    amal = signed_in("amal")
    page = amal.get("/people/away/")
    assert "Amal Okafor has 2 open exceptions." in page.content.decode()
    answer = amal.post("/people/away/", {"who": "amal", "cover": "bo", **times(house)}, follow=True)
    assert "2 exceptions moved." in answer.content.decode()
    page = answer.context["page"]
    assert (page.is_away, [row.case.owner.slug for row in page.stood_in]) == (True, ["bo", "bo"])
    absence = Absence.objects.get()
    answer = amal.post("/people/away/back/", {"absence": str(absence.pk)}, follow=True)
    rows = answer.context["page"].stood_in
    ids = [f"{row.case.pk}:{row.case.version}:{row.case.key}" for row in rows]
    outcome = amal.post("/people/away/take-back/", {"who": "amal", "id": ids})
    assert ([one.key for one in outcome.context["done"]], outcome.context["refused"]) == (
        [row.case.key for row in rows],
        [],
    )
    assert set(ExceptionCase.objects.values_list("owner__slug", flat=True)) == {"amal"}
    assert amal.get("/people/away/").context["page"].stood_in == []


def test_until_one_is_back_and_the_button_that_says_so_is_on_every_page(signed_in: SignedIn, house: House) -> None:
    take(house, 1)
    amal = signed_in("amal")
    neither = amal.post("/people/away/", {"who": "amal", **times(house), "ends_at": ""})
    assert (neither.status_code, list(neither.context["form"].errors)) == (422, ["ends_at"])
    assert amal.post("/people/away/", {"who": "amal", **times(house), "is_open": "on"}).status_code == 422
    amal.post("/people/away/", {"who": "amal", **times(house), "ends_at": "", "is_open": "on"})
    assert "until further notice" in amal.get("/people/away/").content.decode()
    assert "Amal Okafor away until further notice" in signed_in("lee").get("/queue/team/side-by-side/").content.decode()
    assert 'action="/people/away/back/"' in amal.get("/queue/").content.decode()
    amal.post("/people/away/back/")
    assert 'action="/people/away/back/"' not in amal.get("/queue/").content.decode()
    assert amal.post("/people/away/back/").status_code == 422


def test_a_backup_who_is_away_too_is_said_before_anybody_relies_on_it(signed_in: SignedIn, house: House) -> None:
    with acting(system_actor("test"), at=clock.now()):
        house.owners["bo"].backup = house.owners["amal"]
        house.owners["bo"].save()
    bo, words = signed_in("bo"), "Amal Okafor, the backup, is away too: choose who stands in."
    assert words not in bo.get("/people/away/").content.decode()
    signed_in("amal").post("/people/away/", {"who": "amal", **times(house)})
    assert words in bo.get("/people/away/").content.decode()


def test_what_is_wrong_is_said_at_its_field(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    answer = amal.post("/people/away/", {"who": "amal", **times(house, days=-1)})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["ends_at"])
    assert amal.post("/people/away/", {"who": "amal", "cover": "noor", **times(house)}).status_code == 422
    assert amal.post("/people/away/back/", {"absence": "x"}).status_code == 422
    assert amal.post("/people/away/take-back/", {"who": "amal", "id": "x"}).status_code == 422
    assert not Absence.objects.exists()


@pytest.mark.parametrize("name", ["noor", "mara", "bo"])
def test_the_people_of_others_are_refused_and_that_is_kept(signed_in: SignedIn, house: House, name: str) -> None:
    other = signed_in(name)
    assert other.get("/people/away/?who=amal").status_code == 403
    assert other.post("/people/away/", {"who": "amal", **times(house)}).status_code == 403
    assert other.get("/people/amal/handover/").status_code == 403
    assert other.get("/people/nobody/handover/").status_code == 404
    assert other.get("/people/away/").context["page"].person.slug == name
    assert Event.objects.filter(type="access.refused", actor=house.actor(name).id).count() == 4


def test_a_lead_sees_the_team_and_enters_it_for_them(signed_in: SignedIn, house: House) -> None:
    lee = signed_in("lee")
    assert [one.slug for one in lee.get("/people/away/").context["page"].people] == ["amal", "bo", "lee"]
    lee.post("/people/away/", {"who": "bo", **times(house)})
    assert Absence.objects.get().owner.slug == "bo"
    assert [one.owner.slug for one in lee.get("/people/away/").context["page"].absences] == ["bo"]
    assert list(signed_in("noor").get("/people/away/").context["page"].absences) == []


def test_handover_lists_what_is_left_and_gives_the_exceptions_away(signed_in: SignedIn, house: House) -> None:
    take(house, 2)
    lee = signed_in("lee")
    assert lee.get("/people/amal/handover/").context["page"].open_count == 2
    assert lee.post("/people/amal/handover/", {"to": "noor", "reason": "leaves"}).status_code == 422
    answer = lee.post("/people/amal/handover/", {"to": "bo", "reason": "leaves"}, follow=True)
    assert "2 exceptions handed over." in answer.content.decode()
    assert answer.context["page"].open_count == 0
    assert "Nothing is left to hand over." in answer.content.decode()


def test_what_admins_edit_is_listed_by_what_names_the_person(signed_in: SignedIn, house: House) -> None:
    house.owners["bo"].backup = house.owners["amal"]
    with acting(system_actor("test"), at=clock.now()):
        house.owners["bo"].save()
    kim = signed_in("kim")
    owned = kim.get("/people/amal/handover/").context["page"].owned
    assert [(one.what, one.role, one.count) for one in owned] == [("owner", "backup", 1)]
    assert kim.get(owned[0].url).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_as_much_for_one_as_for_three(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries
) -> None:
    take(house, count)
    amal = signed_in("amal")
    amal.post("/people/away/", {"who": "amal", "cover": "bo", **times(house)})
    with django_assert_num_queries(21):
        page = amal.get("/people/away/").context["page"]
    assert len(page.stood_in) == count

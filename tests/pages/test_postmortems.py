"""The pages of postmortems, without a script: from a solved P1 to what was agreed and done."""

from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import ExceptionCase, Postmortem, PostmortemAction
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


@pytest.fixture
def solved(house: House) -> ExceptionCase:
    """A P1 of Northwind that lee has solved."""
    case = services.open_case(
        type="vendor-no-confirmation",
        subject=SubjectRef("test.parcel", "1", house.clients["northwind"].pk),
        subject_key="NW-1",
        client_id=house.clients["northwind"].pk,
        title="Kestrel did not confirm",
        by=system_actor("test"),
        now=clock.now() - timedelta(hours=3),
    )
    lee = house.actor("lee")
    services.acknowledge_case(case_id=case.pk, by=lee, now=clock.now() - timedelta(hours=2))
    return services.resolve_case(case_id=case.pk, outcome="resolved", by=lee, now=clock.now() - timedelta(hours=1))


def text_of(page: Any) -> str:
    return str(page.content.decode())


def test_a_draft_is_written_agreed_on_published_and_its_action_done(
    signed_in: SignedIn, house: House, solved: ExceptionCase
) -> None:
    draft, amal, lee = Postmortem.objects.get(), signed_in("amal"), signed_in("lee")
    path, day = f"/postmortems/{draft.key}/", (clock.now() + timedelta(days=2)).date()
    page = text_of(lee.get(path))
    assert ("Still missing" in page, "<b>Lee Weber</b> resolved it" in page, draft.key in page) == (True, True, True)
    lee.post(f"{path}publish/")
    assert Postmortem.objects.get().state == "draft"
    form = amal.get(f"{path}write/").context["form"]
    given = {**form.initial, "summary": "The **vendor** was silent.", "causes": "Nobody watched."}
    assert amal.post(f"{path}write/", given)["Location"] == path
    slower = amal.post(f"{path}write/", {**given, "summary": "Kept text"})
    assert (slower.status_code, "Kept text" in text_of(slower)) == (409, True)
    assert amal.post(f"{path}agree/", {"text": "Watch it", "owner": "bo", "due_on": ""}).status_code == 422
    amal.post(f"{path}agree/", {"text": "Watch it", "owner": "bo", "due_on": day.isoformat()})
    assert amal.post(f"{path}publish/").status_code == 403
    lee.post(f"{path}publish/")
    page = text_of(amal.get(path))
    assert ("The <strong>vendor</strong> was silent." in page, "Published" in page, "Write…" in page) == (
        True,
        True,
        False,
    )
    assert signed_in("noor").get(path).status_code == 404
    action = PostmortemAction.objects.get()
    signed_in("bo").post(f"{path}actions/{action.pk}/", {"how": "done", "comment": "It pages now"})
    assert "It pages now" in text_of(signed_in("sam").get(path))
    assert text_of(amal.get(f"/exceptions/{solved.key}/")).count(draft.key) >= 1


def test_the_list_names_what_is_overdue_and_costs_the_same(
    signed_in: SignedIn, house: House, solved: ExceptionCase, django_assert_num_queries: Any
) -> None:
    draft, ago = Postmortem.objects.get(), clock.now() - timedelta(days=9)
    for text in ("Watch it", "Look twice"):
        services.add_action(
            postmortem_id=draft.pk, text=text, owner="bo", due_on=ago.date(), by=house.actor("lee"), now=ago
        )
    amal = signed_in("amal")
    amal.get("/postmortems/")
    with django_assert_num_queries(7):
        page = text_of(amal.get("/postmortems/"))
    assert ("2 overdue" in page, page.count("Watch it")) == (True, 1)
    assert "No postmortems here." in text_of(amal.get("/postmortems/?state=published"))
    assert "No postmortems here." in text_of(signed_in("noor").get("/postmortems/"))


def test_one_is_begun_on_the_page_of_an_exception_and_put_away(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    assert "Begin a postmortem" in text_of(amal.get(f"/exceptions/{case.key}/"))
    path = amal.post(f"/postmortems/about/{case.key}/")["Location"]
    signed_in("lee").post(f"{path}dismiss/", {"comment": "A false alarm"})
    page = text_of(amal.get(path))
    assert ("Not needed" in page, "A false alarm" in page) == (True, True)

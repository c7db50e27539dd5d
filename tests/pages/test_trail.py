"""The trail in the browser: filtered, page by page, one event, one record; and nothing of other clients."""

from typing import Any

import pytest
from django.urls import reverse

from audit import clock
from audit.access import system_actor
from audit.models import Event
from audit.selectors import pages
from exceptions.models import ExceptionCase
from exceptions.services import note_case
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def cases(house: House) -> list[ExceptionCase]:
    return open_cases(house, 3)


def told(page: Any) -> list[str]:
    return [str(row.id) for row in page.context["rows"]]


def test_a_filter_finds_exactly_what_it_names(signed_in: SignedIn, cases: list[ExceptionCase]) -> None:
    ada = signed_in("ada")
    opened = Event.objects.filter(type="case.opened").order_by("-at", "-pk")
    assert told(ada.get("/audit/?type=case.opened")) == [str(event.pk) for event in opened]
    one = opened.get(subject_id=str(cases[0].pk))
    page = ada.get(f"/audit/?type=case.opened&subject={cases[0].pk}&actor={one.actor}&request={one.request_id}")
    assert told(page) == [str(one.pk)]
    assert told(ada.get("/audit/?actor=user:0")) == []


def test_pages_join_without_gap_or_repeat_and_a_foreign_mark_is_refused(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 60)
    ada = signed_in("ada")
    found, mark = [], ""
    while True:
        page = ada.get(f"/audit/?after={mark}")
        found += told(page)
        mark = page.context["next_after"]
        if not mark:
            break
    assert len(found) > 50
    assert sorted(found) == sorted(str(pk) for pk in Event.objects.values_list("pk", flat=True))
    assert len(set(found)) == len(found)
    for odd in ("x", "²²", "bm9uc2Vuc2U"):
        refused = ada.get(f"/audit/?after={odd}")
        assert (refused.status_code, "start at the first page" in refused.content.decode()) == (422, True), odd


def test_an_entry_leads_to_every_version_of_its_record_where_there_are_any(
    signed_in: SignedIn, cases: list[ExceptionCase]
) -> None:
    ada = signed_in("ada")
    link = f'href="{reverse("audit:history", args=["exceptions.exceptioncase", cases[0].pk])}"'
    entry = Event.objects.get(type="case.opened", subject_id=str(cases[0].pk))
    for path in (f"/audit/?subject={cases[0].pk}", f"/audit/events/{entry.pk}/"):
        assert link in ada.get(path).content.decode(), path
    signed_in("noor").get(f"/exceptions/{cases[0].key}/")
    refused = ada.get("/audit/?type=access.refused")
    assert (len(told(refused)), "/audit/records/" in refused.content.decode()) == (1, False)


def test_search_leads_to_the_event_with_this_id_and_nobody_else_s(
    signed_in: SignedIn, cases: list[ExceptionCase]
) -> None:
    event = Event.objects.filter(type="case.opened")[0]
    assert signed_in("amal").get(f"/search/?q={event.pk}")["Location"] == reverse("audit:event", args=[event.pk])
    for name, asked in (("noor", event.pk), ("pia", event.pk), ("amal", NOBODY)):
        page = signed_in(name).get(f"/search/?q={asked}")
        assert (page.status_code, page.context["told"]) == (200, []), name


def test_an_event_shows_what_else_its_request_did(signed_in: SignedIn, cases: list[ExceptionCase]) -> None:
    amal = signed_in("amal")
    amal.post(f"/exceptions/{cases[0].key}/acknowledge/", {"seen": cases[0].version})
    event = Event.objects.get(type="case.acknowledged")
    page = amal.get(reverse("audit:event", args=[event.pk]))
    assert (page.context["event"].who, page.context["event"].is_person, page.context["length"]) == (
        "Amal Okafor",
        True,
        2,
    )
    assert {row.request_id for row in page.context["related"]} <= {event.request_id}
    noor = signed_in("noor")
    assert noor.get(reverse("audit:event", args=[event.pk])).status_code == 404
    assert str(event.pk) not in told(noor.get("/audit/"))


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("exceptions.exceptioncase", NOBODY),
        ("exceptions.exceptioncase", "1"),
        ("nothing.atall", NOBODY),
        ("audit.event", NOBODY),
    ],
)
def test_the_history_of_what_is_no_record_is_not_found(
    signed_in: SignedIn, house: House, kind: str, record: str
) -> None:
    assert signed_in("ada").get(reverse("audit:history", args=[kind, record])).status_code == 404


def test_the_history_hides_what_is_sealed_and_names_what_came_before(signed_in: SignedIn, house: House) -> None:
    owner = house.owners["lee"]
    page = signed_in("ada").get(reverse("audit:history", args=["rules.owner", str(owner.pk)]))
    (version,) = page.context["page"].versions
    changes = {name: (before, after) for name, before, after in version.changes}
    assert (changes["emails"], changes["slug"], version.who) == (("hidden", "hidden"), (None, "lee"), "Handrail")
    assert "lee@handrail.example" not in page.content.decode()


def test_a_record_is_called_by_its_key_and_its_history_goes_back_page_by_page_to_its_first_event(
    signed_in: SignedIn, cases: list[ExceptionCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, case = signed_in("ada"), cases[0]
    note_case(case_id=case.pk, text="Called the carrier", by=system_actor("test"), now=clock.now())
    page = ada.get("/audit/")
    keys = {(row.subject_type, row.key) for row in page.context["rows"] if row.subject_id == str(case.pk)}
    assert keys == {("exceptions.exceptioncase", case.key)}
    assert f">{case.key}</a>" in page.content.decode()
    monkeypatch.setattr(pages, "EVENTS_OF_RECORD", 1)
    place, after, found = reverse("audit:history", args=["exceptions.exceptioncase", case.pk]), "", []
    while True:
        shown = ada.get(f"{place}?after={after}").context["page"]
        found += [event.id for event in shown.events]
        if not (after := shown.next_after):
            break
    events = Event.objects.filter(subject_id=str(case.pk)).order_by("-seq")
    assert (found, shown.total) == ([event.pk for event in events], len(found))
    assert ada.get(f"{place}?after=x").status_code == 422

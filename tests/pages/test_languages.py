"""Pages in German, for whoever chose it or whose browser asks for it; what programs and admins read stays English."""

import json
from datetime import UTC, datetime
from gettext import GNUTranslations
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage
from django.test import Client as Browser
from django.utils import translation

from audit import clock, verbs
from audit.access import system_actor
from audit.errors import Invalid
from audit.models import Event
from audit.subject_refs import SubjectRef
from audit.words import in_words, said
from config.derivations import derivation_in_words
from config.templatetags.ui import moment_words, money
from exceptions import services
from exceptions.models import ExceptionCase, JobPlan, Notification, Waiver
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
READ_OUT = {"aria-label", "placeholder", "title", "alt", "data-label"}


class Words(HTMLParser):
    """Every text of a page, on its own, and every one that only assistive technology reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What is in attributes."""
        del tag
        self.found |= {value for name, value in attrs if name in READ_OUT and value}

    def handle_data(self, data: str) -> None:
        """What is between tags."""
        self.found.add(data.strip())


@pytest.fixture(scope="module")
def english() -> set[str]:
    """Every English text that is no German one."""
    with (settings.LOCALE_PATHS[0] / "de/LC_MESSAGES/django.mo").open("rb") as file:
        catalogue: dict[Any, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key for key in catalogue if isinstance(key, str)} - {"", *catalogue.values()}


def asked_for(house: House, signed_in: SignedIn) -> Waiver:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    with translation.override("de"):
        amal.post(
            f"/time-limited/new/?for={case.key}",
            {
                "gate": "ship-despite-open-case",
                "hours": 2,
                "owner": "bo",
                "reason_code": "customer",
                "reason": "Der Kunde hat die Adresse bestätigt.",
                "plan": "Der Shop berichtigt sie.",
            },
            headers=GERMAN,
        )
    return Waiver.objects.get()


def test_pages_are_german_from_top_to_bottom(house: House, signed_in: SignedIn, english: set[str]) -> None:
    waiver = asked_for(house, signed_in)
    assert waiver.case is not None
    pages = {
        "/queue/team/": "Team-Warteschlangen",
        f"/exceptions/{waiver.case.key}/": "Wenn niemand handelt",
        f"/time-limited/new/?for={waiver.case.key}": "Was erlaubt werden soll",
        f"/approvals/{waiver.key}/": "Ihre Entscheidung",
        "/status/": "Wartet",
    }
    lee = signed_in("lee")
    for path, words in pages.items():
        answer = lee.get(path, headers=GERMAN)
        page = answer.content.decode()
        assert (answer.status_code, answer["Content-Language"]) == (200, "de"), path
        assert '<html lang="de">' in page
        assert words in page, path
        assert Words(page).found & english == set(), path


def test_who_chooses_a_language_has_it_whatever_the_browser_asks_for(house: House, signed_in: SignedIn) -> None:
    open_cases(house, 1)
    lee = signed_in("lee")
    first = lee.get("/queue/team/")
    assert (first["Content-Language"], "Accept-Language" in first["Vary"]) == ("en-gb", True)
    assert 'value="de" lang="de"' in first.content.decode()
    chosen = lee.post("/language/", {"language": "de", "next": "/queue/team/?view=all"})
    assert chosen["Location"] == "/queue/team/?view=all"
    assert '<html lang="de">' in lee.get("/queue/team/", headers={"accept-language": "en"}).content.decode()
    lee.post("/language/", {"language": "en-gb"})
    assert '<html lang="en-gb">' in lee.get("/queue/team/", headers=GERMAN).content.decode()
    assert lee.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})["Location"] == "/"
    assert translation.get_language() == "en-gb"
    elsewhere = Browser()
    elsewhere.force_login(house.users["lee"])
    assert '<html lang="de">' in elsewhere.get("/queue/team/", headers={"accept-language": "en"}).content.decode()
    page = elsewhere.get("/settings/notifications/")
    assert page.context["form"]["language"].value() == "de"
    given = {field.name: field.value() or "" for field in page.context["form"]}
    assert elsewhere.post("/settings/notifications/", {**given, "language": ""}).status_code == 302
    assert '<html lang="en-gb">' in elsewhere.get("/queue/team/").content.decode()
    with pytest.raises(Invalid):
        services.choose_language(language="tlh", by=house.actor("lee"), now=clock.now())
    choices = Event.objects.filter(type="person.language_chosen").order_by("seq").values_list("body", flat=True)
    assert [json.loads(body)["changes"]["language"] for body in choices] == [
        ["", "de"],
        ["de", "en-gb"],
        ["en-gb", "de"],
        ["de", ""],
    ]


def test_letters_and_notices_are_in_the_language_and_on_the_clock_of_who_reads_them(
    house: House, signed_in: SignedIn, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored is English, once for all."""
    monkeypatch.setattr(clock, "now", lambda: FRIDAY)
    services.choose_language(language="de", by=house.actor("lee"), now=FRIDAY)
    waiver = asked_for(house, signed_in)
    services.deliver_notifications(now=FRIDAY)
    page = signed_in("lee").get("/notifications/").content.decode()
    german, english = (
        next(letter for letter in mailoutbox if letter.to == [f"{name}@handrail.example"] and waiver.key in letter.body)
        for name in ("lee", "mara")
    )
    until = "Fr, 20. Nov, 12:00 CET"
    words = f"{waiver.key} für NW-0: Amal Okafor beantragt eine befristete Ausnahme. Entscheiden Sie bis {until}, sonst verfällt sie."
    assert words in german.body
    assert words in page
    assert "asks for a time-limited exception. Decide by Fri 20 Nov, 12:00 CET, or it lapses." in english.body
    stored = Notification.objects.filter(event="waiver.requested", owner__slug="lee").get()
    assert "Decide by Fri 20 Nov 11:00 UTC, or it lapses." in stored.text


def test_what_happened_and_how_a_deadline_came_about_is_said_in_german(house: House, signed_in: SignedIn) -> None:
    (case,) = open_cases(house, 1)
    lee = signed_in("lee")
    lee.post("/language/", {"language": "de"})
    for path in (f"/exceptions/{case.key}/", "/audit/"):
        assert "hat ihn eröffnet" in lee.get(path).content.decode(), path
    with translation.override("de"):
        assert derivation_in_words(
            "Tue 17 Nov 10:00 + 1 h, not counted Wed 18 Mar 08:00 to Thu 19 Mar 09:00 (x) = Mon 11:00"
        ) == ("Di 17. Nov 10:00 + 1 h, nicht gezählt Mi 18. Mär 08:00 bis Do 19. Mär 09:00 (x) = Mo 11:00")
        moved = verbs.sentence("order.on_hold", actor="100% Ida")
        assert in_words(moved) == "100% Ida hat den Auftrag auf „Gesperrt“ gesetzt"
    assert moved == "100% Ida moved the order to “On hold”"


def test_what_the_product_wrote_down_is_said_in_german_and_what_people_wrote_as_they_wrote_it(
    house: House, signed_in: SignedIn
) -> None:
    told, untold = _opened_with_words(house)
    lee, now = signed_in("lee"), clock.now()
    services.reassign_case(case_id=told.pk, to="ops-team", reason="It was reviewed.", by=house.actor("lee"), now=now)
    english, german = (
        "The warehouse has not confirmed NW-1-1 for 60 min",
        "Das Lager hat NW-1-1 seit 60 Min. nicht bestätigt",
    )
    for path in ("/queue/team/", "/queue/team/?group=cause", f"/exceptions/{told.key}/", "/search/?q=confirmed"):
        page = lee.get(path, headers=GERMAN).content.decode()
        assert (german in page, english in page) == (True, False), path
    assert untold.title in lee.get("/queue/team/", headers=GERMAN).content.decode()
    assert lee.get(f"/api/v1/exceptions/{told.key}", headers=GERMAN).json()["title"] == english
    services.withdraw_case(case_id=told.pk, reason=said("It was reviewed."), by=system_actor("test"), now=now)
    trail = lee.get(f"/exceptions/{told.key}/", headers=GERMAN).content.decode()
    assert (trail.count("“It was reviewed.”"), trail.count("“Es wurde geprüft.”")) == (1, 1)
    draft = services.draft_postmortem(case_id=told.pk, by=house.actor("lee"), now=now)
    frozen = lee.get(f"/postmortems/{draft.key}/", headers=GERMAN).content.decode()
    assert (frozen.count("“It was reviewed.”"), frozen.count("“Es wurde geprüft.”")) == (1, 1)
    assert f"{told.key}: {german}" in frozen
    assert draft.title == f"{told.key}: {english}"
    told.refresh_from_db()
    plan = services.plan_cases(action="acknowledge", cases=[told], by=house.actor("lee"), now=now)
    ((_, barred),) = JobPlan.objects.get(pk=plan.pk).stay
    with translation.override("de"):
        assert in_words(barred) == f"{told.key} ist „Zurückgezogen“."


def _opened_with_words(house: House) -> list[ExceptionCase]:
    """One whose title the product gave, and one from before it kept how."""
    client = house.clients["northwind"]
    who = said("The warehouse")
    title = said("%(who)s has not confirmed %(key)s for %(minutes)s min", who=who, key="NW-1-1", minutes=60)
    openings = [
        services.CaseOpening(
            "address", SubjectRef("test.parcel", f"said-{n}", client.pk), "NW-1", client.pk, words, cause=f"said/{n}"
        )
        for n, words in enumerate((title, "kestrel has not confirmed NW-1-2 for 60 min"))
    ]
    return services.open_cases(openings=openings, by=system_actor("test"), now=clock.now())


def test_what_programs_and_admins_read_stays_english_and_who_is_not_in_yet_reads_german() -> None:
    nobody = Browser()
    assert "Anmelden" in nobody.get("/signin/", headers=GERMAN).content.decode()
    assert "Hier ist nichts" in nobody.get("/nowhere/", headers=GERMAN).content.decode()
    assert '<html lang="en' in nobody.get("/problems/", headers=GERMAN).content.decode()
    assert "There is nothing at this address." in nobody.get("/api/nowhere/", headers=GERMAN).json()["detail"]


def test_dates_and_amounts_are_written_as_the_reader_writes_them() -> None:
    now = clock.now()
    long_ago = now.replace(year=2025, month=5, day=7, hour=9, minute=30)
    assert (moment_words(long_ago, now=now), money(123456), money(5, "CHF")) == (
        "7 May 2025, 09:30",
        "€1,234.56",
        "CHF 0.05",
    )
    with translation.override("de"):
        assert (moment_words(long_ago, now=now), money(123456), money(5000, "JPY")) == (
            "7. Mai 2025, 09:30",
            "1.234,56 €",
            "5.000 JPY",
        )


def test_what_a_form_refuses_is_said_in_german(house: House, signed_in: SignedIn) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    empty = SimpleUploadedFile("leer.txt", b"")
    refused = amal.post(f"/exceptions/{case.key}/attach/", {"file": empty}, headers=GERMAN)
    assert (refused.status_code, refused.context["form"].errors["file"]) == (422, ["„leer.txt“ ist leer."])

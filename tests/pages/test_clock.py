"""Clocks on pages: waiting for somebody named, another severity, at risk, and firing what is overdue."""

from datetime import timedelta

import pytest

from audit import clock
from audit.models import Event
from exceptions.states import CaseState
from rules.states import Severity
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

HOUR = timedelta(hours=1)


def test_waiting_for_a_carrier_pauses_and_the_page_says_until_when(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    amal.post(f"/exceptions/{case.key}/start/", {"seen": case.version})
    given = {"on": "carrier", "party": "UPS", "reason": "asked for a label", "hours": 4}
    assert amal.post(f"/exceptions/{case.key}/wait/", given).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.waiting_on) == (CaseState.WAITING, "carrier")
    text = amal.get(f"/exceptions/{case.key}/").content.decode()
    assert "Waiting for a carrier: asked for a label" in " ".join(text.split())
    assert "The clock goes on" in text
    assert "(waiting for carrier UPS)" in text
    assert "Paused" in amal.get("/queue/").content.decode()


def test_a_carrier_without_a_name_is_asked_for_it_beside_the_field(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    amal.post(f"/exceptions/{case.key}/start/", {"seen": case.version})
    answer = amal.post(f"/exceptions/{case.key}/wait/", {"on": "carrier", "reason": "asked for a label", "hours": 4})
    assert answer.status_code == 422
    assert answer.context["form"].errors["party"] == ["Say why in at least 2 characters."]


def test_a_lead_changes_the_severity_and_others_are_not_offered_it(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    was, lee = case.severity, signed_in("lee")
    other = next(one for one in Severity.values if one != case.severity)
    assert "/severity/" in lee.get(f"/exceptions/{case.key}/").content.decode()
    answer = lee.post(f"/exceptions/{case.key}/severity/", {"severity": other, "reason": "worse than it looked"})
    case.refresh_from_db()
    assert (answer.status_code, case.severity) == (302, other)
    amal = signed_in("amal")
    assert "/severity/" not in amal.get(f"/exceptions/{case.key}/").content.decode()
    assert amal.post(f"/exceptions/{case.key}/severity/", {"severity": was, "reason": "it runs"}).status_code == 403


def test_what_is_at_risk_says_so_in_the_queue_on_its_page_and_to_programs(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = open_cases(house, 1)
    assert case.warn_at is not None
    monkeypatch.setattr(clock, "now", lambda: case.warn_at)
    amal = signed_in("amal")
    assert "At risk</span>" in amal.get("/queue/?due=at-risk").content.decode()
    assert "At risk</span>" in amal.get(f"/exceptions/{case.key}/").content.decode()
    sla = amal.get(f"/exceptions/{case.key}/payload.json").json()["sla"]
    assert (sla["clock"], sla["at_risk_from"]) == ("at_risk", case.warn_at.isoformat())


def test_a_lead_fires_what_is_overdue_and_is_told_how_much(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = open_cases(house, 1)
    later = case.due_at + HOUR
    monkeypatch.setattr(clock, "now", lambda: later)
    lee = signed_in("lee")
    page = lee.get("/status/")
    assert page.context["overdue"] >= 3
    answer = lee.post("/timers/escalate-overdue/", follow=True)
    assert f"{Event.objects.get(type='timers.escalated').body}".count('"fired":') == 1
    assert "overdue steps were taken." in answer.content.decode()
    assert answer.context["overdue"] == 0
    case.refresh_from_db()
    assert case.ladder_step > 0


def test_nobody_else_fires_timers_and_the_refusal_is_kept(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    assert "escalate-overdue" not in amal.get("/status/").content.decode()
    assert amal.post("/timers/escalate-overdue/").status_code == 403
    assert Event.objects.filter(type="access.refused").exists()

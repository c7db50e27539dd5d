"""An approver wants to know more: it goes back with a question, the time to decide stands still, and an answer takes it up again."""

from datetime import datetime, timedelta

import pytest
from django.test import Client as Browser

from audit import clock
from audit.errors import IllegalTransition, Invalid, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.errors import OwnRequest
from exceptions.models import Notification, Waiver
from exceptions.states import WaiverState
from tests.cast import House

HOUR = timedelta(hours=1)
WHY = "The customer confirmed the address by telephone."


def ask(house: House, at: datetime) -> Waiver:
    """Asked for by amal for four hours, so that it has to be decided within four hours."""
    client = house.clients["northwind"].pk
    return services.request_waiver(
        gate="ship-despite-open-case",
        subject=SubjectRef("test.parcel", "1", client),
        subject_key="NW-1",
        client_id=client,
        reason=WHY,
        plan="Correct it.",
        minutes=240,
        owner="client-success",
        by=house.actor("amal"),
        now=at,
    )


@pytest.fixture
def asked(house: House, now: datetime) -> Waiver:
    return ask(house, now)


def question(asked: Waiver, house: House, now: datetime, by: str = "lee") -> Waiver:
    return services.ask_for_more(waiver_id=asked.pk, question="Who confirmed it?", by=house.actor(by), now=now)


def test_the_time_to_decide_stands_still_until_it_is_answered(house: House, asked: Waiver, now: datetime) -> None:
    back = question(asked, house, now + HOUR)
    assert (back.state, back.question_by_name, back.answer_by) == (WaiverState.RETURNED, "Lee Weber", now + 4 * HOUR)
    assert "asks: Who confirmed it?" in Notification.objects.get(event="waiver.sent_back", owner__slug="amal").text
    for sweep in (4, 20):
        services.sweep_timers(now=now + sweep * HOUR)
    back.refresh_from_db()
    assert back.state == WaiverState.RETURNED, "nobody had to decide meanwhile"
    with pytest.raises(IllegalTransition, match="sent back with a question"):
        services.approve_waiver(waiver_id=asked.pk, by=house.actor("mara"), now=now + 20 * HOUR)
    with pytest.raises(Refused):
        services.answer_question(waiver_id=asked.pk, answer="Ida did", by=house.actor("bo"), now=now + 21 * HOUR)
    with pytest.raises(Invalid):
        services.answer_question(waiver_id=asked.pk, answer=" ", by=house.actor("amal"), now=now + 21 * HOUR)
    up = services.answer_question(waiver_id=asked.pk, answer="Ida did", by=house.actor("amal"), now=now + 21 * HOUR)
    assert (up.state, up.answer, up.answer_by) == (WaiverState.REQUESTED, "Ida did", now + 24 * HOUR)
    assert Notification.objects.filter(event="waiver.answered", owner__slug="lee").count() == 1
    done = services.approve_waiver(waiver_id=asked.pk, by=house.actor("lee"), now=now + 22 * HOUR)
    assert done.is_in_force(now + 22 * HOUR)
    kept = Event.objects.filter(subject_id=str(asked.pk)).order_by("seq").values_list("type", flat=True)
    assert [one for one in kept if one in {"waiver.sent_back", "waiver.answered", "waiver.approved"}] == [
        "waiver.sent_back",
        "waiver.answered",
        "waiver.approved",
    ]


def test_an_unanswered_question_lapses_and_a_change_of_the_request_is_an_answer(
    house: House, asked: Waiver, now: datetime
) -> None:
    for who, refusal in (("amal", OwnRequest), ("bo", Refused)):
        with pytest.raises(refusal):
            question(asked, house, now, by=who)
    with pytest.raises(Invalid):
        services.ask_for_more(waiver_id=asked.pk, question=" ", by=house.actor("lee"), now=now)
    question(asked, house, now + HOUR)
    changed = services.edit_waiver(
        waiver_id=asked.pk,
        reason=f"{WHY} Ida did.",
        plan="Correct it.",
        minutes=60,
        by=house.actor("amal"),
        now=now + 10 * HOUR,
    )
    assert (changed.state, changed.answer_by) == (WaiverState.REQUESTED, now + 13 * HOUR)
    question(asked, house, now + 11 * HOUR)
    services.sweep_timers(now=now + (11 + 72) * HOUR)
    asked.refresh_from_db()
    assert (asked.state, asked.end_reason) == (WaiverState.LAPSED, "The question was not answered in time.")


def test_it_is_asked_and_answered_on_its_page(house: House) -> None:
    asked = ask(house, clock.now())
    lee, amal = Browser(), Browser()
    lee.force_login(house.users["lee"])
    amal.force_login(house.users["amal"])
    path, seen = f"/approvals/{asked.key}/", {"seen_hash": asked.content_hash, "seen_base": ""}
    assert lee.post(path, {"decision": "ask", "comment": "", **seen}).status_code == 422
    lee.post(path, {"decision": "ask", "comment": "Who confirmed it?", **seen})
    assert "Not answered yet" in lee.get(path).content.decode()
    (row,) = lee.get("/approvals/?tab=ageing").context["rows"]
    assert (row.what, row.whom) == ("Answer", "Amal Okafor")
    told = amal.get(f"/time-limited/{asked.key}/").content.decode()
    assert all(words in told for words in ("Who confirmed it?", "Send your answer"))
    assert lee.post(f"/time-limited/{asked.key}/answer/", {"answer": "Ida did"}).status_code in {302, 403}
    amal.post(f"/time-limited/{asked.key}/answer/", {"answer": "Ida did"})
    asked.refresh_from_db()
    assert (asked.state, asked.answer) == (WaiverState.REQUESTED, "Ida did")
    assert "“Ida did”" in lee.get(path).content.decode()

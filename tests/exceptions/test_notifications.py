"""Owners are told, in product and by mail; a channel that is down costs time and loses nothing."""

from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from audit.models import Heartbeat
from exceptions import services
from exceptions.models import Notification, NotificationDelivery
from exceptions.states import DeliveryState
from tests.cast import House
from tests.exceptions.conftest import OpenCases

MINUTE = timedelta(minutes=1)


def tell(house: House, now: datetime, *texts: str, owner: str = "amal") -> None:
    tellings = [services.Telling(house.owners[owner], "test", text, "/exceptions/EX-1/") for text in texts]
    services.notify_many(tellings=tellings, now=now)


def pending() -> list[NotificationDelivery]:
    return list(NotificationDelivery.objects.filter(state=DeliveryState.PENDING).order_by("id"))


def test_one_thing_is_one_letter_with_its_link(house: House, now: datetime) -> None:
    tell(house, now, "EX-1 is yours. Due at noon.")
    assert services.deliver_notifications(now=now) == 1
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["amal@handrail.example"], "EX-1 is yours. Due at noon.")
    assert "/exceptions/EX-1/" in letter.body
    assert services.deliver_notifications(now=now + MINUTE) == 0
    assert Notification.objects.get().text == "EX-1 is yours. Due at noon."


def test_many_things_are_one_letter_per_address(house: House, now: datetime) -> None:
    tell(house, now, *(f"EX-{n} is yours." for n in range(1, 9)))
    tell(house, now, "EX-50 is yours.", owner="bo")
    assert services.deliver_notifications(now=now) == 9
    assert {letter.to[0]: letter.subject for letter in mail.outbox} == {
        "amal@handrail.example": "8 things for you: EX-1 is yours.",
        "bo@handrail.example": "EX-50 is yours.",
    }
    assert mail.outbox[0].body.count("is yours") == 8


def test_a_thousand_of_one_kind_are_told_as_one_thing(house: House, now: datetime) -> None:
    tell(house, now, *(f"EX-{n} is yours." for n in range(1, 1_001)))
    told = Notification.objects.get()
    assert (told.text, told.url) == ("EX-1 is yours. And 999 more of the same.", "/exceptions/EX-1/")


def test_where_the_others_are_is_true_for_whoever_has_them_and_for_whoever_watches(
    house: House, open_cases: OpenCases, now: datetime
) -> None:
    cases, bo = open_cases(11), house.actor("bo")
    told = Notification.objects.get(owner=cases[0].owner, event="case.opened")
    backed = Notification.objects.get(owner=cases[0].backup, event="case.opened")
    assert (told.text.endswith("And 10 more of the same; they are in your queue."), told.url) == (True, "/queue/")
    assert (backed.text.endswith("And 10 more of the same."), backed.url) == (True, "/queue/team/")
    for case in cases:
        services.watch_case(case_id=case.pk, by=bo, now=now)
    plan = services.plan_chosen(action="note", numbers=[case.number for case in cases], by=house.actor("lee"), now=now)
    services.start_job(plan_id=plan.pk, given={"text": "Looked at it."}, by=house.actor("lee"), now=now)
    news = Notification.objects.get(owner=house.owners["bo"], event="case.news")
    assert (news.text.endswith("And 10 more that you watch."), news.url) == (True, "/queue/team/")


def test_of_a_note_that_goes_along_with_the_end_a_watcher_hears_once(
    house: House, open_cases: OpenCases, now: datetime
) -> None:
    one, other = open_cases(2)
    bo, lee = house.actor("bo"), house.actor("lee")
    for case in (one, other):
        services.watch_case(case_id=case.pk, by=bo, now=now)
    services.resolve_case(case_id=one.pk, outcome="resolved", note="The house number was missing.", by=lee, now=now)
    plan = services.plan_chosen(action="resolve", numbers=[other.number], by=lee, now=now)
    services.start_job(plan_id=plan.pk, given={"outcome": "resolved", "text": "So was this one."}, by=lee, now=now)
    heard = [told.text for told in Notification.objects.filter(owner=house.owners["bo"], event="case.news")]
    assert [text.endswith("It is resolved.") for text in heard] == [True, True]


def test_a_channel_down_for_a_week_loses_nothing(house: House, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise ConnectionRefusedError("nobody listens")

    tell(house, now, "EX-1 is yours.", "EX-2 is yours.")
    with monkeypatch.context() as outage:
        outage.setattr(EmailBackend, "open", down)
        for hours in range(24 * 7):
            assert services.deliver_notifications(now=now + timedelta(hours=hours)) == 0
    assert {(one.last_error, one.lease_until) for one in pending()} == {("ConnectionRefusedError", None)}
    assert services.deliver_notifications(now=now + timedelta(days=8)) == 2
    assert Heartbeat.objects.get(loop="notifications").worked == 2


def test_the_pause_grows_with_every_attempt(house: House, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(EmailBackend, "open", down)
    tell(house, now, "EX-1 is yours.")
    pauses = []
    at = now
    for _ in range(4):
        services.deliver_notifications(now=at)
        (delivery,) = pending()
        pauses.append(delivery.due_at - at)
        at = delivery.due_at
    assert pauses == [timedelta(seconds=30), MINUTE, 2 * MINUTE, 4 * MINUTE]


def test_an_address_that_is_refused_is_given_up_in_the_end_and_stops_nobody_else(
    house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EmailBackend.send_messages

    def refuse_amal(backend: EmailBackend, messages: list[mail.EmailMessage]) -> int:
        if messages[0].to == ["amal@handrail.example"]:
            raise SMTPRecipientsRefused({"amal@handrail.example": (550, b"unknown")})
        return real(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse_amal)
    tell(house, now, "EX-1 is yours.")
    tell(house, now, "EX-2 is yours.", owner="bo")
    at = now
    while pending():
        services.deliver_notifications(now=at)
        at += timedelta(hours=2)
    states = dict(NotificationDelivery.objects.values_list("address", "state"))
    assert states == {"amal@handrail.example": DeliveryState.DEAD, "bo@handrail.example": DeliveryState.SENT}


def test_a_sender_that_died_is_relieved_and_cannot_finish_late(
    house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(house, now, "EX-1 is yours.")
    NotificationDelivery.objects.update(lease_until=now + 2 * MINUTE, fence=1, attempts=1)
    assert services.deliver_notifications(now=now + MINUTE) == 0
    assert services.deliver_notifications(now=now + 3 * MINUTE) == 1
    assert NotificationDelivery.objects.get().fence == 2

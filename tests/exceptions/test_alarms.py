"""Who escalates the escalator: with worker and beat stopped, health is red and somebody gets a letter all the same."""

import json
import threading
from datetime import datetime, timedelta
from io import StringIO
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import connections
from django.test import Client as Browser

from audit import clock
from audit.models import Event, Heartbeat, User
from audit.services.heartbeats import beat
from exceptions import services
from exceptions.models import Timer
from exceptions.models.timers import LIVE
from tests.cast import House
from tests.exceptions.conftest import OpenCase

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


def probe() -> bool:
    """Ask as a load balancer does; whether the timers are well."""
    parts = Browser().get("/readyz").json()["parts"]
    return bool(parts["timers"].endswith("nothing late."))


def test_with_worker_and_beat_stopped_the_probe_turns_red_and_writes_once_an_hour(
    house: House, open_case: OpenCase, now: datetime, set_clock: Any
) -> None:
    open_case()
    services.sweep_timers(now=now)
    said = []
    for minutes in (0, 1, 3, 4, 60, 64, 65):
        set_clock(now + minutes * MINUTE)
        said.append((minutes, probe(), len(mail.outbox)))
    red = [(1, False, 0), (3, False, 1), (4, False, 1), (60, False, 1), (64, False, 2), (65, False, 2)]
    assert said == [(0, True, 0), *red]
    letter = mail.outbox[0]
    assert (letter.subject, letter.to) == (
        "Handrail: escalation has stopped",
        ["lee@handrail.example", "mara@handrail.example"],
    )
    assert "Steps were last taken 3 min ago; 0 are overdue." in letter.body
    assert "4 are overdue" in mail.outbox[1].body
    assert Event.objects.filter(type="escalator.stopped").count() == 2


def test_stopping_again_after_it_recovered_is_said_at_once(house: House, now: datetime, set_clock: Any) -> None:
    for minutes, sweeps in ((0, True), (5, False), (6, True), (10, False)):
        set_clock(now + minutes * MINUTE)
        if sweeps:
            services.sweep_timers(now=now + minutes * MINUTE)
        probe()
    assert len(mail.outbox) == 2


def test_a_sweep_that_beats_and_leaves_steps_lying_is_no_life(open_case: OpenCase, now: datetime) -> None:
    open_case()
    late = now + HOUR + 3 * MINUTE
    beat(loop="timers", at=late)
    assert services.watch_escalator(now=late)
    assert "4 are overdue" in mail.outbox[0].body


def test_before_the_first_sweep_nobody_is_called_until_something_is_late(open_case: OpenCase, now: datetime) -> None:
    assert not services.watch_escalator(now=now)
    open_case()
    Heartbeat.objects.filter(loop="timers").delete()
    assert not services.watch_escalator(now=now)
    assert services.watch_escalator(now=now + HOUR)
    assert "Steps have never been taken here." in mail.outbox[0].body


def test_a_mail_server_that_is_down_is_tried_again_by_the_next_who_asks(
    house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(loop="timers", at=now - HOUR)

    def broken(letter: EmailMessage) -> int:
        raise SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", broken)
        assert not services.watch_escalator(now=now)
    assert services.watch_escalator(now=now + MINUTE)
    assert not services.watch_escalator(now=now + 2 * MINUTE)
    assert len(mail.outbox) == 1


def test_it_goes_to_who_is_named_and_without_leads_to_admins(house: House, now: datetime, settings: Any) -> None:
    beat(loop="timers", at=now - HOUR)
    settings.ALARM_EMAILS = ["pager@handrail.example"]
    services.watch_escalator(now=now)
    settings.ALARM_EMAILS = []
    User.objects.filter(username__in=["lee", "mara"]).update(is_active=False)
    services.watch_escalator(now=now + 2 * HOUR)
    assert [letter.to for letter in mail.outbox] == [["pager@handrail.example"], ["kim@handrail.example"]]


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_send_one_letter(now: datetime, settings: Any) -> None:
    beat(loop="timers", at=now - HOUR)
    settings.ALARM_EMAILS = ["pager@handrail.example"]
    sent: list[bool] = []

    def watch() -> None:
        try:
            sent.append(services.watch_escalator(now=now))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=watch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(sent), len(mail.outbox)) == ([False] * 5 + [True], 1)


def test_an_outside_scheduler_can_be_the_second_path_too(open_case: OpenCase, now: datetime, set_clock: Any) -> None:
    open_case()
    set_clock(now + 2 * HOUR)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_timers", "--json", "--page", stdout=out)
    summary = json.loads(out.getvalue())["summary"]
    assert (summary["letter_sent"], summary["sweeper_alive"], summary["overdue"]) == (True, False, 5)
    out = StringIO()
    call_command("verify_timers", "--json", "--page", "--escalate-overdue", stdout=out)
    assert json.loads(out.getvalue())["summary"]["sweeper_alive"]
    assert (len(mail.outbox), Timer.objects.filter(LIVE, due_at__lte=now + 2 * HOUR).count()) == (1, 0)
    assert Heartbeat.objects.get(loop="timers").at == now + 2 * HOUR

"""Chats and pagers: sealed, guarded, tried in turn; nothing is lost while one is down and nobody is called twice for one cause."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.utils import translation

from audit import clock
from audit.checks import invariants
from audit.context import acting
from audit.crypto import open_secret
from audit.errors import Conflict, Invalid, NotFound, Refused
from audit.models import Event
from audit.words import in_words
from exceptions import selectors, services
from exceptions.models import Notification, NotificationChannel, NotificationDelivery, Page
from exceptions.selectors.notifications import way_of
from exceptions.services.notifications import UNDELIVERED
from exceptions.states import DeliveryState, PageState
from rules.models import Owner
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.oncall import OnCall, running

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KEY = "R0UT1NGKEY0123456789"


@pytest.fixture
def stub(settings: Any) -> Iterator[OnCall]:
    with running() as one:
        settings.ALLOWED_PRIVATE_HOSTS = [one.host]
        yield one


def chat(house: House, stub: OnCall, now: datetime, owner: str = "amal") -> NotificationChannel:
    given: dict[str, Any] = {
        "owner": house.owners[owner],
        "kind": "chat",
        "name": "Room",
        "secret": f"json://{stub.host}/room/T0KEN",
    }
    return services.add_channel(**given, by=house.actor("kim"), now=now)[0]


def pager(house: House, stub: OnCall, now: datetime, owner: str = "amal") -> NotificationChannel:
    given: dict[str, Any] = {"owner": house.owners[owner], "kind": "pager", "name": "Pager", "secret": KEY}
    endpoint = f"http://{stub.host}/v2/enqueue"
    return services.add_channel(**given, endpoint=endpoint, by=house.actor("kim"), now=now)[0]


def wish(house: House, now: datetime, **wishes: str) -> None:
    services.set_notification_preferences(wishes=wishes, digest_at=time(8), by=house.actor("amal"), now=now)


def tell(house: House, now: datetime, text: str = "EX-1 is late.", *, owner: str = "amal", **more: Any) -> None:
    services.notify(owner=house.owners[owner], event="test", text=text, url="/exceptions/EX-1/", now=now, **more)


def ways(owner: str = "amal") -> dict[str, tuple[str, str]]:
    found = NotificationDelivery.objects.filter(notification__owner__slug=owner).order_by("id")
    return {one.channel: (one.state, one.why) for one in found}


def run_until_quiet(now: datetime, hours: int = 1) -> None:
    for minutes in range(0, hours * 60, 2):
        services.deliver_notifications(now=now + minutes * MINUTE)


def found_broken(*ids: str) -> list[str]:
    with connection.cursor() as cursor:
        found = []
        for check in invariants():
            if check.id in ids:
                cursor.execute(check.sql)
                found += [check.id] * len(cursor.fetchall())
    return sorted(found)


def broken() -> list[str]:
    return found_broken("inv-71b", "inv-71c")


def test_what_opens_a_channel_is_sealed_and_never_shown(house: House, stub: OnCall, now: datetime) -> None:
    made = chat(house, stub, now)
    assert "T0KEN" not in made.sealed
    assert open_secret(made.sealed).endswith("/room/T0KEN")
    assert (made.hint, "T0KEN" in str(Event.objects.get(type="channel.added").body)) == ("json 127.0.0.1 …0KEN", False)
    with pytest.raises(Refused):
        services.add_channel(
            owner=house.owners["amal"], kind="chat", name="Mine", secret="slack://x", by=house.actor("lee"), now=now
        )
    with pytest.raises(Conflict, match="already"):
        chat(house, stub, now)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("json://127.0.0.1:9/x", "encrypted form"),
        ("jsons://127.0.0.1:9/x", "not public"),
        ("jsons://169.254.169.254/latest", "not public"),
        ("jsons://[::1]/x", "not public"),
        ("gotifys://localhost/token", "not public"),
        ("file:///etc/passwd", "one of these"),
        ("syslog://", "one of these"),
        ("dbus://", "one of these"),
        ("slack://", "no address"),
    ],
)
def test_a_chat_inside_our_network_or_unknown_to_us_is_refused(
    house: House, now: datetime, secret: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        services.add_channel(
            owner=house.owners["amal"], kind="chat", name="Bad", secret=secret, by=house.actor("kim"), now=now
        )


@pytest.mark.parametrize("endpoint", ["http://pager.example/v2", "https://a:b@pager.example/v2", "https:///x"])
def test_a_pager_is_reached_by_https_without_a_password_in_the_address(
    house: House, now: datetime, endpoint: str
) -> None:
    with pytest.raises(Invalid, match="https"):
        services.add_channel(
            owner=house.owners["amal"],
            kind="pager",
            name="Bad",
            secret=KEY,
            endpoint=endpoint,
            by=house.actor("kim"),
            now=now,
        )


def test_an_address_that_moved_into_our_network_is_refused_when_it_is_used(
    house: House, stub: OnCall, now: datetime, settings: Any
) -> None:
    chat(house, stub, now)
    settings.ALLOWED_PRIVATE_HOSTS = []
    tell(house, now, severity="P2")
    run_until_quiet(now)
    assert stub.asked == 0
    assert ways()["chat"] == (DeliveryState.DEAD, "Goes by e-mail instead.")


def test_mail_and_chat_say_the_same_and_one_message_tells_all(house: House, stub: OnCall, now: datetime) -> None:
    chat(house, stub, now)
    for n in range(3):
        tell(house, now, f"EX-{n} is yours.", severity="P2")
    assert services.deliver_notifications(now=now) == 6
    (message,) = stub.taken
    assert message["title"] == mail.outbox[0].subject == "3 things for you: EX-0 is yours."
    assert message["message"].count("is yours") == 3


def test_wishes_are_kept_per_severity_and_channel(house: House, stub: OnCall, now: datetime) -> None:
    chat(house, stub, now)
    wish(house, now, p2="now", p3="never", chat_p2="never", chat_p3="hourly")
    tell(house, now, severity="P2")
    services.deliver_notifications(now=now)
    assert (len(mail.outbox), stub.asked) == (1, 0)
    tell(house, now + 20 * MINUTE, severity="P3")
    services.deliver_notifications(now=now + 20 * MINUTE)
    held = NotificationDelivery.objects.get(state=DeliveryState.PENDING)
    assert (held.why, held.due_at) == ("Waits for the digest at 11:00 Europe/Berlin.", now + 60 * MINUTE)
    services.deliver_notifications(now=now + 60 * MINUTE)
    assert (len(mail.outbox), stub.asked) == (1, 1)


def test_a_chat_that_is_down_is_tried_and_then_another_way_is_taken(house: House, stub: OnCall, now: datetime) -> None:
    chat(house, stub, now)
    wish(house, now, p2="never")
    stub.down = True
    tell(house, now, severity="P2")
    run_until_quiet(now)
    assert stub.asked >= 6
    assert [letter.subject for letter in mail.outbox] == ["EX-1 is late."]
    instead = NotificationDelivery.objects.exclude(instead_of=None).get()
    assert (instead.state, instead.why) == (DeliveryState.SENT, "Instead of chat, which failed.")
    gone = NotificationDelivery.objects.get(state=DeliveryState.DEAD)
    with translation.override("de"):
        assert in_words(instead.reason) == "Statt Chat, was gescheitert ist."
        assert in_words(way_of(gone).why) == "der Chat hat es nicht angenommen. Geht stattdessen per E-Mail."
    assert ways()["chat"][0] == DeliveryState.DEAD
    assert broken() == []


def test_a_chat_that_comes_back_in_time_is_used_and_nothing_is_lost(house: House, stub: OnCall, now: datetime) -> None:
    chat(house, stub, now)
    stub.down = True
    for n in range(5):
        tell(house, now, f"EX-{n} is yours.", severity="P2")
    for minutes in range(4):
        services.deliver_notifications(now=now + minutes * MINUTE)
    stub.down = False
    services.deliver_notifications(now=now + 10 * MINUTE)
    assert stub.taken[0]["message"].count("is yours") == 5
    assert set(NotificationDelivery.objects.values_list("state", flat=True)) == {DeliveryState.SENT}


def test_without_another_way_it_keeps_trying_and_the_backup_is_told_in_the_product(
    house: House, stub: OnCall, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise ConnectionRefusedError

    tell(house, now, severity="P1")
    with monkeypatch.context() as outage:
        outage.setattr(EmailBackend, "open", down)
        run_until_quiet(now)
    told = Notification.objects.get(event=UNDELIVERED)
    assert told.owner == house.owners["amal"].backup
    assert told.text == "Amal Okafor could not be reached: E-mail failed. EX-1 is late."
    assert not told.deliveries.exists()
    run_until_quiet(now + timedelta(hours=3))
    assert ways()["email"][0] == DeliveryState.SENT


def test_an_address_that_is_refused_everywhere_ends_with_the_backup(
    house: House, stub: OnCall, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SMTPRecipientsRefused({})

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    pager(house, stub, now)
    stub.status = 400
    tell(house, now, severity="P1")
    run_until_quiet(now)
    assert {state for state, _ in ways().values()} == {DeliveryState.DEAD}
    assert Notification.objects.filter(event=UNDELIVERED).count() == 1
    assert broken() == []


def test_who_has_no_address_has_it_in_the_product_and_what_presses_is_told_to_the_backup(
    house: House, now: datetime
) -> None:
    nobody = next(one for one in house.owners.values() if not one.emails)
    services.notify(owner=nobody, event="test", text="EX-1 is yours.", severity="P3", now=now)
    services.notify(owner=nobody, event="test", text="EX-2 is late.", severity="P1", now=now)
    left_out = NotificationDelivery.objects.filter(notification__owner=nobody)
    assert {(one.state, one.why) for one in left_out} == {(DeliveryState.SKIPPED, "No address outside the product.")}
    assert [one.text[-13:] for one in Notification.objects.filter(event=UNDELIVERED)] == ["EX-2 is late."]


def test_fifty_breaches_of_one_cause_are_one_page(house: House, stub: OnCall, now: datetime) -> None:
    pager(house, stub, now)
    breaches = [
        services.Telling(
            house.owners["amal"], "case.breached", f"EX-{n} is late.", severity="P2", cause="carrier/down", urgent=True
        )
        for n in range(50)
    ]
    services.notify_many(tellings=breaches, now=now)
    services.deliver_notifications(now=now)
    for one in breaches[:5]:
        services.notify_many(tellings=[one], now=now + MINUTE)
    services.deliver_notifications(now=now + MINUTE)
    assert stub.events() == [("trigger", "handrail/carrier/down")]
    page = Page.objects.get()
    assert (page.count, page.state, stub.taken[0]["payload"]["custom_details"]["things"]) == (55, "triggered", 50)
    joined = NotificationDelivery.objects.filter(channel="pager", state=DeliveryState.SKIPPED)
    assert {one.why for one in joined} == {"Somebody was called for this: Fri 20 Nov 09:00 UTC."}
    assert broken() == []


def test_a_page_carries_its_playbook_and_its_runbook_to_the_letter_and_the_pager(
    open_case: OpenCase, house: House, stub: OnCall, now: datetime
) -> None:
    case = open_case(type="never-seen-before", cause="x")
    due = case.due_at
    with acting(house.actor("kim"), at=now):
        Owner.objects.filter(slug="revenue-ops-review").update(emails=["ops@example.org"])
    pager(house, stub, now, owner="revenue-ops-review")
    while services.sweep_timers(now=due):
        pass
    services.deliver_notifications(now=due)
    (called,) = [one for one in stub.taken if one["payload"]["class"] == "case.breached"]
    runbook, opened = "/help/runbooks/unforeseen-failure/", f"/exceptions/{case.key}/"
    assert [urlsplit(link["href"])[2::2] for link in called["links"]] == [
        (opened, ""),
        (opened, "playbook"),
        (runbook, ""),
    ]
    told = called["payload"]["custom_details"]["exception"]
    assert told == selectors.payload(by=house.actor("kim"), key=case.key, now=due)
    (letter,) = [one for one in mail.outbox if one.to == ["ops@example.org"] and "past its deadline" in one.body]
    assert f"{opened}#playbook\nRunbook: {settings.PUBLIC_URL}{runbook}" in letter.body


def test_two_causes_are_two_pages_and_a_page_says_where_to_look(
    open_case: OpenCase, house: House, stub: OnCall, now: datetime
) -> None:
    pager(house, stub, now)
    cases = [open_case(n, cause=f"cause-{n}") for n in range(2)]
    for case in cases:
        url = f"/exceptions/{case.key}/"
        services.notify(
            owner=house.owners["amal"],
            event="test",
            text="It is late.",
            url=url,
            case_id=case.pk,
            severity="P2",
            urgent=True,
            now=now,
        )
    services.deliver_notifications(now=now)
    assert sorted(key for _, key in stub.events()) == ["handrail/cause-0", "handrail/cause-1"]
    trigger = next(one for one in stub.taken if one["dedup_key"] == "handrail/cause-0")
    assert trigger["payload"]["severity"] == "error"
    assert trigger["links"][1]["href"].endswith(f"/exceptions/{cases[0].key}/#playbook")
    assert trigger["routing_key"] == KEY


def test_only_what_presses_pages_unless_somebody_wants_more(house: House, stub: OnCall, now: datetime) -> None:
    pager(house, stub, now)
    tell(house, now, severity="P2")
    assert "pager" not in ways()
    wish(house, now, pager_p2="now")
    tell(house, now, severity="P2")
    services.deliver_notifications(now=now)
    assert ways()["pager"][0] == DeliveryState.SENT
    events = {"due_soon": {"pager": "now"}, "mentioned": {"pager": "never"}}
    services.set_notification_preferences(wishes={}, events=events, digest_at=time(8), by=house.actor("amal"), now=now)
    for event, severity, pages in (("case.at_risk", "P3", 1), ("case.mentioned", "P2", 0), ("case.mentioned", "P1", 1)):
        services.notify(owner=house.owners["amal"], event=event, text="EX-2.", severity=severity, now=now)
        told = Notification.objects.get(event=event, severity=severity)
        assert told.deliveries.filter(channel="pager").count() == pages
    with pytest.raises(Invalid):
        wish(house, now, pager_p3="digest")


def test_pages_go_in_quiet_hours(house: House, stub: OnCall, now: datetime) -> None:
    pager(house, stub, now)
    services.set_notification_preferences(
        wishes={}, digest_at=time(8), quiet_from=time(0), quiet_until=time(23), by=house.actor("amal"), now=now
    )
    tell(house, now, severity="P2", urgent=True)
    services.deliver_notifications(now=now)
    assert {state for state, _ in ways().values()} == {DeliveryState.SENT}


def test_a_pager_that_is_down_is_called_when_it_is_up_and_once(house: House, stub: OnCall, now: datetime) -> None:
    pager(house, stub, now)
    stub.down = True
    tell(house, now, severity="P1")
    services.deliver_notifications(now=now)
    services.deliver_notifications(now=now + MINUTE)
    stub.down = False
    services.deliver_notifications(now=now + 3 * MINUTE)
    services.deliver_notifications(now=now + 4 * MINUTE)
    assert len(stub.taken) == 1
    assert ways()["pager"][0] == DeliveryState.SENT


def test_one_message_per_cause_in_fifteen_minutes(house: House, now: datetime) -> None:
    for minutes in range(4):
        tell(house, now + minutes * MINUTE, f"EX-{minutes} is late.", severity="P2", cause="carrier/down")
        services.deliver_notifications(now=now + minutes * MINUTE)
    assert [letter.subject for letter in mail.outbox] == ["EX-0 is late."]
    assert ways()["email"] == (DeliveryState.PENDING, "One message per cause in 15 minutes.")
    services.deliver_notifications(now=now + 15 * MINUTE)
    assert "And 2 more of the same cause (carrier/down)" in mail.outbox[1].body
    assert not NotificationDelivery.objects.filter(state=DeliveryState.PENDING).exists()


def test_a_test_notice_says_what_came_of_it_and_is_ones_own(house: House, stub: OnCall, now: datetime) -> None:
    by = house.actor("amal")
    ids = [str(chat(house, stub, now).pk), str(pager(house, stub, now).pk), "amal@handrail.example"]
    assert [services.send_test_notice(channel=one, by=by, now=now).error for one in ids] == ["", "", ""]
    assert [one.get("event_action") for one in stub.taken] == [None, "trigger", "resolve"]
    stub.status = 404
    assert services.send_test_notice(channel=ids[1], by=by, now=now).error == "HTTP 404"
    for one in ids:
        with pytest.raises(NotFound):
            services.send_test_notice(channel=one, by=house.actor("bo"), now=now)


def test_an_ended_channel_gets_nothing_more(house: House, stub: OnCall, now: datetime) -> None:
    made = chat(house, stub, now)
    services.end_channel(channel_id=made.pk, reason="moved", by=house.actor("kim"), now=now)
    tell(house, now, severity="P1")
    services.deliver_notifications(now=now)
    assert (stub.asked, list(ways())) == (0, ["email"])


def test_what_waits_without_an_attempt_and_a_page_left_open_are_found(
    house: House, stub: OnCall, now: datetime
) -> None:
    pager(house, stub, now)
    at = clock.now() - 2 * HOUR
    tell(house, at, severity="P1")
    assert found_broken("inv-71", "inv-71b", "inv-71c", "inv-71d") == ["inv-71", "inv-71"]
    services.deliver_notifications(now=at)
    assert found_broken("inv-71", "inv-71b", "inv-71c", "inv-71d") == []
    Page.objects.update(wanted=PageState.RESOLVED)
    NotificationDelivery.objects.update(state=DeliveryState.DEAD, page=None, last_error="x")
    assert found_broken("inv-71", "inv-71b", "inv-71c", "inv-71d") == ["inv-71b", "inv-71b", "inv-71d"]

"""Handing over to an on-call system and back: trigger, acknowledge, resolve, both ways round."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit import clock
from audit.context import acting
from audit.crypto import open_secret
from audit.errors import Invalid
from audit.models import Event
from audit.selectors.folding import fold_all
from exceptions import services, signatures
from exceptions.errors import AnswerRefused
from exceptions.models import CaseNote, ExceptionCase, NotificationChannel, Page
from exceptions.states import CaseState, PageState
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.oncall import OnCall, running

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stub(settings: Any) -> Iterator[OnCall]:
    with running() as one:
        settings.ALLOWED_PRIVATE_HOSTS = [one.host]
        yield one


@pytest.fixture
def pager(house: House, stub: OnCall, now: datetime) -> NotificationChannel:
    return services.add_channel(
        owner=house.owners["ops-team"],
        kind="pager",
        name="Ops pager",
        secret="R0UT1NGKEY0123456789",
        endpoint=f"http://{stub.host}/v2/enqueue",
        by=house.actor("kim"),
        now=now,
    )[0]


def page(house: House, case: ExceptionCase, now: datetime) -> None:
    services.notify(
        owner=house.owners["ops-team"],
        event="test",
        text=f"{case.key} is late.",
        url=f"/exceptions/{case.key}/",
        case_id=case.pk,
        client_id=case.client_id,
        severity="P2",
        urgent=True,
        now=now,
    )
    services.deliver_notifications(now=now)


def said(kind: str, key: str, at: datetime, who: str = "Rae Pager") -> bytes:
    event = {
        "id": "01CX",
        "event_type": f"incident.{kind}",
        "resource_type": "incident",
        "occurred_at": at.isoformat(),
        "agent": {"type": "user_reference", "summary": who},
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "status": kind},
    }
    return json.dumps({"event": event}).encode()


def answer(pager: NotificationChannel, body: bytes, now: datetime) -> str:
    signature = signatures.sign(secret=open_secret(pager.answers_sealed), body=body)
    return services.take_answer(channel_id=pager.pk, signature=signature, body=body, now=now)


def test_there_and_back_trigger_acknowledge_resolve(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    key = f"handrail/{case.key}"
    assert stub.events() == [("trigger", key)]

    assert (
        answer(pager, said("acknowledged", key, now + MINUTE), now + MINUTE) == "1 taken, 0 resolved, 0 as they were."
    )
    case.refresh_from_db()
    assert (case.state, case.acknowledged_by) == (CaseState.ACKNOWLEDGED, "system:on-call")
    assert CaseNote.objects.get().text == "Rae Pager answered the page of Ops pager and took it."
    services.deliver_notifications(now=now + 2 * MINUTE)
    assert stub.events() == [("trigger", key)]

    services.resolve_case(case_id=case.pk, outcome="resolved", by=house.actor("amal"), now=now + 3 * MINUTE)
    services.deliver_notifications(now=now + 4 * MINUTE)
    assert stub.events() == [("trigger", key), ("resolve", key)]
    told = Page.objects.get()
    assert (told.state, told.ended_at, told.answered_by) == (PageState.RESOLVED, now + 4 * MINUTE, "Rae Pager")
    verbs = list(Event.objects.filter(type__startswith="page.").order_by("seq").values_list("type", flat=True))
    assert verbs == ["page.triggered", "page.answered", "page.resolved"]
    assert [kind.different for kind in fold_all(only=["exceptions.page.state"])] == [0]
    Page.objects.update(state=PageState.ACKNOWLEDGED, ended_at=None)
    assert [kind.first for kind in fold_all(only=["exceptions.page.state"])] == [((key, "acknowledged", "resolved"),)]


def test_what_is_taken_here_is_acknowledged_there(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=now + MINUTE)
    stub.down = True
    services.deliver_notifications(now=now + 2 * MINUTE)
    assert Page.objects.get().last_error != ""
    stub.down = False
    services.deliver_notifications(now=now + 5 * MINUTE)
    assert [action for action, _ in stub.events()] == ["trigger", "acknowledge"]
    services.deliver_notifications(now=now + 6 * MINUTE)
    assert len(stub.events()) == 2


def test_resolved_there_is_taken_and_noted_here_where_criteria_are_not_met(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    done = answer(pager, said("resolved", f"handrail/{case.key}", now + MINUTE), now + MINUTE)
    case.refresh_from_db()
    assert (case.state, done) == (CaseState.ACKNOWLEDGED, "1 taken, 0 resolved, 0 as they were.")
    assert "still missing is: The address passes the check" in CaseNote.objects.get().text
    assert Page.objects.get().ended_at == now + MINUTE
    services.deliver_notifications(now=now + 2 * MINUTE)
    assert len(stub.events()) == 1


def test_resolved_there_is_resolved_here_where_nothing_is_missing(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime, system: Any
) -> None:
    case = open_case()
    with acting(system, at=now):
        case.acceptance = []
        case.save()
    page(house, case, now)
    done = answer(pager, said("resolved", f"handrail/{case.key}", now + MINUTE), now + MINUTE)
    case.refresh_from_db()
    assert (case.state, case.outcome, done) == ("resolved", "resolved", "0 taken, 1 resolved, 0 as they were.")


def test_one_answer_takes_all_of_one_cause(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime
) -> None:
    cases = [open_case(n, cause="carrier/down") for n in range(3)]
    other = open_case(9, cause="something else")
    page(house, cases[0], now)
    assert answer(pager, said("acknowledged", "handrail/carrier/down", now), now).startswith("3 taken")
    other.refresh_from_db()
    assert other.state == CaseState.OPEN


def test_an_old_or_repeated_answer_changes_nothing(
    open_case: OpenCase, house: House, stub: OnCall, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    key = f"handrail/{case.key}"
    before = answer(pager, said("acknowledged", key, now - MINUTE), now + MINUTE)
    assert before == "There is no open page of this key that this is about."
    answer(pager, said("acknowledged", key, now), now + MINUTE)
    assert answer(pager, said("acknowledged", key, now), now + 2 * MINUTE) == "0 taken, 0 resolved, 1 as they were."
    assert CaseNote.objects.count() == 1
    assert answer(pager, said("priority_updated", key, now), now).startswith("Nothing to do")


def test_what_is_not_signed_with_this_channels_secret_is_refused(
    open_case: OpenCase, house: House, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    body = said("acknowledged", f"handrail/{case.key}", now)
    good = signatures.sign(secret=open_secret(pager.answers_sealed), body=body)
    for signature, sent in (
        ("", body),
        ("v1=00", body),
        (signatures.sign(secret="x", body=body), body),
        (good, body + b" "),
    ):
        with pytest.raises(AnswerRefused):
            services.take_answer(channel_id=pager.pk, signature=signature, body=sent, now=now)
    with pytest.raises(AnswerRefused):
        services.take_answer(channel_id=uuid4(), signature=good, body=body, now=now)
    services.end_channel(channel_id=pager.pk, reason="moved", by=house.actor("kim"), now=now)
    with pytest.raises(AnswerRefused):
        services.take_answer(channel_id=pager.pk, signature=good, body=body, now=now)
    case.refresh_from_db()
    assert case.state == CaseState.OPEN


@pytest.mark.parametrize(
    "body", [b"[]", b'{"event": {"event_type": 1}}', b'{"event": {"event_type": "incident.resolved"}}']
)
def test_what_cannot_be_read_is_said(pager: NotificationChannel, now: datetime, body: bytes) -> None:
    with pytest.raises(Invalid, match="missing or not readable"):
        answer(pager, body, now)


def test_the_address_answers_in_http(
    open_case: OpenCase, house: House, pager: NotificationChannel, now: datetime
) -> None:
    case = open_case()
    page(house, case, now)
    url = reverse("api:page-answers", args=[pager.pk])
    body = said("acknowledged", f"handrail/{case.key}", clock.now())
    good = signatures.sign(secret=open_secret(pager.answers_sealed), body=body)
    web = Browser()
    refused = web.post(url, body, content_type="application/json", headers={signatures.HEADER: "v1=00"})
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/signature-refused/")
    taken = web.post(url, body, content_type="application/json", headers={signatures.HEADER: f"v1=00,{good}"})
    assert (taken.status_code, taken.json()) == (202, {"done": "1 taken, 0 resolved, 0 as they were."})
    assert web.get(url).status_code == 405

"""Storms ring once: ten thousand identical failures are one exception and one word, fifty breaches of one cause one page."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connections

from audit.context import Actor
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import Alert, ExceptionCase, Notification, Timer
from exceptions.services import CaseOpening
from tests.cast import House
from tests.exceptions.test_checks import broken

CAUSE = "Carrier refuses postcodes without a space"
Fail = Callable[..., CaseOpening]


@pytest.fixture
def fail(house: House) -> Fail:
    """An opening about parcel `n`, for one shared cause."""

    def fail(n: int, *, client: str = "northwind", cause: str = CAUSE) -> CaseOpening:
        of = house.clients[client]
        title = f"Parcel {n} cannot be delivered"
        return CaseOpening(
            "address",
            SubjectRef("test.parcel", f"{client}-{n}", of.pk),
            f"{of.key_prefix}-{n}",
            of.pk,
            title,
            cause=cause,
        )

    return fail


def settle(now: datetime) -> None:
    while services.sweep_timers(now=now):
        pass


def test_ten_thousand_identical_failures_are_one_exception_and_one_page(
    fail: Fail, system: Actor, now: datetime
) -> None:
    for n in range(100):
        at = now + timedelta(milliseconds=n)
        services.open_cases(openings=[fail(1)] * 100, by=system, now=at)
    case = ExceptionCase.objects.get()
    assert (case.occurrences, Notification.objects.count()) == (10_000, 2)  # the owner and the backup, once each
    settle(case.due_at)
    assert [(page.count, page.owner.slug) for page in Alert.objects.all()] == [(1, "ops-team-review")]
    assert Event.objects.filter(type="case.opened").count() == 1
    assert broken() == []


def test_fifty_breaches_of_one_cause_at_once_are_one_page_that_counts_them_with_the_playbook(
    fail: Fail, system: Actor, now: datetime
) -> None:
    cases = services.open_cases(openings=[fail(n) for n in range(50)], by=system, now=now)
    other = services.open_case(
        type="address",
        subject=SubjectRef("test.parcel", "x", cases[0].client_id),
        subject_key="NW-x",
        client_id=cases[0].client_id,
        title="Parcel x cannot be delivered",
        cause="Something else",
        by=system,
        now=now,
    )
    settle(cases[0].due_at)
    pages = {page.cause: page for page in Alert.objects.all()}
    page = pages[CAUSE]
    assert ({cause: one.count for cause, one in pages.items()}) == {CAUSE: 50, "Something else": 1}
    assert re.match(r"^50 exceptions of “address” are past their deadline. Shared cause: Carrier refuses", page.text)
    assert page.url in {f"/exceptions/{case.key}/#playbook" for case in cases}
    assert pages["Something else"].url == f"/exceptions/{other.key}/#playbook"
    told = Notification.objects.filter(event="case.breached")
    assert sorted((one.text, one.url) for one in told) == sorted((one.text, one.url) for one in pages.values())
    assert Event.objects.filter(type="case.breached").count() == 51
    assert broken() == []


def test_what_breaches_minutes_later_for_the_same_cause_is_counted_on_the_page_that_rings(
    fail: Fail, system: Actor, now: datetime
) -> None:
    for minutes, numbers in ((0, range(3)), (5, range(3, 10)), (11, range(10, 12))):
        services.open_cases(openings=[fail(n) for n in numbers], by=system, now=now + timedelta(minutes=minutes))
    for minutes in (0, 5, 11):
        settle(now + timedelta(hours=2, minutes=minutes))
    assert list(Alert.objects.order_by("at").values_list("count", flat=True)) == [10, 2]
    texts = Notification.objects.filter(event="case.breached").order_by("at").values_list("text", flat=True)
    assert [text.split()[0] for text in texts] == ["10", "2"]


def test_one_page_about_several_clients_names_none_of_them_nor_their_cause(
    fail: Fail, system: Actor, now: datetime
) -> None:
    for client in ("northwind", "northwind", "fable"):
        services.open_cases(openings=[fail(ExceptionCase.objects.count(), client=client)], by=system, now=now)
    settle(now + timedelta(days=1))
    page = Alert.objects.get()
    assert (page.count, page.client_id) == (3, None)
    assert CAUSE[:10] not in page.text
    assert "NW-" not in page.text


@pytest.mark.django_db(transaction=True)
def test_what_many_workers_find_late_at_once_is_one_page_and_each_step_is_taken_once(
    fail: Fail, system: Actor, now: datetime
) -> None:
    cases = services.open_cases(openings=[fail(n) for n in range(40)], by=system, now=now)
    late = cases[0].due_at

    def work() -> None:
        while services.sweep_timers(now=late, limit=12):
            pass
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    settle(late)

    assert [(page.cause, page.count) for page in Alert.objects.filter(event="case.breached")] == [(CAUSE, 40)]
    steps = Counter(Event.objects.filter(subject_type="exceptions.exceptioncase").values_list("type", flat=True))
    assert {count for kind, count in steps.items()} == {40}, steps
    taken = Timer.objects.filter(fired_at=late).order_by("subject_id", "due_at").values_list("subject_id", "kind")
    assert set(Counter(taken).values()) == {1}
    assert not Timer.objects.filter(attempts__gt=0).exists(), "none got into another's way"
    assert broken() == []

"""Exceptions in the admin: to look things up, of one's own clients, and never to write."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit.context import Actor, acting
from audit.models import User
from exceptions.models import ExceptionCase, Notification, NotificationChannel, Timer, Waiver
from rules.models import ExceptionType
from tests import doors
from tests.cast import House
from tests.exceptions.conftest import OpenCase

MODELS: list[Any] = [ExceptionCase, Waiver, Notification, Timer]


def signed_in(name: str) -> Browser:
    """The person, let into the admin."""
    User.objects.filter(username=name).update(is_staff=True)
    return doors.signed_in(User.objects.get(username=name))


def listed(browser: Browser, model: Any) -> int:
    page = browser.get(reverse(f"admin:exceptions_{model._meta.model_name}_changelist"))
    assert page.status_code == 200, model
    return int(page.context["cl"].result_count)


def test_an_admin_looks_everything_up_and_changes_nothing(open_case: OpenCase, house: House) -> None:
    case, kim = open_case(), signed_in("kim")
    assert [listed(kim, model) > 0 for model in (ExceptionCase, Notification, Timer)] == [True, True, True]
    assert listed(kim, Waiver) == 0
    for model in MODELS:
        assert kim.get(reverse(f"admin:exceptions_{model._meta.model_name}_add")).status_code == 403
    address = reverse("admin:exceptions_exceptioncase_change", args=[case.pk])
    assert f"/exceptions/{case.key}/" in kim.get(address).content.decode()
    assert kim.post(address, {"title": "Mine now"}).status_code == 403
    history = reverse("admin:exceptions_exceptioncase_history", args=[case.pk])
    assert "system:test" in kim.get(history).content.decode()


def test_somebody_of_another_client_finds_nothing_in_lists_pages_and_histories(
    open_case: OpenCase, house: House
) -> None:
    case, noor = open_case(), signed_in("noor")
    assert [listed(noor, model) for model in (ExceptionCase, Waiver, Notification)] == [0, 0, 0]
    assert noor.get(reverse("admin:exceptions_timer_changelist")).status_code in {302, 403}
    for page in ("change", "history"):
        answer = noor.get(reverse(f"admin:exceptions_exceptioncase_{page}", args=[case.pk]))
        assert answer.status_code in {302, 403, 404}, page
        assert case.title not in answer.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(
    open_case: OpenCase, house: House, count: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(count):
        open_case(n)
    kim = signed_in("kim")
    with django_assert_max_num_queries(16):
        assert listed(kim, ExceptionCase) == count


def test_a_playbook_is_checked_while_it_is_typed(house: House, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        kind = ExceptionType.objects.get(slug="address")
    address = reverse("admin:rules_exceptiontype_change", args=[kind.pk])
    kim = signed_in("kim")
    assert "order.correct_address" in kim.get(address).content.decode()
    form = kim.get(address).context["adminform"].form
    posted = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    wrong = kim.post(address, {**posted, "reason": "because", "playbook": '[{"label": "x", "kind": "dance"}]'})
    assert wrong.context["adminform"].form.errors["playbook"] == ["/0/kind: Choose one of do, record, check, decide."]
    right = kim.post(address, {**posted, "reason": "because", "playbook": '[{"label": "Ask", "kind": "record"}]'})
    assert right.status_code == 302
    kind.refresh_from_db()
    assert kind.playbook == [{"label": "Ask", "kind": "record"}]


def test_a_channel_that_cannot_be_used_is_explained_at_its_field_and_what_was_typed_stays(house: House) -> None:
    kim, add = signed_in("kim"), reverse("admin:exceptions_notificationchannel_add")
    owner = house.owners["ops-team"]
    given = {
        "owner": str(owner.pk),
        "kind": "pager",
        "name": "On call",
        "secret": "",
        "endpoint": "",
        "answers_secret": "",
    }
    wrong = kim.post(add, {**given, "secret": "routing-key", "endpoint": "http://10.0.0.1/", "answers_secret": "short"})
    assert (wrong.status_code, NotificationChannel.objects.exists()) == (200, False)
    assert list(wrong.context["adminform"].form.errors) == ["answers_secret"]
    assert 'value="On call"' in wrong.content.decode()
    inside = kim.post(add, {**given, "secret": "routing-key", "endpoint": "http://10.0.0.1/"})
    assert list(inside.context["adminform"].form.errors) == ["endpoint"]
    assert "routing-key" not in inside.content.decode()

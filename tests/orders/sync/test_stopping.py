"""What a system is told can be held back and let go on, and whether it can be reached is asked with one signed message."""

from datetime import timedelta

import pytest

from audit import clock
from audit.errors import Invalid
from audit.models import Event
from exceptions.models import ExceptionCase
from orders.sync import services
from orders.sync.models import OutboundMessage, System
from orders.sync.sandbox import Sandbox
from tests.cast import House
from tests.doors import signed_in
from tests.orders.sync.conftest import task

PLACE = "/systems/central/"


@pytest.fixture
def line(warehouse: System, house: House) -> None:
    """Two tasks of one order wait for the warehouse."""
    services.promise_many(promises=[task(warehouse, house, n) for n in (1, 2)], now=clock.now())


def told() -> list[str]:
    return list(OutboundMessage.objects.filter(state="sent").order_by("sent_at").values_list("key", flat=True))


def said(kind: str) -> list[str]:
    return list(Event.objects.filter(type=kind, subject_type="sync.system").values_list("actor", flat=True))


@pytest.mark.usefixtures("line")
def test_what_a_paused_system_is_to_be_told_waits_and_goes_out_in_order_once_it_is_resumed(house: House) -> None:
    lee, amal = signed_in(house.users["lee"]), signed_in(house.users["amal"])
    pause = {"seen": System.objects.get().version, "hours": "4", "reason": "They move their database"}
    assert amal.post(f"{PLACE}pause/", pause).status_code == 403
    assert lee.post(f"{PLACE}pause/", pause | {"reason": ""}).status_code == 422
    assert lee.post(f"{PLACE}pause/", pause).status_code == 302
    assert services.deliver_due(now=clock.now()) == 0
    page = lee.get(PLACE)
    assert (page.context["page"].line.waiting, page.context["page"].paused.reason) == (2, "They move their database")
    assert lee.post(f"{PLACE}pause/", pause | {"reason": "Once more"}).status_code == 409
    resume = {"seen": System.objects.get().version, "reason": "They are back"}
    assert lee.post(f"{PLACE}pause/", resume).status_code == 302
    assert [services.deliver_due(now=clock.now()) for _ in range(3)] == [1, 1, 0]
    assert told() == ["T-1/pick_pack/1", "T-2/pick_pack/1"]
    assert (said("system.paused"), said("system.resumed")) == ([f"user:{house.users['lee'].pk}"],) * 2


@pytest.mark.usefixtures("line")
def test_a_pause_ends_by_itself_and_not_after_a_week(house: House, warehouse: System) -> None:
    lee, now = house.actor("lee"), clock.now()
    with pytest.raises(Invalid, match="at most 7 days"):
        services.pause_system(slug="central", until=now + timedelta(days=8), reason="A long time", by=lee, now=now)
    services.pause_system(slug="central", until=now + timedelta(hours=1), reason="An hour", by=lee, now=now)
    OutboundMessage.objects.update(due_at=now - timedelta(hours=2))
    System.objects.filter(pk=warehouse.pk).update(paused_until=now - timedelta(seconds=1))
    assert services.deliver_due(now=clock.now()) == 1


def test_a_test_call_is_signed_says_what_came_back_and_is_not_made_twice_in_a_moment(
    house: House, warehouse: System, sandbox: Sandbox
) -> None:
    lee = signed_in(house.users["lee"])
    assert signed_in(house.users["amal"]).post(f"{PLACE}call/").status_code == 403
    assert "It answered: HTTP 200" in lee.post(f"{PLACE}call/", follow=True).content.decode()
    assert "It was called a moment ago" in lee.post(f"{PLACE}call/", follow=True).content.decode()
    assert sandbox.journal.summary()["executed"] == {}
    assert (said("system.called"), said("system.answered")) == ([f"user:{house.users['lee'].pk}"],) * 2
    services.revoke_credential(
        credential_id=warehouse.credentials.get().pk, reason="It leaked", by=house.actor("kim"), now=clock.now()
    )
    answer = services.call_system(slug="central", by=house.actor("lee"), now=clock.now() + timedelta(minutes=1))
    assert (answer.status, answer.accepted, OutboundMessage.objects.count()) == (401, False, 0)
    page = lee.get(PLACE).content.decode()
    assert ("HTTP 401" in page, "not signed" in page, "Proves nothing any more" in page) == (True, True, True)


@pytest.mark.usefixtures("line")
def test_a_systems_page_shows_what_failed_and_when_it_is_tried_again(house: House, sandbox: Sandbox) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.deliver_due(now=clock.now())
    page = signed_in(house.users["lee"]).get(PLACE)
    line = page.context["page"].line
    assert (line.new, line.again, line.given_up, line.next_at is not None) == (1, 1, 0, True)
    assert [one.error for one in page.context["page"].failures] == ["HTTP 500"]


@pytest.mark.usefixtures("line")
def test_who_answers_410_is_told_nothing_more_until_somebody_has_found_out_why(house: House, sandbox: Sandbox) -> None:
    sandbox.set_control({"orders": {"NW-1": "gone"}})
    assert services.deliver_due(now=clock.now()) == 0
    later = clock.now() + timedelta(minutes=1)
    assert (services.deliver_due(now=later), said("system.paused")) == (0, ["system:delivery"])
    case = ExceptionCase.objects.get(cause="central/gone")
    assert (case.type, case.title) == (
        "delivery-failure",
        "Central warehouse says that it wants to be told nothing more: HTTP 410",
    )
    sandbox.set_control({})
    services.resume_system(slug="central", reason="It had moved", by=house.actor("lee"), now=later)
    assert services.deliver_due(now=later) == 1

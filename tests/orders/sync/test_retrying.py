"""The route “retry” at the edges: each dead letter and each given-up message is tried again by itself once."""

import random
from datetime import datetime, timedelta

from audit import clock
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from orders.sync import services
from orders.sync.models import InboundEvent, OutboundMessage, System
from orders.sync.sandbox import Sandbox
from orders.sync.states import InboundState, OutboundState
from tests.cast import House
from tests.orders.sync.conftest import Send, stock, task


def settle(now: datetime) -> None:
    while exceptions.sweep_timers(now=now):
        pass


def route_of(case: ExceptionCase) -> datetime:
    due: datetime = Timer.objects.get(subject_id=str(case.pk), kind="case.route").due_at
    return due


def give_up(now: datetime) -> datetime:
    for _ in range(4):
        services.deliver_due(now=now, chance=random.Random(1))
        now += timedelta(minutes=1)
    return now


def test_what_was_given_up_is_sent_again_once_and_its_exception_goes_when_it_arrives(
    warehouse: System, house: House, sandbox: Sandbox
) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.promise(promise=task(warehouse, house), now=clock.now())
    give_up(clock.now())
    case = ExceptionCase.objects.get(type="delivery-failure")
    sandbox.set_control({})
    settle(route_of(case))
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts, message.more_attempts) == (OutboundState.PENDING, 3, 3)
    OutboundMessage.objects.update(due_at=clock.now())  # the receiver takes no signature of a later time
    assert services.deliver_due(now=clock.now()) == 1
    case.refresh_from_db()
    assert (OutboundMessage.objects.get().state, case.state) == (OutboundState.SENT, "withdrawn")


def test_what_fails_again_is_for_a_person(warehouse: System, house: House, sandbox: Sandbox) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.promise(promise=task(warehouse, house), now=clock.now())
    give_up(clock.now())
    case = ExceptionCase.objects.get(type="delivery-failure")
    settle(route_of(case))
    give_up(route_of(case))
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts) == (OutboundState.DEAD, 6)
    case.refresh_from_db()
    assert (case.state, case.occurrences) == ("open", 2)
    assert not Timer.objects.filter(subject_id=str(case.pk), kind="case.route", fired_at=None).exists()


def test_nothing_older_is_sent_after_something_newer(warehouse: System, house: House, sandbox: Sandbox) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.promise(promise=task(warehouse, house), now=clock.now())
    give_up(clock.now())
    case = ExceptionCase.objects.get(type="delivery-failure")
    sandbox.set_control({})
    services.promise(promise=task(warehouse, house, 2), now=clock.now())
    services.deliver_due(now=clock.now())
    settle(route_of(case))
    assert sorted(OutboundMessage.objects.values_list("state", flat=True)) == [OutboundState.DEAD, OutboundState.SENT]


def test_a_dead_letter_goes_through_the_same_door_again_once(send: Send, applied: list[str]) -> None:
    send(stock(sku="BROKEN"))
    services.apply_due(now=clock.now())
    case = ExceptionCase.objects.get(type="contract-violation")
    settle(route_of(case))
    letter = InboundEvent.objects.get()
    assert (letter.state, letter.replays) == (InboundState.NEW, 1)
    services.apply_due(now=route_of(case))  # it fails again, and opens anew for a person
    again = ExceptionCase.objects.live().get(type="contract-violation")
    settle(route_of(again))
    letter.refresh_from_db()
    assert (letter.state, letter.replays) == (InboundState.DEAD, 1)

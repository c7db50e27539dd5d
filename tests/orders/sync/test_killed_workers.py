"""Workers die and stall in the middle of sending: the message is sent again, takes effect once, and the newest claim has the last word."""

import os
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.postgres.functions import TransactionNow
from django.db import connections

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from audit.selectors.invariants import check_all
from exceptions.models import ExceptionCase
from orders.sync import services
from orders.sync.models import Attempt, OutboundMessage, System
from orders.sync.sandbox import Sandbox
from orders.sync.sandbox.server import _Handler as sandbox_handler
from orders.sync.services import delivering
from orders.sync.services.exchanging import Answer
from orders.sync.states import OutboundState
from tests.cast import House
from tests.orders.sync.conftest import task

LATER = delivering.LEASE + timedelta(seconds=30)


class Killed(BaseException):
    """What no handler catches, as no handler catches SIGKILL."""


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> str:
    """A message that ends every worker that sends it."""
    send = delivering._send

    def deadly(client: Any, message: OutboundMessage, *more: Any) -> Any:
        if message.key == "T-1/pick_pack/1":
            raise Killed
        return send(client, message, *more)

    monkeypatch.setattr(delivering, "_send", deadly)
    return "T-1/pick_pack/1"


def test_a_message_that_ends_every_worker_becomes_a_case_and_takes_nobody_with_it(
    warehouse: System, house: House, poison: str
) -> None:
    services.promise_many(promises=[task(warehouse, house, n, order=f"NW-{n}") for n in (1, 2, 3)], now=clock.now())
    now = clock.now()
    for _ in range(warehouse.max_attempts):
        with pytest.raises(Killed):
            services.deliver_due(now=now)
        services.deliver_due(now=now + timedelta(seconds=2))
        now += LATER
    assert services.deliver_due(now=now) == 0

    dead = OutboundMessage.objects.get(key=poison)
    assert (dead.state, dead.attempts, dead.lease_until) == (OutboundState.DEAD, 3, None)
    assert dead.last_error == "It ended the worker every time it was sent."
    case = ExceptionCase.objects.get()
    assert (case.type, case.subject_key) == ("delivery-failure", "central")
    assert Event.objects.filter(type="message.given_up", subject_id=str(dead.pk)).count() == 1
    others = OutboundMessage.objects.exclude(key=poison)
    assert [(one.state, one.attempts) for one in others] == [(OutboundState.SENT, 2)] * 2


def test_a_lowered_limit_gives_up_what_has_had_its_tries(
    warehouse: System, house: House, sandbox: Sandbox, system: Actor
) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.deliver_due(now=clock.now())
    with acting(system, at=clock.now()):
        System.objects.filter(pk=warehouse.pk).update(max_attempts=1)
    services.deliver_due(now=clock.now())
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts, message.last_error) == (OutboundState.DEAD, 1, "HTTP 500")


def test_a_pause_frees_what_a_killed_worker_held(warehouse: System, house: House, poison: str, system: Actor) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())
    with pytest.raises(Killed):
        services.deliver_due(now=clock.now())
    with acting(system, at=clock.now()):
        System.objects.filter(pk=warehouse.pk).update(is_active=False)
    assert services.deliver_due(now=clock.now() + LATER) == 0
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts, message.lease_until) == (OutboundState.PENDING, 1, None)


@pytest.mark.parametrize("lease", [None, timedelta(minutes=2)])
def test_a_claim_nobody_works_on_is_found(warehouse: System, house: House, lease: timedelta | None) -> None:
    """To the invariant it is the moment at which this test's transaction began, however long ago that is on a busy machine."""
    services.promise(promise=task(warehouse, house), now=clock.now())
    began = TransactionNow()
    OutboundMessage.objects.update(state=OutboundState.SENDING, lease_until=began - timedelta(seconds=30))
    assert [outcome.violations for outcome in check_all(only=["inv-36"])] == [0]
    OutboundMessage.objects.update(lease_until=began - lease if lease else None)
    assert [outcome.offenders for outcome in check_all(only=["inv-36"])] == [("T-1/pick_pack/1",)]


def test_a_stalled_worker_cannot_overwrite_what_the_next_one_achieved(
    warehouse: System, house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())
    send, claimed = delivering._send, threading.Event()

    def stalling(client: Any, message: OutboundMessage, *more: Any) -> Any:
        if claimed.is_set():
            return send(client, message, *more)
        claimed.set()
        return Answer(None, "no answer, long ago", "", 1, clock.now())

    finish = delivering._finish

    def too_late(results: Any, now: Any, chance: Any) -> int:
        if results[0][1].error:
            assert services.deliver_due(now=now + LATER) == 1
        return finish(results, now, chance)

    monkeypatch.setattr(delivering, "_send", stalling)
    monkeypatch.setattr(delivering, "_finish", too_late)
    assert services.deliver_due(now=clock.now()) == 0

    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts, message.last_error) == (OutboundState.SENT, 2, "")
    assert [(attempt.number, attempt.status) for attempt in Attempt.objects.all()] == [(2, 202)]
    assert ExceptionCase.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_waits_for_the_answer_sends_again_and_the_effect_is_one(
    warehouse: System, house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())
    dead = threading.Event()
    answer = sandbox_handler._answer
    monkeypatch.setattr(sandbox_handler, "_answer", lambda handler, *given: dead.wait(30) and answer(handler, *given))
    connections.close_all()
    worker = os.fork()
    if worker == 0:
        services.deliver_due(now=clock.now())
        os._exit(0)
    _until(lambda: sandbox.journal.summary()["executed"] == {"pick_pack": 1})
    os.kill(worker, signal.SIGKILL)
    assert os.waitpid(worker, 0)[1] == signal.SIGKILL
    dead.set()

    held = OutboundMessage.objects.get()
    assert (held.state, held.attempts) == (OutboundState.SENDING, 1)
    assert services.deliver_due(now=clock.now()) == 0
    assert services.deliver_due(now=clock.now() + LATER) == 1
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts) == (OutboundState.SENT, 2)
    assert [(attempt.number, attempt.status) for attempt in Attempt.objects.all()] == [(2, 200)]
    assert sandbox.journal.summary()["executed"] == {"pick_pack": 1}


def _until(holds: Any) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)

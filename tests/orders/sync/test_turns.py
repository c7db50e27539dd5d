"""Two senders of one subject at once: the inbox numbers their events in the order in which they can be seen."""

import threading

import pytest
from django.db import connections

from audit import clock
from audit.context import Actor, acting
from orders.sync import services
from orders.sync.envelopes import of_document
from orders.sync.models import InboundEvent, System
from tests.orders.sync.conftest import stock

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_later_event_of_a_subject_waits_until_the_earlier_one_can_be_seen(store: System, system: Actor) -> None:
    written, may_commit = threading.Event(), threading.Event()
    seen: list[str] = []

    def first() -> None:
        with acting(system, at=clock.now()):
            _receive(store, system, "e-1")
            written.set()
            may_commit.wait(20)
        connections.close_all()

    def second() -> None:
        written.wait(20)
        _receive(store, system, "e-2")
        seen.extend(InboundEvent.objects.order_by("number").values_list("event_id", flat=True))
        connections.close_all()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    written.wait(20)
    threads[1].join(timeout=0.5)
    waited = threads[1].is_alive()
    may_commit.set()
    for thread in threads:
        thread.join()
    assert (waited, seen) == (True, ["e-1", "e-2"])


def test_events_of_other_subjects_do_not_wait(store: System, system: Actor) -> None:
    def other() -> None:
        _receive(store, system, "e-2", sku="LAMP")
        connections.close_all()

    with acting(system, at=clock.now()):
        _receive(store, system, "e-1")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert InboundEvent.objects.count() == 2


def _receive(store: System, system: Actor, event_id: str, *, sku: str = "TENT") -> None:
    envelope = of_document(stock(event_id, sku=sku), now=clock.now())
    services.receive(system=store, envelopes=[envelope], by=system, now=clock.now())

"""Answers with 500, answers that never come, everything twice and in the wrong order, a fifth each: the end is the same as without."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import transaction

from audit.access import system_actor
from audit.context import acting
from exceptions.models import ExceptionCase
from exceptions.services import sweep_timers
from exceptions.states import CASE_LIVE
from orders.fulfilment.models import Order
from orders.sync.envelopes import Envelope, of_document
from orders.sync.models import Attempt, InboundEvent, OutboundMessage, System
from orders.sync.sandbox.behaviour import story
from orders.sync.services import apply_due, deliver_due, exchanging, receive
from orders.sync.states import InboundState, OutboundState
from rules.models import Client
from rules.states import Layer
from tests.cast import House
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY = system_actor("tests")
SYSTEMS = {"store": Layer.STORE, "wms": Layer.WMS, "vendor": Layer.VENDOR, "carrier": Layer.CARRIER}
SHARE, ROUNDS = 0.2, 60
TENT, KAYAK = make.line("TENT-2"), make.line("KAYAK-1", sku_type="drop_ship", vendor="kestrel")
BASKETS = [[TENT], [TENT], [KAYAK], [TENT, KAYAK], [make.line("GONE-1")], [TENT]]
BROKEN = {**make.BERLIN, "postcode": "1011"}


@dataclass
class World:
    """The other systems: each does a task once, whatever it is asked, and says so; `share` of everything goes wrong in each way."""

    share: float
    now: datetime = START
    executed: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    under_way: list[tuple[datetime, str, Envelope]] = field(default_factory=list)

    def unlucky(self, what: str) -> bool:
        """By the name alone, so that what is tried again may go well."""
        return int(hashlib.sha256(what.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF < self.share

    def take(self, request: httpx2.Request) -> httpx2.Response:
        key, system = request.headers["idempotency-key"], request.url.host.partition(".")[0]
        self.asked[key] += 1
        name = f"{key}#{self.asked[key]}"
        is_first = self.asked.total() == 1  # fails in any case: names differ from run to run, and so does chance
        if self.unlucky(f"500 {name}") or (self.share and is_first):
            return httpx2.Response(500, stream=httpx2.ByteStream(b""))
        if not self.executed[key]:
            self.executed[key] += 1
            self.speak(system, key, json.loads(request.content)["data"])
        if self.unlucky(f"silence {name}"):
            raise httpx2.ReadTimeout("the answer is lost, and the task is done")
        return httpx2.Response(202, stream=httpx2.ByteStream(b""))

    def speak(self, system: str, key: str, task: dict[str, Any]) -> None:
        for place, (kind, more) in enumerate(story(task, "")):
            at = self.now + timedelta(seconds=place + 1)
            data = {"task": task["task"], "order": task["order"], "at": at.isoformat(), **more}
            self.send(system, kind, f"{kind}/{key}", task["order"], data, at)

    def send(self, system: str, kind: str, name: str, subject: str, data: dict[str, Any], at: datetime) -> None:
        for time in range(2 if self.unlucky(f"twice {name}") else 1):
            late = timedelta(minutes=5 if self.unlucky(f"late {name} {time}") else 0)
            document = {"specversion": "1.0", "id": name, "source": f"/{system}", "type": kind, "subject": subject}
            told = {**document, "time": at.isoformat(), "data": {"client": "northwind", **data}}
            self.under_way.append((at + late, system, of_document(told, now=at)))


@contextmanager
def undone() -> Iterator[None]:
    """What happens here has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def play(world: World, client: Client) -> None:
    counted = {"sku": "TENT-2", "available": 10, "changed_at": world.now.isoformat()}
    world.send("wms", "stock.changed", "counted", "TENT-2", counted, world.now - timedelta(minutes=10))
    for number, basket in enumerate(BASKETS):
        total = sum(line["unit_minor"] for line in basket)
        placed = make.placed(
            client,
            world.now,
            order=f"S-{number}",
            lines=basket,
            total_minor=total,
            address=BROKEN if number == len(BASKETS) - 1 else make.BERLIN,
        )
        world.send("store", "order.placed", f"placed/{number}", placed.subject, dict(placed.data), world.now)
        paid = {"order": placed.subject, "amount_minor": total, "currency": "EUR", "captured_at": world.now.isoformat()}
        world.send("store", "payment.captured", f"paid/{number}", placed.subject, paid, world.now)
    for _ in range(ROUNDS):
        arrived = [one for one in world.under_way if one[0] <= world.now]
        world.under_way = [one for one in world.under_way if one[0] > world.now]
        for slug, system in {system.slug: system for system in System.objects.filter(slug__in=SYSTEMS)}.items():
            if told := [envelope for _, sender, envelope in arrived if sender == slug]:
                receive(system=system, envelopes=told, by=BY, now=world.now)
        while apply_due(now=world.now) or deliver_due(now=world.now):
            pass
        sweep_timers(now=world.now)
        world.now += timedelta(minutes=4)
        if not world.under_way and not OutboundMessage.objects.exclude(state=OutboundState.SENT).exists():
            return
    pytest.fail("it did not come to an end")


def ends() -> dict[str, Any]:
    """Where everything stands, without the keys that another run gives."""
    live = ExceptionCase.objects.filter(state__in=CASE_LIVE)
    return {
        order.number: {
            "state": order.state,
            "owner": order.owner.slug,
            "lines": list(order.lines.order_by("position").values_list("state", flat=True)),
            "parcels": sorted(order.fulfilments.values_list("vendor", "state")),
            "paid": sorted(str(amount) for amount in order.payments.values_list("amount", flat=True)),
            "exceptions": sorted(live.filter(subject_id=str(order.pk)).values_list("type", flat=True)),
        }
        for order in Order.objects.select_related("owner")
    }


@pytest.mark.django_db
def test_a_fifth_of_everything_going_wrong_ends_where_nothing_going_wrong_does(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting(BY, at=START):
        for slug, layer in SYSTEMS.items():
            System.objects.create(
                slug=slug,
                name=slug,
                layer=layer,
                base_url=f"https://{slug}.example/tasks" if slug != "store" else "",
                owner=house.owners["integrations"],
                max_attempts=20,
            )
    found = []
    for share in (0.0, SHARE):
        world = World(share)
        transport = httpx2.MockTransport(world.take)
        monkeypatch.setattr(exchanging, "client", lambda transport=transport: httpx2.Client(transport=transport))
        with undone():
            play(world, house.clients["northwind"])
            found.append(ends())
            assert broken() == []
            assert set(world.executed.values()) == {1}
            assert not InboundEvent.objects.exclude(state=InboundState.APPLIED).exists()
            assert Attempt.objects.exclude(error="").exists() == (share > 0)
    smooth, rough = found
    assert rough == smooth
    assert {one["state"] for one in smooth.values()} == {"delivered", "paid_no_stock", "address_invalid"}

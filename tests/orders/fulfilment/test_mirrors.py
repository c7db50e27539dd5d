"""CRM and billing keep a copy of every routed order: how soon they have it, and what they say on the basis of an old one (C01.6, C01.8)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from audit.context import Actor, acting
from audit.models import User
from exceptions.models import ExceptionCase
from orders.fulfilment.errors import StaleBase
from orders.fulfilment.models import Export, Order
from orders.fulfilment.selectors.exports import Position
from orders.fulfilment.services.basing import refuse_stale
from orders.fulfilment.services.feed import pull_exports
from orders.fulfilment.services.loading import load_dockets
from orders.sync import services
from orders.sync.envelopes import Envelope
from orders.sync.models import InboundEvent, OutboundMessage, System
from orders.sync.sandbox import Sandbox
from orders.sync.selectors import measured_lags, sync_lags
from rules.models import Client, Owner
from tests.factories import orders as make
from tests.orders.fulfilment.test_through_the_inbox import say

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Systems that are told without a wire between."""
    sandbox = Sandbox(port=0, key="a key", reply_to="http://127.0.0.1:9/", journal=tmp_path / "journal.db")

    @contextmanager
    def stream(_: Any, __: str, url: str, *, content: bytes, headers: dict[str, str]) -> Iterator[Any]:
        status = sandbox.take(url.rpartition("/")[2], headers["Idempotency-Key"], json.loads(content))
        yield SimpleNamespace(is_success=status < 300, status_code=status, headers={}, iter_raw=lambda _: iter(()))

    monkeypatch.setattr(httpx2.Client, "stream", stream)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def mirrors(northwind: Client, sandbox: Sandbox, system: Actor, now: datetime) -> dict[str, System]:
    """CRM and billing, which follow every order."""
    owner = Owner.objects.get(slug="finance-ops")
    with acting(system, at=now):
        return {
            slug: System.objects.create(
                slug=slug,
                name=slug.upper(),
                layer=slug,
                owner=owner,
                base_url=f"https://mirrors.example.com/{slug}",
                wants_exports=True,
            )
            for slug in ("crm", "billing")
        }


def known(sandbox: Sandbox, order: Order) -> dict[str, str]:
    return {system: copies[order.key]["status"] for system, copies in sandbox.journal.copies().items()}


def test_every_state_of_an_order_reaches_both_and_an_older_one_never_replaces_a_newer(
    mirrors: dict[str, System], sandbox: Sandbox, place: make.Place, tell: make.Tell, now: datetime
) -> None:
    order = place()
    services.deliver_due(now=now)
    assert known(sandbox, order) == {"billing": "in_fulfilment", "crm": "in_fulfilment"}
    older = OutboundMessage.objects.get(system=mirrors["crm"])
    for kind, state in (("shipment.handed_over", "shipped"), ("shipment.delivered", "delivered")):
        tell(kind, order.fulfilments.get().key)
        while services.deliver_due(now=now):
            pass
        assert known(sandbox, order) == {"billing": state, "crm": state}
    late = {"type": older.type, "data": older.payload, "changetoken": older.change_token}
    assert sandbox.take("crm", "again", late) == 202
    newest = Export.objects.filter(order=order).latest("number")
    copy = sandbox.journal.copies()["crm"][order.key]
    assert copy == {"status": "delivered", "token": newest.number, "sha256": newest.facts_hash}


def test_the_way_from_the_event_to_the_word_that_it_arrived_is_what_counts(
    mirrors: dict[str, System], place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        store = System.objects.create(slug="store", name="Store", layer="store", owner=mirrors["crm"].owner)
    order, by = (
        place(),
        Actor("integrator", "sync:store", "Store", permissions=frozenset({"sync.ingest"}), clients=None),
    )
    data = {"client": "northwind", "task": order.fulfilments.get().key, "at": now.isoformat()}
    heard = Envelope("p-1", "/store", "shipment.handed_over", now, data, order.number)
    services.receive(system=store, envelopes=[heard], by=by, now=now)
    services.apply_due(now=now + timedelta(minutes=3))
    message = OutboundMessage.objects.filter(system=mirrors["crm"]).latest("number")
    assert (message.caused_at, message.created_at) == (now, now + timedelta(minutes=3))
    services.deliver_due(now=now + timedelta(minutes=16))
    (crm,) = measured_lags([mirrors["crm"]], now=now + timedelta(minutes=17))
    assert (crm.told, crm.late, crm.is_late, round(crm.longest or 0) // 60) == (1, 1, True, 16)


def test_a_follower_that_stops_reading_the_feed_is_late_like_one_that_takes_nothing(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    user = User.objects.create_user("planner")
    owner = Owner.objects.get(slug="finance-ops")
    with acting(system, at=now):
        System.objects.create(slug="plan", name="Planner", layer="crm", owner=owner, wants_exports=True, reader=user)
    reader = Actor(
        "integrator", "token:1", "Planner", user.pk, permissions=frozenset({"orders.export_order"}), clients=None
    )

    def read(after: Position, at: datetime) -> Position:
        with acting(system, at=now):
            Export.objects.update(transaction=1)  # the transaction of the test counts as ended
        return pull_exports(after=after, limit=10, by=reader, now=at).end

    order = place()
    behind = read(Position(), now)
    assert sync_lags(now + timedelta(days=1)) == []
    tell("shipment.handed_over", order.fulfilments.get().key)
    read(Position(1, Export.objects.latest("number").number + 1), now)  # where nothing is, nobody can be
    quarter = now + timedelta(minutes=15)
    assert [(lag.system.slug, lag.since, lag.messages) for lag in sync_lags(quarter)] == [("plan", now, 1)]
    assert [services.watch_lag(now=quarter + timedelta(seconds=late)) for late in (0, 1)] == [0, 1]
    case = ExceptionCase.objects.get(type="sync-lag")
    assert (case.title, case.owner.slug) == ("Planner has not read its exports for 15 min", "finance-ops")
    read(read(behind, quarter), quarter)
    read(Position(), quarter)  # who reads again from the beginning has it all the same
    assert services.watch_lag(now=quarter + timedelta(hours=1)) == 0
    case.refresh_from_db()
    assert case.state == "withdrawn"


def test_what_a_mirror_says_on_the_basis_of_an_old_copy_is_refused_by_name_and_nothing_is_overwritten(
    mirrors: dict[str, System], place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    crm, order = mirrors["crm"], place()
    seen = Export.objects.get(order=order).number
    tell("shipment.handed_over", order.fulfilments.get().key)
    newest = Export.objects.filter(order=order).latest("number").number
    said: dict[str, Any] = {"order": order.number, "changed_at": now.isoformat(), "promised_at": "2026-12-24T12:00:00Z"}
    say(crm, "order.changed", order.number, now, based_on=seen, **said)
    letter = InboundEvent.objects.get(system=crm)
    assert letter.state == "dead"
    assert letter.cause == (
        f"It is based on export {seen} of {order.key}, and that is not the newest any more: read the order again and say it anew."
    )
    case = ExceptionCase.objects.get(type="contract-violation")
    assert (case.subject_key, case.owner.is_active, letter.cause in case.title) == ("crm order.changed", True, True)
    order.refresh_from_db()
    assert order.promised_at is None
    say(crm, "order.changed", order.number, now, based_on=newest, **said)
    order.refresh_from_db()
    assert order.promised_at is not None
    say(crm, "order.changed", "W-unknown", now, based_on=1, **{**said, "order": "W-unknown"})
    assert InboundEvent.objects.latest("number").cause.endswith("of something that is not known here yet.")

    # Of several together one that is refused takes nothing away from the next; of two that are right, the first counts.
    newest = Export.objects.filter(order=order).latest("number").number
    bases = (seen, newest, newest)
    heard = [replace(make.news("order.changed", order.client, order.number, now), based_on=base) for base in bases]
    with acting(system, at=now):
        (docket,) = load_dockets([order.pk])
    with pytest.raises(StaleBase) as stale:
        refuse_stale([(docket, one) for one in heard], [])
    assert set(stale.value.causes) == {("store", heard[0].event_id), ("store", heard[2].event_id)}

"""However a row of whatever record is written, the database keeps exactly one history row per change, with who did it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core import serializers
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.urls import reverse

from audit import folds
from audit.access import system_actor
from audit.context import Actor, acting
from audit.identifiers import uuid7
from audit.models import Accountable
from audit.models.fields import StateField
from audit.selectors.folding import fold_all
from audit.subject_refs import subject_ref
from exceptions.models import (
    ClientApproval,
    DefaultView,
    Delegation,
    Job,
    NotificationChannel,
    NotificationPreference,
    SavedView,
    Waiver,
)
from exceptions.services import open_case, rename_cause
from orders.fulfilment.models import (
    BundlePart,
    GiftCard,
    GoodsReceipt,
    Order,
    OrderBundle,
    OrderGift,
    Replenishment,
    SafetyStock,
    Shipment,
    Sku,
    StockLot,
)
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.fulfilment.services.unwinding import reroute
from orders.sync.models import Connector, Credential, System
from orders.sync.states import CredentialKind
from rules.admin.base import VersionedAdmin
from rules.models import (
    Absence,
    Calendar,
    Client,
    HoldRule,
    Holiday,
    ProductLine,
    RequestRule,
    Runbook,
    RunbookVersion,
    Team,
    TemporaryOwnership,
)
from rules.services import issue_api_token
from tests.api.world import build
from tests.cast import House, furnish
from tests.conftest import NOW, Stand, Standing
from tests.doors import signed_in
from tests.factories import orders as make

MAPPING = {"id": "payload.id", "subject": "payload.sku", "data": {"sku": "payload.sku"}}
Way = Callable[[Accountable], object]


@pytest.fixture(scope="module")
def furnished(stand: Stand) -> Standing:
    """The house with a day of work in it: at least one row of every record that has a history."""
    return stand("full house", lambda: _fill(furnish(by=system_actor("test"), now=NOW), system_actor("test"), NOW))


def _fill(house: House, by: Actor, now: datetime) -> None:
    northwind = house.clients["northwind"]
    order = _order(northwind, by, now)
    with acting(by, at=now):
        _goods(order)
    case = open_case(
        type="address",
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=northwind.pk,
        title="Address cannot be delivered to",
        cause="postcodes",
        by=by,
        now=now,
    )
    rename_cause(type="address", cause="postcodes", name="The list of postcodes is gone", by=by, now=now)
    build(house, order, case, by=by, now=now)
    _called_back(Order.objects.exclude(pk=order.pk).get(), by, now)
    with acting(by, at=now):
        _systems(house, now)
        _rules(house)
        _people(house, now)
        Job.objects.create(kind="case.note", actor=by.id, actor_name=by.name, total=1, queued_at=now)
    _token(house, by, now)


def _order(client: Client, by: Actor, now: datetime) -> Order:
    """One that is paid, beside one of which a part was cancelled, with stock for both."""
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    (order_id,) = place_orders(news=[make.placed(client, now)], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    paid = [
        make.news("payment.captured", client, name, now, captured_at=now.isoformat())
        for name in (order.number, "not yet known")
    ]
    take_news(news=paid, by=by, now=now)
    asked: dict[str, Any] = {"lines": [{"line": "1", "quantity": 1}]}
    take_news(news=[make.news("order.cancelled", client, _bought(client, by, now), now, **asked)], by=by, now=now)
    order.refresh_from_db()
    return order


def _goods(order: Order) -> None:
    lot = StockLot.objects.all()[0]
    GoodsReceipt.objects.create(item=lot.item, location=lot.location, quantity=1, received_at=NOW)
    safety = SafetyStock.objects.create(item=lot.item, location=lot.location, units=1)
    asked = {"key": "TENT-2 / main", "layer": "wms", "threshold": 1, "free": 0, "units": 1}
    Replenishment.objects.create(client=order.client, safety=safety, asked_at=NOW, due_at=NOW, **asked)
    together = {"client": order.client, "destination": "x", "placed_by": "user:1", "placed_at": NOW, "reason": "Twice"}
    Shipment.objects.create(**together)
    peg = Sku.objects.create(client=order.client, code="PEG-9")
    BundlePart.objects.create(bundle=lot.item.sku, part=peg)
    OrderBundle.objects.create(order=order, position=9, code="SET-1", quantity=1, unit_minor=100)
    GiftCard.objects.create(gift=OrderGift.objects.create(order=order, position=1, wrap="red"))


def _systems(house: House, now: datetime) -> None:
    shop = System.objects.get(slug="nw-shop")
    Credential.objects.create(system=shop, kind=CredentialKind.values[0], sealed="-", hint="1234", not_before=now)
    Connector.objects.create(slug="nw", name="Shop", system=shop, event_type="stock.changed", mapping=MAPPING)
    NotificationChannel.objects.create(owner=house.owners["amal"], kind="chat", name="Chat", sealed="-", hint="-")


def _token(house: House, by: Actor, now: datetime) -> None:
    issue_api_token(
        user=house.users["ivy"],
        label="Till",
        scopes=["orders.view_order"],
        clients=[house.clients["northwind"]],
        expires_at=now + timedelta(days=1),
        by=by,
        now=now,
    )


def _rules(house: House) -> None:
    somebody = house.owners["ops-team"]
    told = {"why": "Somebody looks first", "words": "Dear", "rule_owner": somebody}
    ProductLine.objects.create(
        client=house.clients["northwind"],
        slug="nw-tents",
        name="Tents",
        kind="line",
        predicate='channel == "tents"',
    )
    HoldRule.objects.create(slug="dear", name="Dear orders", predicate="total_minor > 1000000", **told)
    asked = {"kind": "cancel", "position": 1, "predicate": "amount > 1000.0", "answer": "ask", "owner": somebody}
    RequestRule.objects.create(slug="cancel-dear", name="Dear ones", **asked, **told)


def _people(house: House, now: datetime) -> None:
    amal, day = house.users["amal"], timedelta(days=1)
    owner, second, term = house.owners["amal"], house.owners["bo"], {"starts_at": now, "ends_at": now + day}
    Absence.objects.create(owner=owner, **term)
    TemporaryOwnership.objects.create(owner=owner, holder=second, reason="holidays", **term)
    Delegation.objects.create(delegator=house.owners["lee"], delegate=second, reason="away", **term)
    NotificationPreference.objects.create(user=amal)
    view = SavedView.objects.create(user=amal, page="mine", title="Late", query="due=overdue")
    DefaultView.objects.create(user=amal, page="mine", view=view)
    ClientApproval.objects.create(
        waiver=Waiver.objects.get(),
        client=house.clients["northwind"],
        contact="Jo",
        sent_at=now,
        expires_at=now + day,
    )
    proposed = {"covers": [], "proposed_by": "user:1", "proposed_at": now, "body": "-", "note": "-"}
    RunbookVersion.objects.create(runbook=Runbook.objects.all()[0], number=2, **proposed)
    Holiday.objects.get_or_create(calendar=Calendar.objects.get(slug="always"), on=now.date(), name="Day off")


def _called_back(order: Order, by: Actor, now: datetime) -> None:
    """A parcel of the order is sent another way."""
    parcel = order.fulfilments.order_by("key").exclude(state="cancelled")[0]
    confirmed = make.news("task.confirmed", order.client, parcel.key, now, task=parcel.key)
    take_news(news=[confirmed], by=by, now=now)
    reroute(order_id=order.pk, fulfilment=parcel.key, flow="vendor-drop-ship", reason="Too slow", by=by, now=now)


def _bought(client: Client, by: Actor, now: datetime) -> str:
    """The number of another order, paid for."""
    two = [make.line("TENT-2", 2)]
    (order_id,) = place_orders(news=[make.placed(client, now, lines=two, total_minor=19_800)], by=by, now=now)
    number = Order.objects.get(pk=order_id).number
    paid = make.news("payment.captured", client, number, now, amount_minor=19_800, currency="EUR")
    take_news(news=[paid], by=by, now=now)
    return number


def _raw(record: Accountable) -> None:
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(record._meta.db_table)
        cursor.execute(f"UPDATE {table} SET version = version + 1 WHERE id = %s", [record.pk])  # noqa: S608 -- our own table


def _loaddata(record: Accountable) -> None:
    record.version += 1
    for loaded in serializers.deserialize("json", serializers.serialize("json", [record])):
        loaded.save()


def _bulk_update(record: Accountable) -> None:
    record.version += 1
    type(record)._base_manager.bulk_update([record], ["version"])


WAYS: dict[str, Way] = {
    "save": lambda record: record.save(),
    "update": lambda record: type(record).objects.filter(pk=record.pk).update(created_at=F("created_at")),
    "F()": lambda record: type(record)._base_manager.filter(pk=record.pk).update(version=F("version") + 1),
    "bulk_update": _bulk_update,
    "raw SQL": _raw,
    "loaddata": _loaddata,
}
MODELS: list[type[Accountable]] = [model for model in apps.get_models() if issubclass(model, Accountable)]


def some(model: type[Accountable]) -> Accountable:
    record: Accountable | None = model._base_manager.order_by("pk").first()
    assert record is not None, f"The full house has no {model._meta.label}."
    return record


def written(model: type[Accountable], ids: list[Any], since: int = 0) -> list[tuple[Any, ...]]:
    rows = model.history.filter(id__in=ids, version__gt=since).order_by("id", "version")
    return list(
        rows.values_list("id", "version", "history_type", "history_actor", "history_change_reason", "history_date")
    )


@pytest.mark.parametrize("way", WAYS)
def test_one_history_row_per_change_of_any_record_with_who_did_it(house: House, now: datetime, way: str) -> None:
    lee, later = house.actor("lee"), now + timedelta(hours=1)
    for model in MODELS:
        record = some(model)
        before = record.version
        with acting(lee, at=later, reason="because"):
            WAYS[way](record)
        expected = [(record.pk, before + 1, "~", lee.id, "because", later)]
        assert written(model, [record.pk], before) == expected, model


def test_as_many_history_rows_as_new_rows_of_any_record(house: House, now: datetime) -> None:
    lee = house.actor("lee")
    for model in MODELS:
        twins = [_twin(some(model)) for _ in range(3)]
        _let_twins_live(model)
        with acting(lee, at=now, reason="because"):
            model._base_manager.bulk_create(twins)
        expected = [(twin.pk, 1, "+", lee.id, "because", now) for twin in sorted(twins, key=lambda twin: twin.pk)]
        assert written(model, [twin.pk for twin in twins]) == expected, model


def _twin(record: Accountable) -> Accountable:
    """What refers to itself does so as a twin, too."""
    own = uuid7()
    values = {field.attname: getattr(record, field.attname) for field in record._meta.concrete_fields}
    return type(record)(
        **{name: own if value == record.pk else value for name, value in values.items()} | {"version": 1}
    )


def _let_twins_live(model: type[Accountable]) -> None:
    """Inside the test's transaction, nothing but the key has to be unique."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, c.conname FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid"
            " AND c.contype IN ('u', 'x') WHERE i.indrelid = %s::regclass AND (i.indisunique OR i.indisexclusion)"
            " AND NOT i.indisprimary",
            [model._meta.db_table],
        )
        for index, constraint in cursor.fetchall():
            cursor.execute(
                f'ALTER TABLE {model._meta.db_table} DROP CONSTRAINT "{constraint}"'
                if constraint
                else f"DROP INDEX {index}"
            )


class Form(HTMLParser):
    """What a browser would send back of a page: its fields as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        name, value = known.get("name") or "", known.get("value") or ""
        if tag == "textarea":
            self._area, self.sent[name] = name, [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in known and self._select:
            self.sent.setdefault(self._select, []).append(value)
        elif tag == "input" and name and known.get("type") not in {"submit", "button"}:
            if known.get("type") not in {"checkbox", "radio"}:
                self.sent[name] = [value]
            elif "checked" in known:
                self.sent.setdefault(name, []).append(known.get("value") or "on")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[self._area][0] += data


def edited_in_the_admin() -> list[type[Accountable]]:
    return [model for model in MODELS if admin.site._registry.get(model) is not None]


def test_one_history_row_per_edit_in_the_admin_with_who_did_it(house: House) -> None:
    kim = signed_in(house.users["kim"])
    actor, written_to = house.actor("kim"), []
    for model in edited_in_the_admin():
        record = some(model)
        before = record.version
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[record.pk])
        page = kim.get(address)
        assert page.status_code == 200, model
        sent = Form(page.content.decode()).sent
        answer = kim.post(address, {**sent, "reason": "because"})
        rows = [row[1:5] for row in written(model, [record.pk], before)]
        if "seen_version" in sent:
            assert answer.status_code == 302, (model, answer.context and answer.context["errors"])
            assert rows == [(before + 1, "~", actor.id, "because")], model
            written_to.append(model._meta.label)
        else:
            assert (answer.status_code, rows) == (403, []), model
    editable = {model._meta.label for model in MODELS if isinstance(admin.site._registry.get(model), VersionedAdmin)}
    assert editable - set(written_to) == {"rules.ContractVersion"}  # published, and so for reading only
    assert len(written_to) >= 13


def test_a_set_of_rows_leaves_as_many_history_rows(house: House, now: datetime) -> None:
    lee = house.actor("lee")
    with acting(lee, at=now):
        Team.objects.bulk_create([Team(slug=f"t{n}", name=f"T{n}") for n in range(50)])
        Team.objects.filter(slug__regex=r"^t\d+$").update(name="Night")
    rows = Team.history.filter(slug__regex=r"^t\d+$", history_actor=lee.id)
    assert sorted(rows.values_list("name", "history_type")) == sorted(
        [(f"T{n}", "+") for n in range(50)] + [("Night", "~")] * 50
    )


@pytest.mark.parametrize("way", WAYS)
def test_nobody_writes_anonymously(house: House, way: str) -> None:
    for model in MODELS:
        record = some(model)
        before = record.version
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('handrail.actor', '', true)")
        with pytest.raises(DatabaseError, match="Nobody is acting"), transaction.atomic():
            WAYS[way](record)
        assert some(model).version == before


def test_a_version_that_is_not_the_next_is_refused(house: House, now: datetime) -> None:
    first, second = Team.objects.get(slug="support"), Team.objects.get(slug="support")
    with acting(house.actor("lee"), at=now):
        first.save()
        with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
            second.save()


def test_nothing_is_deleted(house: House, now: datetime) -> None:
    with acting(house.actor("lee"), at=now):
        for model in MODELS:
            table, kept = model._meta.db_table, model._base_manager.filter(pk=some(model).pk)
            with pytest.raises(DatabaseError, match=f"{table} refuses DELETE"), transaction.atomic():
                kept._raw_delete("default")
            assert kept.exists()


def test_history_keeps_no_index_but_that_of_the_record(db: None) -> None:
    tables = sorted(model.history.model._meta.db_table for model in apps.get_models() if issubclass(model, Accountable))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, split_part(indexdef, ' USING ', 2) FROM pg_indexes WHERE tablename = ANY(%s)", [tables]
        )
        found = sorted(cursor.fetchall())
    assert found == sorted((table, f"btree ({column})") for table in tables for column in ("history_id", "id"))


MACHINES = [model for model in MODELS if any(isinstance(field, StateField) for field in model._meta.fields)]
# States of rows that are no records: what of each the trail or the attempts tell, and what nothing else does.
TOLD_OF: dict[str, set[str]] = {
    "sync.inboundevent": {"dead", "discarded"},
    "sync.outboundmessage": {"sent", "dead"},
}
UNTOLD = {
    "exceptions.page": "all of it, in tests/exceptions/test_answers.py",
    "exceptions.jobitem": "how many came to what, when the job ends",
    "exceptions.notificationdelivery": "that a letter went out is no act",
}


def test_the_trail_tells_the_state_of_every_kind_of_record() -> None:
    told = {fold.name.removesuffix(".state") for fold in folds.registered()}
    machines = {model._meta.label_lower for model in MACHINES}
    stated = {
        model._meta.label_lower
        for model in apps.get_models()
        if not model.__name__.startswith("Historical")
        if any(field.name == "state" and field.choices for field in model._meta.fields)
    }
    assert stated == machines | TOLD_OF.keys() | UNTOLD.keys()
    assert stated - told == {"exceptions.notificationdelivery"}


@pytest.mark.parametrize("label", [*(model._meta.label_lower for model in MACHINES), *TOLD_OF])
def test_a_state_that_was_only_written_is_found(furnished: Standing, house: House, label: str) -> None:
    """Nothing in the database would let it be written there, so a copy stands in front of the table."""
    model: Any = apps.get_model(label)
    table = model._meta.db_table
    row = model._base_manager.order_by("pk").first()
    states = [value for value, _ in model._meta.get_field("state").choices if value != row.state]
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TEMP TABLE "{table}" AS SELECT * FROM "{table}"')  # noqa: S608 -- our own table
        before = _unlike(label)
        for state in (one for one in states if one in TOLD_OF.get(label, states)):
            cursor.execute(f'UPDATE "{table}" SET state = %s WHERE id = %s', [state, row.pk])  # noqa: S608
            assert [stored.split()[0] for _, stored, _ in _unlike(label) - before] == [state]


def _unlike(label: str) -> set[tuple[str, ...]]:
    (found,) = fold_all(only=[f"{label}.state"], shown=1_000)
    return set(found.first)

"""However a row is written, the database keeps exactly one history row per change, with who did it."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.apps import apps
from django.core import serializers
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F

from audit.context import Actor, acting
from audit.models import Accountable
from rules.models import Team
from tests.cast import House, furnish

Way = Callable[[Accountable], object]


@pytest.fixture
def house(db: None, system: Actor, now: datetime) -> House:
    return furnish(by=system, now=now)


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
    type(record).objects.bulk_update([record], ["version"])


WAYS: dict[str, Way] = {
    "save": lambda record: record.save(),
    "update": lambda record: type(record).objects.filter(pk=record.pk).update(created_at=F("created_at")),
    "F()": lambda record: type(record)._base_manager.filter(pk=record.pk).update(version=F("version") + 1),
    "bulk_update": _bulk_update,
    "raw SQL": _raw,
    "loaddata": _loaddata,
}
MODELS = [model for model in apps.get_models() if issubclass(model, Accountable)]


@pytest.mark.parametrize("way", WAYS)
def test_one_history_row_per_change_with_who_did_it(house: House, now: datetime, way: str) -> None:
    lee = house.actor("lee")
    seen = set()
    for model in MODELS:
        record = model._base_manager.first()
        if record is None:
            continue
        before = record.version
        with acting(lee, at=now, reason="because"):
            WAYS[way](record)
        written = record.history.filter(version__gt=before)
        facts = written.values_list("version", "history_type", "history_actor", "history_change_reason", "history_date")
        assert list(facts) == [(before + 1, "~", lee.id, "because", now)], model
        seen.add(model._meta.label)
    assert len(seen) >= 12


def test_a_set_of_rows_leaves_as_many_history_rows(house: House, now: datetime) -> None:
    lee = house.actor("lee")
    with acting(lee, at=now):
        Team.objects.bulk_create([Team(slug=f"t{n}", name=f"T{n}") for n in range(50)])
        Team.objects.filter(slug__startswith="t", slug__regex=r"^t\d+$").update(name="Night")
    rows = Team.history.filter(slug__regex=r"^t\d+$", history_actor=lee.id)
    assert sorted(rows.values_list("history_type").annotate(n=models.Count("pk"))) == [("+", 50), ("~", 50)]


@pytest.mark.parametrize("way", WAYS)
def test_nobody_writes_anonymously(house: House, way: str) -> None:
    record = Team.objects.get(slug="support")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('handrail.actor', '', true)")
    with pytest.raises(DatabaseError, match="Nobody is acting"), transaction.atomic():
        WAYS[way](record)
    assert Team.objects.get(slug="support").version == 1


def test_a_version_that_is_not_the_next_is_refused(house: House, now: datetime) -> None:
    first, second = Team.objects.get(slug="support"), Team.objects.get(slug="support")
    with acting(house.actor("lee"), at=now):
        first.save()
        with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
            second.save()


def test_nothing_is_deleted(house: House, now: datetime) -> None:
    with acting(house.actor("lee"), at=now):
        with pytest.raises(DatabaseError, match="rules_team refuses DELETE"), transaction.atomic():
            Team.objects.filter(slug="support")._raw_delete("default")
        assert Team.objects.filter(slug="support").exists()

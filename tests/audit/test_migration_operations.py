"""Neighbouring operations of a migration are one step."""

from itertools import pairwise

import pytest
from django.db import connection, models
from django.db.migrations import AddField, CreateModel, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from audit.migration_operations import AtOnce, at_once


def named(name: str, **fields: models.Field) -> CreateModel:
    return CreateModel(name, [("id", models.BigAutoField(primary_key=True)), *fields.items()])


@pytest.mark.django_db
def test_what_is_joined_makes_the_same_tables_and_takes_them_back() -> None:
    crate = named("Crate", depot=models.ForeignKey("bench.depot", models.CASCADE))
    changes = [AddField("crate", name, models.IntegerField(default=1)) for name in ("width", "height")]
    crane = AddField("truck", "crane", models.BooleanField(default=False))
    operations: list[Operation] = [
        named("Depot"),
        crate,
        RunSQL("SELECT 1", "SELECT 1"),
        named("Truck"),
        *changes,
        crane,
    ]
    joined = at_once(operations)
    assert [type(one) for one in joined] == [AtOnce, RunSQL, AtOnce]
    states = [ProjectState()]
    for one in joined:
        states.append(states[-1].clone())
        one.state_forwards("bench", states[-1])

    with connection.schema_editor() as editor:
        for one, (before, after) in zip(joined, pairwise(states), strict=True):
            one.database_forwards("bench", editor, before, after)
    there = set(connection.introspection.table_names())
    assert {"bench_depot", "bench_crate", "bench_truck"} <= there
    with connection.cursor() as cursor:
        columns = {one.name for one in connection.introspection.get_table_description(cursor, "bench_crate")}
        truck = {one.name for one in connection.introspection.get_table_description(cursor, "bench_truck")}
    assert (columns, truck) == ({"id", "depot_id", "width", "height"}, {"id", "crane"})

    with connection.schema_editor() as editor:
        for one, (before, after) in reversed(list(zip(joined, pairwise(states), strict=True))):
            one.database_backwards("bench", editor, after, before)
    assert there - set(connection.introspection.table_names()) == {"bench_depot", "bench_crate", "bench_truck"}

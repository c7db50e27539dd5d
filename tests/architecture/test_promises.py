"""What the database promises is what the models say, and what is recorded has its words."""

import ast
import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from audit import verbs
from audit.models import Accountable
from audit.triggers import ACCOUNTABLE, published_edges
from tests.architecture.source import all_sources

ACCOUNTABLE_MODELS = [model for model in apps.get_models() if issubclass(model, Accountable)]
WITH_EDGES = [model for model in ACCOUNTABLE_MODELS if published_edges(model)]


def _installed(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
        )
        return dict(cursor.fetchall())


@pytest.mark.parametrize("model", ACCOUNTABLE_MODELS, ids=lambda model: model._meta.label)
def test_every_accountable_model_has_its_guards_awake(db: None, model: type[Accountable]) -> None:
    triggers = getattr(model._meta, "triggers", [])
    expected = {trigger.get_pgid(model) for trigger in triggers}
    assert {type(trigger).__name__ for trigger in triggers} >= {type(trigger).__name__ for trigger in ACCOUNTABLE}
    assert len(expected) >= len(ACCOUNTABLE)
    installed = _installed(model._meta.db_table)
    assert expected - installed.keys() == set()
    assert {installed[name] for name in expected} == {"A"}


@pytest.mark.parametrize("model", ACCOUNTABLE_MODELS, ids=lambda model: model._meta.label)
def test_every_column_of_a_record_reaches_its_history(db: None, model: type[Accountable]) -> None:
    columns = {field.column for field in model._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_functiondef(tgfoid) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger_history%%'",
            [model._meta.db_table],
        )
        written = [set(re.findall(r'"(\w+)"', body)) for (body,) in cursor.fetchall()]
    tracked = {field.column for field in model.history.model.tracked_fields}
    assert tracked <= columns
    assert [tracked - names for names in written] == [set(), set()]


@pytest.mark.parametrize("model", WITH_EDGES, ids=lambda model: model._meta.label)
def test_the_database_knows_exactly_the_published_edges(db: None, model: type[Accountable]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_functiondef(tgfoid) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger_guard_update%%'",
            [model._meta.db_table],
        )
        (body,) = cursor.fetchone()
    edges = [pair for pairs in published_edges(model).values() for pair in pairs]
    assert sorted(re.findall(r"\('(\w+)', '(\w+)'\)", body)) == sorted(edges)


def test_some_models_have_edges() -> None:
    assert len(WITH_EDGES) >= 5


def test_no_migration_is_missing(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def _recorded_types() -> set[str]:
    """Every event type the program names in a call of `record`, in an `Entry` or a refusal."""
    found = set()
    for source in all_sources():
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[0]
            if name in {"record", "Entry"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


def test_every_recorded_event_has_its_sentence() -> None:
    recorded = _recorded_types()
    assert len(recorded) > 30
    assert sorted(name for name in recorded if not verbs.is_registered(name)) == []


def test_every_sentence_says_who() -> None:
    assert [name for name, sentence in verbs.registered().items() if "{actor}" not in sentence] == []
    assert [name for name in verbs.registered() if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name)] == []

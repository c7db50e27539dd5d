"""What the database does by itself: it writes history, guards states and versions, and refuses to forget.

The triggers are declared on models through django-pgtrigger, so `makemigrations` notices when a field or an edge changes without them.
Three things differ from its stock triggers, on purpose: no session variable switches them off (`pgtrigger.ignore` is a hole in a promise),
they are ENABLE ALWAYS (a superuser's `session_replication_role` does not silence them), and the history writer runs as its owner, so that
the application's role needs no right to write history.
"""

from functools import cache
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import models
from django_fsm import FSMFieldMixin
from pgtrigger import compiler

NOBODY_ACTS = """
    IF coalesce(current_setting('handrail.actor', true), '') = '' THEN
        RAISE EXCEPTION 'Nobody is acting on %: wrap the edge in audit.context.acting()', TG_TABLE_NAME USING ERRCODE = 'HR001';
    END IF;
"""
HISTORY_FACTS = {
    "history_date": "coalesce(nullif(current_setting('handrail.now', true), '')::timestamptz, clock_timestamp())",
    "history_user_id": "nullif(current_setting('handrail.user_id', true), '')::bigint",
    "history_change_reason": "nullif(current_setting('handrail.reason', true), '')",
    "history_actor": "current_setting('handrail.actor')",
    "history_request_id": "coalesce(current_setting('handrail.request_id', true), '')",
    "history_transaction": "pg_current_xact_id()::text::bigint",
}


class StrictTriggerSql(compiler.UpsertTriggerSql):
    """Trigger SQL without the ignore switch, always enabled. `ignore_func_name` carries the function's options instead."""

    def get_template(self) -> str:
        """Version 1; migrations refer to it, so a change needs a new class."""
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql {ignore_func_name};

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE PROCEDURE {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """

    def get_defaults(self, pgid: str) -> dict[str, str]:
        """As upstream, with no function options."""
        return {**super().get_defaults(pgid), "ignore_func_name": ""}


class StrictTrigger(pgtrigger.Trigger):
    """Base of our triggers; `options` are those of the function (e.g. SECURITY DEFINER)."""

    options = ""

    def compile(self, model: models.Model) -> compiler.Trigger:
        """The trigger as migrations keep it."""
        stock = super().compile(model)
        kwargs: dict[str, Any] = {**stock.sql.kwargs, "ignore_func_name": self.options}
        return compiler.Trigger(name=self.name, sql=StrictTriggerSql(**kwargs))


def _live(model: models.Model) -> Any:
    """The model as written, not the bare one migrations rebuild: only it knows its history and its edges."""
    return apps.get_model(model._meta.label)


class WriteHistory(StrictTrigger):
    """Copy every inserted or changed row into the model's history table, one statement for any number of rows."""

    level = pgtrigger.Statement
    when = pgtrigger.After
    options = "SECURITY DEFINER SET search_path = public, pg_temp"

    def __init__(self, operation: pgtrigger.Operation) -> None:
        insert = operation is pgtrigger.Insert
        self.sign = "+" if insert else "~"
        super().__init__(
            name="history_insert" if insert else "history_update",
            operation=operation,
            referencing=pgtrigger.Referencing(new="changed"),  # type: ignore[no-untyped-call]
        )

    def get_func(self, model: models.Model) -> str:
        """Column lists come from the model's own history model, so excluded fields stay out."""
        history = _live(model).history.model
        copied = [f'"{field.column}"' for field in history.tracked_fields]
        facts = {**HISTORY_FACTS, "history_type": f"'{self.sign}'"}
        return f"""
            {NOBODY_ACTS}
            INSERT INTO "{history._meta.db_table}" ({", ".join([*copied, *facts])})
            SELECT {", ".join([*copied, *facts.values()])} FROM changed;
            RETURN NULL;
        """  # noqa: S608 -- column and table names of our own models


class GuardUpdate(StrictTrigger):
    """Refuse a version that is not the next one, a changed primary key and a state change that is no published edge."""

    level = pgtrigger.Row
    when = pgtrigger.Before
    operation = pgtrigger.Update
    name = "guard_update"

    def get_func(self, model: models.Model) -> str:
        """Edges come from the model's FSM transitions."""
        edges = "".join(self._edge_guard(field, pairs) for field, pairs in published_edges(_live(model)).items())
        return f"""
            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN
                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version
                    USING ERRCODE = 'HR002';
            END IF;
            {edges}
            RETURN NEW;
        """

    @staticmethod
    def _edge_guard(field: str, pairs: list[tuple[str, str]]) -> str:
        listed = ", ".join(f"('{source}', '{target}')" for source, target in pairs)
        return f"""
            IF NEW.{field} IS DISTINCT FROM OLD.{field} AND (OLD.{field}, NEW.{field}) NOT IN ({listed}) THEN
                RAISE EXCEPTION '% %: no way from % to %', TG_TABLE_NAME, OLD.id, OLD.{field}, NEW.{field}
                    USING ERRCODE = 'HR003';
            END IF;
        """


class RefuseChange(StrictTrigger):
    """Refuse an operation altogether, for everyone: append-only and never-deleted tables."""

    level = pgtrigger.Statement
    when = pgtrigger.Before

    def get_func(self, model: models.Model) -> str:
        """The refusal names the table and the operation."""
        del model
        return "RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';"


@cache
def published_edges(model: type[models.Model]) -> dict[str, list[tuple[str, str]]]:
    """Per FSM field the sorted (source, target) pairs of its transitions, without those that stay where they are."""
    found: dict[str, list[tuple[str, str]]] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, FSMFieldMixin):
            pairs = {(str(edge.source), str(edge.target)) for edge in field.get_all_transitions(model)}
            found[field.name] = sorted(pair for pair in pairs if pair[0] != pair[1])
    return found


REFUSE_DELETE = RefuseChange(name="refuse_delete", operation=pgtrigger.Delete)
REFUSE_TRUNCATE = RefuseChange(name="refuse_truncate", operation=pgtrigger.Truncate)
APPEND_ONLY: list[pgtrigger.Trigger] = [
    RefuseChange(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    REFUSE_TRUNCATE,
]
ACCOUNTABLE: list[pgtrigger.Trigger] = [
    WriteHistory(pgtrigger.Insert),
    WriteHistory(pgtrigger.Update),
    GuardUpdate(),
    REFUSE_DELETE,
]

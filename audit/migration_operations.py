"""Operations of migrations that Django and django-pgtrigger do not have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation
from django.db.migrations.operations.special import RunSQL, SeparateDatabaseAndState
from django.db.migrations.state import ProjectState


class InstallTriggers(Operation):
    """Install the triggers that stand in the options of newly created models.

    `AddTrigger` renders the state of all related models once more for each trigger, which is most of a first migration's time.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, models: Sequence[str]) -> None:
        self.models = models

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models were created with their triggers."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """One statement for each trigger."""
        del from_state
        for model in self.models:
            for trigger in to_state.models[app_label, model].options["triggers"]:
                schema_editor.execute(trigger.install_sql, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """They go with their tables."""

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Install the triggers of {', '.join(self.models)}"

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """As the writer of migrations wants it."""
        return self.__class__.__name__, [], {"models": self.models}


DROP_INDEXES_OF_HISTORY = """
    DO $$ DECLARE one regclass; BEGIN
        FOR one IN
            SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            JOIN pg_attribute a ON (a.attrelid, a.attnum) = (t.oid, i.indkey[0])
            WHERE t.relnamespace = current_schema::regnamespace AND starts_with(t.relname, '{app_label}_historical')
              AND NOT i.indisprimary AND a.attname <> 'id'
        LOOP
            EXECUTE 'DROP INDEX ' || one;
        END LOOP;
    END $$
"""


def history_by_record_only(app_label: str, operations: Sequence[Operation]) -> list[Operation]:
    """The operations say of an app's history tables which indexes they lose; one statement drops them, where Django looks for each."""
    drop = RunSQL(DROP_INDEXES_OF_HISTORY.format(app_label=app_label), RunSQL.noop)
    return [SeparateDatabaseAndState(database_operations=[drop], state_operations=at_once(operations))]


OF_MODELS = (CreateModel, FieldOperation, IndexOperation)  # triggers are added and removed as indexes are
WITH_TABLE = (AddField, AddIndex, AddConstraint)


class AtOnce(Operation):
    """Operations in one step. One after the other, Django renders the state of all related models once more for each of them.

    Each sees the models before the first and after the last of them, so none may change what another has made or changed; what is
    added to a model that is created here comes with its table.
    """

    reversible = True

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        created = {one.name_lower for one in operations if isinstance(one, CreateModel)}
        self._steps = [
            one for one in operations if not (isinstance(one, WITH_TABLE) and one.model_name_lower in created)
        ]

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """What was rendered without them is forgotten, so that nothing is rendered until all of them are there."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """In their order."""
        for operation in self._steps:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """What came last goes first."""
        for operation in reversed(self._steps):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return "; ".join(operation.describe() for operation in self.operations)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """As the writer of migrations wants it."""
        return self.__class__.__name__, [], {"operations": self.operations}


def at_once(operations: Sequence[Operation]) -> list[Operation]:
    """The same operations, with neighbours that create or change models in one step."""
    joined: list[Operation] = []
    for is_of_models, group in groupby(operations, key=lambda one: isinstance(one, OF_MODELS)):
        alike = list(group)
        joined += [AtOnce(alike)] if is_of_models else alike
    return joined

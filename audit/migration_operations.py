"""Operations of migrations that Django and django-pgtrigger do not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
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

"""Operations of migrations that Django and django-pgtrigger do not have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
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


class CreateModels(Operation):
    """Create models in one step. One after the other, Django renders the state of all related models once more for each of them."""

    reversible = True

    def __init__(self, creations: Sequence[CreateModel]) -> None:
        self.creations = creations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """What was rendered without them is forgotten, so that nothing is rendered until all of them are there."""
        state.__dict__.pop("apps", None)
        for creation in self.creations:
            creation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Table by table."""
        for creation in self.creations:
            creation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Those that came last go first."""
        for creation in reversed(self.creations):
            creation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """What `migrate --plan` says."""
        return f"Create {', '.join(creation.name for creation in self.creations)}"

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """As the writer of migrations wants it."""
        return self.__class__.__name__, [], {"creations": self.creations}


def at_once(operations: Sequence[Operation]) -> list[Operation]:
    """The same operations, with what creates models one after the other in one step."""
    joined: list[Operation] = []
    for creates, group in groupby(operations, key=lambda one: isinstance(one, CreateModel)):
        alike: list[Any] = list(group)
        joined += [CreateModels(alike)] if creates else alike
    return joined

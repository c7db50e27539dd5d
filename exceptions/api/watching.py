"""Being told what happens to an exception, and taking back what one has just done to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from exceptions import serializers, services
from exceptions.api.cases import CaseAct


class Watch(CaseAct):
    """Be told what happens to an exception."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Watch it."""
        services.watch_case(case_id=record.pk, by=self.by, now=now, **given)


class Unwatch(CaseAct):
    """Be told no more of an exception that is not yours."""

    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Watch it no more."""
        services.unwatch_case(case_id=record.pk, by=self.by, now=now, **given)


class Undo(CaseAct):
    """Take back what one has just done to an exception, while nothing has happened since."""

    input_class = serializers.UndoInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it back."""
        services.undo_act(case_id=record.pk, by=self.by, now=now, **given)

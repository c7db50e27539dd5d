"""Kinds of columns the models of every app share."""

from typing import Any

from django_fsm import FSMField


class StateField(FSMField):
    """A state that nothing but a transition changes; to migrations it is the characters it is kept as.

    Migrating renders every model many times over, and every rendered `FSMField` listens to each class that is made after it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"protected": True, **kwargs})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As a column of characters."""
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs

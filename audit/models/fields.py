"""Kinds of columns the models of every app share."""

from typing import Any

from django.db import models
from django_fsm import FSMField


class StateField(FSMField):
    """A state that nothing but a transition changes; to migrations it is the characters it is kept as.

    Migrating renders every model many times over, and every rendered `FSMField` listens to each class that is made after it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"protected": True, **kwargs})

    def get_state(self, instance: models.Model) -> Any:
        """As upstream, which makes an object to ask with at every look; states are looked at a hundred times while an order comes in."""
        known = vars(instance)
        return known[self.name] if self.name in known else super().get_state(instance)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As a column of characters."""
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs

"""What the forms share: how fields look, and moments."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

INPUT = {"class": "input"}
MOMENT = "%Y-%m-%dT%H:%M"
# What is typed here is kept nowhere but where it is sent to.
PRIVATE = {**INPUT, "data-private": True}
AREA = {"class": "input", "rows": 3}


class MomentField(forms.DateTimeField):
    """A moment in the reader's zone, to the minute."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput({**INPUT, "type": "datetime-local"}, format=MOMENT)
        super().__init__(widget=widget, input_formats=[MOMENT, f"{MOMENT}:%S"], **kwargs)


def in_words(choices: Iterable[tuple[Any, str]]) -> list[tuple[Any, Any]]:
    """Choices whose labels the domain says in English, in the language of the page that shows them."""
    return [(value, gettext_lazy(label)) for value, label in choices]

"""What the forms share: how fields look, and moments."""

from typing import Any

from django import forms

INPUT = {"class": "input"}
MOMENT = "%Y-%m-%dT%H:%M"
AREA = {"class": "input", "rows": 3}


class MomentField(forms.DateTimeField):
    """A moment in the reader's zone, to the minute."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput({**INPUT, "type": "datetime-local"}, format=MOMENT)
        super().__init__(widget=widget, input_formats=[MOMENT, f"{MOMENT}:%S"], **kwargs)

"""What those who answer for a contract fill in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.texts import LONGEST_REASON, SHORTEST_REASON

INPUT = {"class": "input"}
LONGEST_TEXT = 10_000
LONGEST_SCHEMA = 200_000


class ContractForm(forms.Form):
    """A change of what is there; `seen` is the version that was looked at."""

    seen = forms.IntegerField(widget=forms.HiddenInput)


class TextForm(ContractForm):
    """What is said of it."""

    text = forms.CharField(
        min_length=SHORTEST_REASON, max_length=LONGEST_TEXT, widget=forms.Textarea({**INPUT, "rows": 8})
    )

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = label


class VersionForm(ContractForm):
    """Which version, and why."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"), min_length=SHORTEST_REASON, max_length=LONGEST_REASON, widget=forms.TextInput(INPUT)
    )


class DraftForm(forms.Form):
    """The next version."""

    schema = forms.JSONField(
        label=_("JSON Schema 2020-12"),
        max_length=LONGEST_SCHEMA,
        widget=forms.Textarea({"class": "input text", "rows": 20, "spellcheck": "false"}),
    )
    pii = forms.CharField(
        label=_("What is personal in it"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_("One JSON pointer a line, * for every element: /lines/*/note"),
        widget=forms.Textarea({**INPUT, "rows": 4}),
    )

    def clean_pii(self) -> list[str]:
        """The pointers."""
        return [line.strip() for line in self.cleaned_data["pii"].splitlines() if line.strip()]

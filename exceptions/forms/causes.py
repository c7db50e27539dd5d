"""What is filled in about shared causes."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.texts import LONGEST_REASON, SHORTEST_REASON
from exceptions.forms.fields import INPUT
from exceptions.services.causes import LONGEST_NAME


class RenameCauseForm(forms.Form):
    """How people call it."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput({**INPUT, "autofocus": True}),
        help_text=_(
            "In the queues, on its page, in letters and calls, and in postmortems. Whoever has an exception of this cause reads it, "
            "of whatever client: name none of them. Left empty, it is called as the sources tell it."
        ),
    )


def _reason() -> forms.CharField:
    return forms.CharField(
        label=_("Reason"), min_length=SHORTEST_REASON, max_length=LONGEST_REASON, widget=forms.TextInput(INPUT)
    )


class MergeCauseForm(forms.Form):
    """Which other cause it is the same as, and why."""

    into = forms.ChoiceField(label=_("Into"), widget=forms.Select(INPUT))
    reason = _reason()

    def __init__(self, *args: Any, others: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].choices = [("", _("Choose…")), *others]  # type: ignore[attr-defined]


class SplitCauseForm(forms.Form):
    """What the new cause is called, and why it is one."""

    name = forms.CharField(
        label=_("Name of the new cause"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({**INPUT, "autofocus": True}),
        help_text=_("Whoever has an exception of it reads it, of whatever client: name none of them."),
    )
    reason = _reason()

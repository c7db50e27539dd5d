"""What is typed when a flow goes live, or is paused."""

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.texts import LONGEST_REASON, SHORTEST_REASON


class WhyForm(forms.Form):
    """Why; `seen` is the version that was looked at."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.TextInput({"class": "input"}),
        help_text=_("It is kept in the trail."),
    )

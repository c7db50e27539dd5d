"""What is typed when a flow goes live, or a flow or a system is paused."""

from datetime import datetime, timedelta

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


class PauseForm(WhyForm):
    """For how long, and why."""

    hours = forms.TypedChoiceField(
        label=_("For how long"),
        coerce=int,
        choices=[(1, _("1 hour")), (4, _("4 hours")), (24, _("1 day")), (72, _("3 days")), (168, _("7 days"))],
        initial=1,
        widget=forms.Select({"class": "input"}),
        help_text=_("It goes on by itself then. It can be resumed at any time before."),
    )
    field_order = ("hours", "reason", "seen")

    def until(self, now: datetime) -> datetime:
        """The moment chosen."""
        return now + timedelta(hours=self.cleaned_data["hours"])

"""What people set for themselves."""

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.models.users import AfterAct, Density, Theme
from exceptions.forms.fields import in_words


class DisplayForm(forms.Form):
    """How pages look, and what follows a finished exception."""

    theme = forms.ChoiceField(
        label=_("Colours"), required=False, choices=in_words(Theme.choices), widget=forms.RadioSelect
    )
    density = forms.ChoiceField(
        label=_("Lists"),
        required=False,
        choices=in_words(Density.choices),
        widget=forms.RadioSelect,
        help_text=_("Compact shows more rows at once."),
    )
    after_act = forms.ChoiceField(
        label=_("After resolving an exception, show"),
        required=False,
        choices=in_words(AfterAct.choices),
        widget=forms.RadioSelect,
        help_text=_("The list is the one you came from, else your own queue."),
    )

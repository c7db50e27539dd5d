"""What people say about customers and orders: the same, not the same, another one after all."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.forms.fields import INPUT, why_field


class BecauseForm(forms.Form):
    """Why."""

    reason = why_field(_("Reason"), _("How you know: it is kept in the trail. Name nobody."))


class MergeForm(BecauseForm):
    """The customer that is the same and stays."""

    into = forms.CharField(
        label=_("Same as"),
        max_length=40,
        widget=forms.TextInput({**INPUT, "autocomplete": "off"}),
        help_text=_("The key of the customer that stays, such as CU-104233."),
    )
    field_order = ("into", "reason")

    def clean_into(self) -> str:
        """A key as it is written."""
        return str(self.cleaned_data["into"]).strip().upper()


class SameOrderForm(BecauseForm):
    """The order that is the same and stays."""

    into = forms.CharField(
        label=_("Which order is the same and stays"),
        max_length=120,
        widget=forms.TextInput({**INPUT, "autocomplete": "off"}),
        help_text=_("Its key, its number, or what a system calls it."),
    )
    field_order = ("into", "reason")


class PairForm(BecauseForm):
    """Which of the two stays, or that they are not the same."""

    answer = forms.CharField(label=_("Are they the same?"), max_length=40, widget=forms.RadioSelect)
    field_order = ("answer", "reason")

    def __init__(self, *args: Any, one: str, other: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget: Any = self.fields["answer"].widget
        widget.choices = [
            (one, _("The same: %(key)s stays") % {"key": one}),
            (other, _("The same: %(key)s stays") % {"key": other}),
            ("apart", _("Not the same")),
        ]

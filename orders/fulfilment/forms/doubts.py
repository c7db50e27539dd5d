"""What somebody doubts of an order, and that it was made sure of."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.words import in_words
from orders.fulfilment.decisions.doubts import DOUBTS
from orders.fulfilment.forms.fields import INPUT, why_field
from orders.fulfilment.selectors.contents import LineFacts
from orders.fulfilment.selectors.doubts import DoubtFacts


class QuarantineForm(forms.Form):
    """What is in doubt, of which line where it is one, and why."""

    doubts = forms.MultipleChoiceField(label=_("What is in doubt"), widget=forms.CheckboxSelectMultiple)
    line = forms.TypedChoiceField(
        label=_("Line"), required=False, coerce=int, empty_value=None, widget=forms.Select(INPUT)
    )
    reason = why_field(help_text=_("Whoever resubmits it reads this, and it is kept in the trail."))
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, lines: Sequence[LineFacts], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doubts"].choices = [(name, in_words(one.label)) for name, one in DOUBTS.items()]  # type: ignore[attr-defined]
        of_lines = [(str(one.position), f"{one.position}: {one.quantity} x {one.sku}") for one in lines]
        self.fields["line"].choices = [("", _("The whole order")), *of_lines]  # type: ignore[attr-defined]


class ConfirmForm(forms.Form):
    """Of each thing in doubt, that it is right now; and how that is known."""

    reason = why_field(_("Reason"), _("How you know: it is kept in the trail."))
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, doubt: DoubtFacts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doubted = {field.name: field for field in doubt.fields}
        for name, field in self.doubted.items():
            self.fields[name] = forms.BooleanField(
                label=in_words(field.label), required=False, help_text=in_words(field.look)
            )

    @property
    def rows(self) -> list[tuple[forms.BoundField, str]]:
        """Each thing in doubt, with the field that is set by hand to put it right."""
        return [(self[name], field.override) for name, field in self.doubted.items()]

    def confirmed(self) -> list[str]:
        """What was made sure of."""
        return [name for name in self.doubted if self.cleaned_data[name]]

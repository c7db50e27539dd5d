"""What somebody says about which lines go in one parcel."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.forms.fields import why_field
from orders.fulfilment.selectors.contents import LineFacts, ParcelFacts

TOGETHER: Final = "together"
WAYS: Final = (
    (TOGETHER, _("These lines go in one parcel of their own")),
    ("by-rule", _("Everything is packed as the rules plan it")),
)


class PackForm(forms.Form):
    """Which lines go in one parcel of their own; or all as the rules plan it."""

    how = forms.ChoiceField(label=_("How it is packed"), choices=WAYS, initial=TOGETHER, widget=forms.RadioSelect)
    lines = forms.MultipleChoiceField(
        label=_("Lines"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Not needed when everything is packed as the rules plan it."),
    )
    reason = why_field()

    def __init__(self, *args: Any, lines: Iterable[LineFacts], parcels: Sequence[ParcelFacts], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inside = {one.line: parcel.key for parcel in parcels if parcel.state != "cancelled" for one in parcel.contents}
        self.fields["lines"].choices = [  # type: ignore[attr-defined]
            (str(one.position), f"{one.quantity} x {one.sku}: {inside.get(one.position, one.state_label)}")
            for one in lines
        ]

    def clean(self) -> dict[str, Any]:
        """A parcel of no lines is none."""
        given = super().clean() or {}
        if given.get("how") == TOGETHER and not given.get("lines") and "lines" not in self.errors:
            self.add_error("lines", _("Choose at least one line."))
        return given

    def chosen(self) -> list[int]:
        """The positions of the lines; none for as the rules plan it."""
        return [int(one) for one in self.cleaned_data["lines"]] if self.cleaned_data["how"] == TOGETHER else []

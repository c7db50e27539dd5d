"""What is in a bundle, as people write it down."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.decisions.bundles import Part
from orders.fulfilment.forms.fields import why_field

INPUT = {"class": "input"}


class PartsForm(forms.Form):
    """One part a line, and why it changes."""

    parts = forms.CharField(
        label=_("What is in it"),
        required=False,
        max_length=8_000,
        widget=forms.Textarea({**INPUT, "rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "One part a line: how many of it, then its code, for example 2 PEG-9. A third number says what one of it counts when the "
            "price is divided; without it, one. Leave all of it empty for a product that is no bundle."
        ),
    )
    reason = why_field()

    def clean_parts(self) -> list[Part]:
        """The parts that are meant."""
        return [_read(line) for line in self.cleaned_data["parts"].splitlines() if line.strip()]


def written(parts: Iterable[Part]) -> dict[str, Any]:
    """The parts as the form shows them."""
    rows = [f"{one.quantity} {one.sku}{f' {one.price_share}' if one.price_share != 1 else ''}" for one in parts]
    return {"parts": "\n".join(rows)}


def _read(line: str) -> Part:
    units, _space, rest = line.strip().partition(" ")
    code, _gap, share = rest.strip().rpartition(" ")
    if not (code and share.isdecimal()):
        code, share = rest.strip(), "1"
    if not (units.isdecimal() and code):
        raise forms.ValidationError(_now("“%(line)s”: say how many, then the code.") % {"line": line.strip()[:80]})
    return Part(code, int(units), int(share))

"""Why parcels go together, or apart again."""

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.forms.fields import why_field


class WhyForm(forms.Form):
    """Why."""

    reason = why_field()


class TogetherForm(WhyForm):
    """Which parcels go together, and why; those that could are chosen beforehand."""

    parcels = forms.CharField(
        label=_("Parcels"),
        max_length=2_000,
        widget=forms.TextInput({"class": "input"}),
        help_text=_("Their keys, with spaces between: of one buyer, to one address, from one place."),
    )
    field_order = ("parcels", "reason")

    def clean_parcels(self) -> list[str]:
        """Their keys."""
        return list(dict.fromkeys(str(self.cleaned_data["parcels"]).replace(",", " ").split()))

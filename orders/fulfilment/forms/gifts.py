"""What of an order is given to somebody, as people write it down."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.decisions.gifts import LONGEST_MESSAGE, LONGEST_WRAP, Gift
from orders.fulfilment.forms.fields import INPUT, PRIVATE, why_field
from orders.fulfilment.selectors.destinations import MASK, GiftFacts

ADDRESS: Final = {
    "name": _("Name"),
    "company_name": _("Company"),
    "street_address": _("Street"),
    "postal_code": _("Postal code"),
    "city": _("Town"),
    "country_area": _("State or region"),
    "country_code": _("Country, two letters"),
}
HIDDEN: Final = _("Hidden. Leave it empty to keep it.")


class GiftForm(forms.Form):
    """The card, the wrapping and the address of a gift; what this person may not see stays as it is where it is left empty."""

    is_gift = forms.BooleanField(
        label=_("It is a gift: no prices in its parcel"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput({"class": "check"}),
    )
    message = forms.CharField(
        label=_("Message for the card"),
        required=False,
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea({**PRIVATE, "rows": 3}),
        help_text=_("Personal: only whoever packs it reads it."),
    )
    wrap = forms.CharField(
        label=_("Wrapping"),
        required=False,
        max_length=LONGEST_WRAP,
        widget=forms.TextInput(INPUT),
        help_text=_("What the shop calls it, for example red paper. Leave it empty for none."),
    )
    reason = why_field()
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, gift: GiftFacts | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known: dict[str, str] = {} if gift is None else {"message": gift.message, "wrap": gift.wrap, **gift.address}
        self.masked = {name for name, value in known.items() if value == MASK}
        for name, label in ADDRESS.items():
            widget = forms.Textarea({**PRIVATE, "rows": 2}) if name == "street_address" else forms.TextInput(PRIVATE)
            self.fields[name] = forms.CharField(label=label, required=False, max_length=200, widget=widget)
        for name in self.masked & self.fields.keys():
            self.fields[name].help_text = HIDDEN
        self.initial = {**self.initial, **{name: known[name] for name in known.keys() - self.masked}}

    @property
    def address_fields(self) -> list[forms.BoundField]:
        """Where it goes."""
        return [self[name] for name in ADDRESS]

    def gift(self) -> Gift | None:
        """What was filled in; None for no gift."""
        given = self.cleaned_data
        if not given["is_gift"]:
            return None
        address = {name: given[name] for name in ADDRESS if given[name]}
        keeps_message = "message" in self.masked and not given["message"]
        keeps_address = bool(self.masked & ADDRESS.keys()) and not self.masked & address.keys()
        return Gift(None if keeps_message else given["message"], given["wrap"], None if keeps_address else address)

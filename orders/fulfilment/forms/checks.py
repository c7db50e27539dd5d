"""Forms of whoever packs: what was found, who took the parcel, and what is known of a product."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.selectors.checks import CheckFacts
from rules.states import CheckKind, PhotoRule

INPUT = {"class": "input"}
# What a scanner types is neither corrected nor offered again.
SCANNED = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "enterkeyhint": "send"}
PHOTO_WORDS = {
    PhotoRule.OPTIONAL: _("It may be added."),
    PhotoRule.REQUIRED: _("It has to be added."),
    PhotoRule.INSTEAD: _("It is enough, instead of scanning: show everything that is in the parcel."),
}


class CheckForm(forms.Form):
    """What was found, by the kind of the check. What is missing is said by the door, which knows what is expected."""

    def __init__(self, *args: Any, check: CheckFacts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check = check
        self.fields["check"] = forms.CharField(widget=forms.HiddenInput, initial=check.slug, required=False)
        self.fields |= FIELDS_OF_CHECK[CheckKind(check.kind)](check)
        self.fields["photo"] = forms.FileField(
            label=_("Photo"),
            required=False,
            allow_empty_file=True,
            help_text=PHOTO_WORDS[PhotoRule(check.photo)],
            widget=forms.FileInput({**INPUT, "accept": "image/png,image/jpeg,image/gif,image/webp"}),
        )

    def seen(self) -> dict[str, Any]:
        """What was found, as the door takes it."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in {"check", "photo"}}
        answers = {item: given.pop(f"answer-{place}", "") for place, item in enumerate(self.check.items)}
        told = {item: answer == "yes" for item, answer in answers.items() if answer}
        return {**given, "answers": told} if self.check.kind == CheckKind.CHECKLIST else given


class HandOverForm(forms.Form):
    """Who took the parcel, and its number."""

    carrier = forms.CharField(label=_("Carrier"), max_length=60, widget=forms.TextInput(INPUT))
    tracking = forms.CharField(
        label=_("Tracking number"),
        required=False,
        max_length=80,
        widget=forms.TextInput({**INPUT, **SCANNED}),
        help_text=_("Scan or type it."),
    )


class ProductForm(forms.Form):
    """What is known of a product; what is left empty is not known."""

    barcode = forms.CharField(
        label=_("Barcode"), required=False, max_length=48, widget=forms.TextInput({**INPUT, **SCANNED})
    )
    weight_grams = forms.IntegerField(
        label=_("One unit weighs (g)"), required=False, min_value=1, widget=forms.NumberInput(INPUT)
    )
    length_mm = forms.IntegerField(label=_("Length (mm)"), required=False, min_value=1, widget=forms.NumberInput(INPUT))
    width_mm = forms.IntegerField(label=_("Width (mm)"), required=False, min_value=1, widget=forms.NumberInput(INPUT))
    height_mm = forms.IntegerField(label=_("Height (mm)"), required=False, min_value=1, widget=forms.NumberInput(INPUT))

    def facts(self) -> dict[str, Any]:
        """As the door takes them."""
        given = self.cleaned_data
        sides = [given[name] for name in ("length_mm", "width_mm", "height_mm") if given[name] is not None]
        return {"barcode": given["barcode"], "weight_grams": given["weight_grams"], "size_mm": sides}


def _scan_field(label: Any, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=200,
        widget=forms.TextInput({**INPUT, **SCANNED, "aria-describedby": "said", **more}),
        help_text=_("A scanner types it and sends it by itself."),
    )


def _number(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=9, widget=forms.TextInput({**INPUT, "inputmode": "numeric"})
    )


def _product_fields(check: CheckFacts) -> dict[str, forms.Field]:
    del check
    return {
        "code": _scan_field(_("Product code"), autofocus=True),
        "lot": forms.CharField(
            label=_("Lot"),
            required=False,
            max_length=200,
            widget=forms.TextInput({**INPUT, **SCANNED}),
            help_text=_("Leave it empty where the code says it, or where lots are not told apart."),
        ),
    }


def _scan_fields(check: CheckFacts) -> dict[str, forms.Field]:
    del check
    return {"code": _scan_field(_("Product code"), autofocus=True), "quantity": _number(_("How many of them (1)"))}


def _checklist_fields(check: CheckFacts) -> dict[str, forms.Field]:
    return {
        f"answer-{place}": forms.ChoiceField(
            label=item, choices=[("yes", _("Yes")), ("no", _("No"))], required=False, widget=forms.RadioSelect
        )
        for place, item in enumerate(check.items)
    }


def _measure_fields(check: CheckFacts) -> dict[str, forms.Field]:
    del check
    return {
        "weight_grams": _number(_("Weight (g)")),
        "length_mm": _number(_("Length (mm)")),
        "width_mm": _number(_("Width (mm)")),
        "height_mm": _number(_("Height (mm)")),
    }


def _label_fields(check: CheckFacts) -> dict[str, forms.Field]:
    del check
    return {"code": _scan_field(_("Number on the label"), autofocus=True)}


def _arrival_fields(check: CheckFacts) -> dict[str, forms.Field]:
    del check
    return {
        "arrives_on": forms.CharField(
            label=_("The carrier delivers on"),
            required=False,
            max_length=10,
            widget=forms.DateInput({**INPUT, "type": "date"}),
        )
    }


FIELDS_OF_CHECK: Mapping[CheckKind, Callable[[CheckFacts], dict[str, forms.Field]]] = {
    CheckKind.SKU_LOT: _product_fields,
    CheckKind.SCAN: _scan_fields,
    CheckKind.CHECKLIST: _checklist_fields,
    CheckKind.MEASURE: _measure_fields,
    CheckKind.LABEL: _label_fields,
    CheckKind.TRANSIT: _arrival_fields,
}

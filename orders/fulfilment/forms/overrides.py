"""What people set by hand, and how they review what others have set."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.words import in_words
from orders.fulfilment.decisions.overrides import (
    ADDRESS,
    INSTRUCTIONS,
    LONGEST_INSTRUCTIONS,
    OF_A_LINE,
    ORDER_FIELDS,
    address_text,
)
from orders.fulfilment.forms.fields import INPUT, PRIVATE, why_field
from orders.fulfilment.forms.gifts import ADDRESS as ADDRESS_LABELS
from orders.fulfilment.selectors.contents import LineFacts
from rules.models import Client

LONGEST: Final = 200


class FieldForm(forms.Form):
    """Which field of an order is set."""

    field = forms.ChoiceField(label=_("Field"), widget=forms.Select(INPUT))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field"].choices = [(name, in_words(one.label)) for name, one in ORDER_FIELDS.items()]  # type: ignore[attr-defined]


class OverrideForm(forms.Form):
    """What one field is from now on, and why; `now` is what this person may see of how it is."""

    field = forms.CharField(widget=forms.HiddenInput)
    reason = why_field(help_text=_("Who reviews it reads this."))

    def __init__(
        self, *args: Any, field: str, lines: Sequence[LineFacts], now: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.about, self.is_hidden = field, field == ADDRESS and not now
        self.initial = {"field": field, "value": now.get(field, ""), **now}
        if field in OF_A_LINE:
            self.fields["line"] = _line_field(lines)
        self.fields |= _address_fields() if field == ADDRESS else {"value": _value_field(field)}
        self.order_fields(["field", "line", *ADDRESS_LABELS, "value", "reason"])

    def given(self) -> dict[str, Any]:
        """What the door is given."""
        given = self.cleaned_data
        address = {name: given[name] for name in ADDRESS_LABELS if given.get(name)}
        value = address_text(address) if self.about == ADDRESS else given["value"]
        line = {"line": int(given["line"])} if self.about in OF_A_LINE else {}
        return {"field": self.about, "value": value, "reason": given["reason"], **line}


def _line_field(lines: Sequence[LineFacts]) -> forms.Field:
    choices = [(str(one.position), f"{one.position}: {one.quantity} x {one.sku}") for one in lines]
    return forms.ChoiceField(label=_("Line"), choices=choices, widget=forms.Select(INPUT))


def _address_fields() -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {}
    for name, label in ADDRESS_LABELS.items():
        widget = forms.Textarea({**PRIVATE, "rows": 2}) if name == "street_address" else forms.TextInput(PRIVATE)
        fields[name] = forms.CharField(label=label, required=False, max_length=LONGEST, widget=widget)
    return fields


def _value_field(field: str) -> forms.Field:
    known = ORDER_FIELDS[field]
    attributes = PRIVATE if known.personal else INPUT
    example = _("For example %(example)s.") % {"example": known.example}
    if field == INSTRUCTIONS:
        widget: forms.Widget = forms.Textarea({**attributes, "rows": 3, "maxlength": LONGEST_INSTRUCTIONS})
        return forms.CharField(
            label=in_words(known.label), required=False, max_length=LONGEST, widget=widget, help_text=example
        )
    return forms.CharField(
        label=in_words(known.label),
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput(attributes),
        help_text=example,
    )


class StockOverrideForm(forms.Form):
    """Which shelf, how many units lie there, and how that is known."""

    client = forms.ChoiceField(label=_("Client"), widget=forms.Select(INPUT))
    sku = forms.CharField(label=_("Product code"), max_length=80, widget=forms.TextInput(INPUT))
    value = forms.CharField(
        label=_("Units on the shelf"), max_length=12, widget=forms.TextInput({**INPUT, "inputmode": "numeric"})
    )
    reason = why_field(help_text=_("Who reviews it reads this."))

    def __init__(self, *args: Any, clients: Iterable[Client], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = [(one.slug, one.name) for one in clients]  # type: ignore[attr-defined]


class ReviewForm(forms.Form):
    """Taking a fix over or back, and why; neither is chosen beforehand."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[
            ("accept", _("Take it over: it stays as it was set")),
            ("propose", _("Take it over, and propose a rule that says it from now on")),
            ("reject", _("Take it back: as the systems say")),
        ],
        widget=forms.RadioSelect,
    )
    comment = why_field()

"""What people fill in about orders. Forms only clean; the doors decide."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.words import in_words
from orders.fulfilment.forms.fields import INPUT, PRIVATE, why_field
from orders.fulfilment.selectors.contents import LineFacts, ParcelFacts
from orders.fulfilment.selectors.quarantine import MOST_OF_A_LINE, FieldRow, LineHints
from orders.fulfilment.services.quarantine import NewLine
from orders.fulfilment.states import FULFILMENT_IN_HOUSE
from rules.models import Flow
from rules.states import SENDING

MOMENT = "%Y-%m-%dT%H:%M"
LINES_OFFERED = 3
MINOR_PER_UNIT = 100
MOST_UNITS = 1_000_000


# The fields of an address that belong together, and are kept together.
GROUPS = (
    ("who", _("Who gets it"), ("name", "company_name")),
    (
        "where",
        _("Where it goes"),
        ("street_address", "postal_code", "city", "city_area", "country_area", "country_code"),
    ),
)


class CompletionForm(forms.Form):
    """Why, and the version the person looked at."""

    reason = why_field(_("Reason"), _("How you know: it is kept in the trail."))
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)


class HoldForm(forms.Form):
    """What is held, why, what the customer is told, and until when."""

    fulfilment = forms.ChoiceField(label=_("What"), required=False, widget=forms.Select(INPUT))
    words = why_field(help_text=_("For colleagues, and kept in the trail."))
    customer_words = forms.CharField(
        label=_("What the customer is told"),
        required=False,
        max_length=280,
        widget=forms.Textarea({**INPUT, "rows": 2}),
        help_text=_("Support reads this out. Leave it empty to say nothing."),
    )
    release_when = forms.CharField(
        label=_("Release it by itself once"),
        required=False,
        max_length=4096,
        widget=forms.Textarea({**INPUT, "rows": 2, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "An expression over the order, for example paid && address_ok. Leave it empty to release it yourself."
        ),
    )
    expires_at = forms.DateTimeField(
        label=_("Release it in any case at (UTC)"),
        required=False,
        input_formats=[MOMENT],
        widget=forms.DateTimeInput({**INPUT, "type": "datetime-local"}, format=MOMENT),
    )

    def __init__(self, *args: Any, parcels: Sequence[ParcelFacts], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        what = self.fields["fulfilment"]
        what.choices = [  # type: ignore[attr-defined]
            ("", _("The whole order")),
            *(
                (parcel.key, f"{parcel.key}: {parcel.flow}")
                for parcel in parcels
                if parcel.state in FULFILMENT_IN_HOUSE
            ),
        ]


class CancelForm(forms.Form):
    """Why, and how many units of each line; none at all means the whole order."""

    reason = why_field(help_text=_("It is kept in the trail, and told to whoever has to stop it."))

    def __init__(self, *args: Any, lines: Sequence[LineFacts], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for line in lines:
            self.fields[f"line-{line.position}"] = forms.IntegerField(
                label=_("%(sku)s: how many of %(quantity)s") % {"sku": line.sku, "quantity": line.quantity},
                required=False,
                min_value=1,
                max_value=line.quantity,
                widget=forms.NumberInput(INPUT),
            )

    def lines(self) -> dict[str, int]:
        """Units by position; nothing for the whole order."""
        given = {name: units for name, units in self.cleaned_data.items() if name.startswith("line-") and units}
        return {name.removeprefix("line-"): units for name, units in given.items()}


class ReturnForm(CancelForm):
    """What comes back, why, and under which number; no units at all means everything the customer has."""

    reference = forms.CharField(
        label=_("Return number"),
        required=False,
        max_length=80,
        widget=forms.TextInput(INPUT),
        help_text=_("What the store or the customer calls it, where they call it anything."),
    )

    def __init__(self, *args: Any, lines: Sequence[LineFacts], **kwargs: Any) -> None:
        super().__init__(*args, lines=lines, **kwargs)
        self.fields["reason"].help_text = _("It is kept in the trail, and told to whoever decides.")


class RerouteForm(forms.Form):
    """Which parcel goes which other way, and why."""

    fulfilment = forms.ChoiceField(label=_("Parcel"), widget=forms.Select(INPUT))
    flow = forms.ChoiceField(label=_("Goes along"), widget=forms.Select(INPUT))
    reason = why_field()

    def __init__(self, *args: Any, parcels: Sequence[ParcelFacts], flows: Iterable[Flow], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        can_go = {*FULFILMENT_IN_HOUSE, "refused", "rejected"}
        here = [one for one in parcels if self.is_bound or one.state in can_go]  # the door says who was faster
        self.fields["fulfilment"].choices = [(one.key, f"{one.key}: {one.flow}, {one.state_label}") for one in here]  # type: ignore[attr-defined]
        ways = [(flow.slug, flow.name) for flow in flows if flow.is_active and flow.kind in SENDING]
        self.fields["flow"].choices = ways  # type: ignore[attr-defined]


class ReleaseForm(forms.Form):
    """Why it may go on."""

    reason = why_field(_("Why it may go on"))


class AddressForm(CompletionForm):
    """The fields of an address; what is left as it is stays as it is."""

    def __init__(
        self,
        *args: Any,
        named: list[FieldRow],
        others: list[FieldRow],
        is_kept: bool = False,
        is_stale: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = not is_kept  # what is only kept decides nothing
        hidden = _("Hidden. Leave it empty to keep it.")
        for row in [*named, *others]:
            hints = [
                _("%(problem)s.") % {"problem": in_words(row.problem)} if row.problem else "",
                hidden if row.is_hidden else "",
                in_words(row.why) if row.problem else "",
                _("%(passes)s.") % {"passes": in_words(row.passes)} if row.passes else "",
                _("It says now: %(value)s") % {"value": row.value} if is_stale and self._differs(row) else "",
            ]
            self.fields[row.name] = forms.CharField(
                label=row.label,
                required=False,
                max_length=200,
                initial=row.value,
                widget=forms.Textarea({**PRIVATE, "rows": 2})
                if row.name == "street_address"
                else forms.TextInput(PRIVATE),
                help_text=" ".join(str(hint) for hint in hints if hint),
            )
        self.named, self.others = [row.name for row in named], [row.name for row in others]

    def _differs(self, row: FieldRow) -> bool:
        return bool(row.value) and str(self.data.get(row.name, "")).strip() != row.value

    @property
    def named_groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields something is wrong with, in their groups: each is kept by itself."""
        return self._grouped(self.named)

    @property
    def other_groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """All the others, in theirs."""
        return self._grouped(self.others)

    def _grouped(self, names: Sequence[str]) -> list[tuple[str, str, list[forms.BoundField]]]:
        found = [(slug, str(title), [self[name] for name in names if name in of_it]) for slug, title, of_it in GROUPS]
        return [group for group in found if group[2]]

    def of_group(self, slug: str) -> dict[str, str]:
        """What was filled in of one group; nothing of a group there is none of."""
        of_it = next((names for known, _, names in GROUPS if known == slug), ())
        return {name: value for name, value in self.address().items() if name in of_it}

    def address(self) -> dict[str, str]:
        """What was filled in."""
        return {name: self.cleaned_data[name] for name in (*self.named, *self.others) if self.cleaned_data[name]}


def _hint(hints: LineHints, name: str, otherwise: Any) -> str:
    """What a field of a line is, in the contract's words where it has any, and what passes."""
    why, passes = hints.why[name], hints.passes.get(name)
    told = [
        f"{why.rstrip('.')}." if why else otherwise,
        _("%(passes)s.") % {"passes": in_words(passes)} if passes else "",
    ]
    return " ".join(str(one) for one in told if one)


class LinesForm(CompletionForm):
    """Lines of an order that came without any; `hints` say once of each field what it is and what passes."""

    def __init__(self, *args: Any, hints: LineHints, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in range(LINES_OFFERED):
            first = place == 0
            self.fields[f"sku-{place}"] = forms.CharField(
                label=_("Product code"), required=first, max_length=80, widget=forms.TextInput(INPUT)
            )
            self.fields[f"quantity-{place}"] = forms.IntegerField(
                label=_("Quantity"),
                required=first,
                min_value=1,
                max_value=MOST_OF_A_LINE,
                widget=forms.NumberInput(INPUT),
            )
            self.fields[f"price-{place}"] = forms.DecimalField(
                label=_("Price each"),
                required=first,
                min_value=0,
                max_digits=12,
                decimal_places=2,
                widget=forms.NumberInput(INPUT),
            )
        self.hints = [
            (_("Product code"), _hint(hints, "sku", _("What is packed: as the client's list of products has it."))),
            (_("Quantity"), _hint(hints, "quantity", _("How many are set aside and packed."))),
            (_("Price each"), _hint(hints, "unit_minor", _("What is paid back where it cannot be sent."))),
        ]

    @property
    def rows(self) -> list[list[forms.BoundField]]:
        """The fields, a line each."""
        return [[self[f"{name}-{place}"] for name in ("sku", "quantity", "price")] for place in range(LINES_OFFERED)]

    def lines(self) -> list[NewLine]:
        """The lines that were filled in."""
        given = self.cleaned_data
        return [
            NewLine(
                given[f"sku-{place}"].strip(),
                given[f"quantity-{place}"] or 0,
                int((given[f"price-{place}"] or 0) * MINOR_PER_UNIT),
            )
            for place in range(LINES_OFFERED)
            if given[f"sku-{place}"]
        ]


class ReceiveForm(forms.Form):
    """How many came, where they are, and what is printed on them."""

    quantity = forms.IntegerField(label=_("Units"), min_value=1, max_value=MOST_UNITS, widget=forms.NumberInput(INPUT))
    location = forms.SlugField(
        label=_("Place"),
        max_length=80,
        widget=forms.TextInput(INPUT),
        help_text=_("As systems call it, for example main. A new name is a new place."),
    )
    lot = forms.CharField(
        label=_("Lot"),
        required=False,
        max_length=80,
        widget=forms.TextInput(INPUT),
        help_text=_("As printed on the goods. Leave it empty where there is none."),
    )
    expires_on = forms.DateField(
        label=_("Last day it may be sent"), required=False, widget=forms.DateInput({**INPUT, "type": "date"})
    )
    reason = why_field()


class KeepBackForm(forms.Form):
    """How many stay in a place, whoever wants them, and below how many free ones more is asked for."""

    location = forms.ChoiceField(label=_("Place"), widget=forms.Select(INPUT))
    units = forms.IntegerField(
        label=_("Units kept back"), min_value=0, max_value=MOST_UNITS, widget=forms.NumberInput(INPUT)
    )
    reorder_at = forms.IntegerField(
        label=_("Ask for more when fewer are free than"),
        required=False,
        min_value=0,
        max_value=MOST_UNITS,
        widget=forms.NumberInput(INPUT),
        help_text=_("Empty: when fewer are free than are kept back. 0: never, and what was asked for is called off."),
    )
    reorder_units = forms.IntegerField(
        label=_("Units to ask for at least"),
        required=False,
        min_value=1,
        max_value=MOST_UNITS,
        widget=forms.NumberInput(INPUT),
        help_text=_("Empty: what is missing."),
    )
    reason = why_field()

    def __init__(self, *args: Any, places: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["location"].choices = list(dict(places).items())  # type: ignore[attr-defined]


class LotForm(forms.Form):
    """Which lot, and why."""

    lot = forms.ChoiceField(label=_("Lot"), widget=forms.Select(INPUT))
    reason = why_field()

    def __init__(self, *args: Any, lots: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lot"].choices = [(code, code) for code in lots]  # type: ignore[attr-defined]

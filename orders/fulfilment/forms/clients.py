"""What is filled in to set up a client, or a brand or product line of one."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from orders.fulfilment.decisions.clients import NewClient, NewProductLine
from orders.fulfilment.forms.fields import PRIVATE, why_field
from orders.fulfilment.selectors.templates import ClientChoices, LineChoices
from orders.fulfilment.shipped import ConnectorSet
from rules.states import LineKind

INPUT = {"class": "input"}


class SetUpForm(forms.Form):
    """What every set-up asks: why. `seen` is the digest of what was shown."""

    reason = why_field(_("Reason"), _("Why it is set up; it is kept in the trail."))
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    slug = forms.CharField(
        label=_("Short name"),
        max_length=30,
        widget=forms.TextInput(INPUT),
        help_text=_("Small letters, digits and hyphens, such as acme. It stays as it is."),
    )
    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(INPUT))


class NewClientForm(SetUpForm):
    """A new client; what it consists of beside this comes from the template."""

    key_prefix = forms.CharField(
        label=_("Letters its orders begin with"),
        max_length=6,
        widget=forms.TextInput(INPUT),
        help_text=_("Two to six capital letters, such as NW in NW-104233. They stay as they are."),
    )
    currency = forms.CharField(
        label=_("Currency"), max_length=3, widget=forms.TextInput(INPUT), help_text=_("Three letters, such as EUR")
    )
    time_zone = forms.CharField(
        label=_("Time zone"), max_length=64, widget=forms.TextInput(INPUT), help_text=_("Such as Europe/Berlin")
    )
    calendar = forms.ChoiceField(label=_("Business hours"), required=False, widget=forms.Select(INPUT))
    country = forms.CharField(
        label=_("Country of its public holidays"),
        required=False,
        max_length=2,
        widget=forms.TextInput(INPUT),
        help_text=_("Two letters, such as DE; for hours of its own only. Leave it empty for none."),
    )
    people = forms.MultipleChoiceField(label=_("People who work for it"), widget=forms.CheckboxSelectMultiple)
    lead = forms.ChoiceField(label=_("Who leads the team"), required=False, widget=forms.Select(INPUT))
    backup = forms.ChoiceField(
        label=_("Who stands in for the team"), initial="client-success", widget=forms.Select(INPUT)
    )

    checks = forms.MultipleChoiceField(
        label=_("What its parcels are checked for"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A parcel goes on once it has passed; what fails is an exception of the client's team."),
    )

    def __init__(self, *args: Any, choices: ClientChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template, self.places = choices.template, choices.places
        self._offer("checks", [(row["slug"], gettext(row["name"])) for row in choices.checks])
        self.initial["checks"] = [row["slug"] for row in choices.checks if row["is_active"]]
        if not choices.checks:
            del self.fields["checks"]
        people = [(one.username, one.display_name) for one in choices.people]
        self._offer("people", people)
        self._offer("lead", [("", _("Nobody yet")), *people])
        self._offer("backup", [(one.slug, one.name) for one in choices.owners])
        own = ("", _("Its own, with the hours of the template"))
        self._offer("calendar", [own, *((one.slug, one.name) for one in choices.calendars)])
        for place in choices.places:
            self.fields[place.field] = forms.URLField(
                label=_("Address of “%(system)s”") % {"system": place.name.replace("{client}", "").strip(": ")},
                required=False,
                assume_scheme="https",
                widget=forms.URLInput(INPUT),
                help_text=place.hint,
            )
        self.order_fields([*[name for name in self.fields if name not in {"reason", "seen"}], "reason", "seen"])

    def _offer(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def wish(self) -> NewClient:
        """What is asked for."""
        given = self.cleaned_data
        same = ("slug", "name", "key_prefix", "currency", "time_zone", "country", "calendar", "backup", "lead")
        return NewClient(
            template=self.template,
            people=tuple(given["people"]),
            checks=tuple(given.get("checks", ())),
            addresses={place.slug: given[place.field] for place in self.places if given[place.field]},
            **{name: given[name] for name in same},
        )


class NewLineForm(SetUpForm):
    """A brand or product line: which orders are of it, and who owns them."""

    kind = forms.ChoiceField(label=_("What it is"), choices=LineKind.choices, widget=forms.Select(INPUT))
    prefixes = forms.CharField(
        label=_("Product codes begin with"),
        required=False,
        max_length=400,
        widget=forms.TextInput(INPUT),
        help_text=_("Several with commas between them: RB-, ROBO-. An order with one such product is of it."),
    )
    channels = forms.CharField(
        label=_("Channels"),
        required=False,
        max_length=400,
        widget=forms.TextInput(INPUT),
        help_text=_("Several with commas between them. With product codes, both have to be so."),
    )
    owner = forms.ChoiceField(label=_("Owner"), widget=forms.Select(INPUT))
    fallback = forms.ChoiceField(label=_("Who takes over when the owner does nothing"), widget=forms.Select(INPUT))
    flow = forms.ChoiceField(label=_("Flow"), widget=forms.Select(INPUT))
    sla = forms.ChoiceField(label=_("Service level"), widget=forms.Select(INPUT))

    def __init__(self, *args: Any, choices: LineChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (
            ("owner", choices.owners),
            ("fallback", choices.owners),
            ("flow", choices.flows),
            ("sla", choices.slas),
        ):
            self.fields[name].choices = [(one.slug, one.name) for one in rows]  # type: ignore[attr-defined]
        self.order_fields(["name", "slug", *[name for name in self.fields if name not in {"reason", "seen"}]])

    def wish(self) -> NewProductLine:
        """What is asked for."""
        same = ("slug", "name", "kind", "owner", "fallback", "flow", "sla")
        given = {name: self.cleaned_data[name] for name in same}
        return NewProductLine(prefixes=self._listed("prefixes"), channels=self._listed("channels"), **given)

    def _listed(self, name: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.cleaned_data[name].split(",") if one.strip())


class ConnectStoreForm(forms.Form):
    """Which kind of store it is, and the secret it signs with."""

    kind = forms.ChoiceField(label=_("What it is"), widget=forms.Select(INPUT))
    secret = forms.CharField(
        label=_("The secret the store signs with"),
        required=False,
        max_length=200,
        widget=forms.PasswordInput({**PRIVATE, "autocomplete": "off"}),
        help_text=_(
            "Copy it from the store. It is kept sealed and never shown again. Leave it empty to keep the one there is."
        ),
    )
    reason = forms.CharField(label=_("Reason"), min_length=3, max_length=280, widget=forms.TextInput(INPUT))

    def __init__(self, *args: Any, kinds: Sequence[ConnectorSet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(one.key, gettext(one.name)) for one in kinds]  # type: ignore[attr-defined]


class TryMessageForm(forms.Form):
    """A message as the store would send it."""

    kind = forms.CharField(widget=forms.HiddenInput)
    body = forms.CharField(
        label=_("Message"),
        widget=forms.Textarea({**PRIVATE, "rows": 12, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("As the store sends it, in JSON. It is read as if it had come, and nothing of it is kept."),
    )

"""What people set for themselves."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.models.users import AfterAct, Density, KeyMode, Theme
from exceptions.forms.fields import INPUT, MomentField, in_words
from rules.models import Client


def zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """All time zones by their part of the world; the few names without one (of laws and of machines) are left out."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    parts = [(part, [(name, name.replace("_", " ")) for name in found]) for part, found in groupby(names, _part)]
    return [("UTC", [("UTC", "UTC")]), *parts]


def _part(name: str) -> str:
    return name.partition("/")[0]


class DisplayForm(forms.Form):
    """How pages look and work, and what follows a finished exception."""

    theme = forms.ChoiceField(
        label=_("Colours"), required=False, choices=in_words(Theme.choices), widget=forms.RadioSelect
    )
    density = forms.ChoiceField(
        label=_("Lists"),
        required=False,
        choices=in_words(Density.choices),
        widget=forms.RadioSelect,
        help_text=_("Compact shows more rows at once."),
    )
    after_act = forms.ChoiceField(
        label=_("After resolving an exception, show"),
        required=False,
        choices=in_words(AfterAct.choices),
        widget=forms.RadioSelect,
        help_text=_("The list is the one you came from, else your own queue."),
    )
    key_mode = forms.ChoiceField(
        label=_("Single keys"),
        required=False,
        choices=in_words(KeyMode.choices),
        widget=forms.RadioSelect,
        help_text=_("Keys like J, K or / act while no field has the cursor. With Alt they need the Alt key as well."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        widget=forms.Select(INPUT),
        help_text=_("Of all times on pages and in letters to you, of your quiet hours and of your digest."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = zones()
        kept = self.initial.get("time_zone", "")
        if not any(kept == name for _part_of_it, names in offered for name, _name in names):
            offered = [(kept, [(kept, kept)]), *offered]
        self.fields["time_zone"].choices = offered  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """A new API token of one's own: never more than one may oneself."""

    label = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(INPUT),
        help_text=_("What will use it: you recognise it by this later."),
    )
    expires_at = MomentField(label=_("Until"), help_text=_("Within a year. You can revoke it before."))
    clients = forms.MultipleChoiceField(label=_("For these clients"), widget=forms.CheckboxSelectMultiple)
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Only what you may yourself; what you may no longer, it may no longer either."),
    )

    def __init__(self, *args: Any, permissions: Collection[str], clients: Sequence[Client], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by_slug = {client.slug: client for client in clients}
        self.fields["scopes"].choices = [(name, name) for name in sorted(permissions)]  # type: ignore[attr-defined]
        self.fields["clients"].choices = [(one.slug, one.name) for one in clients]  # type: ignore[attr-defined]
        self.initial.setdefault("clients", [*self.by_slug])

    def chosen_clients(self) -> list[Client]:
        """Those that were ticked."""
        return [self.by_slug[slug] for slug in self.cleaned_data["clients"]]

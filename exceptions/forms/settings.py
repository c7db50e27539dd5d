"""What people set for themselves."""

from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.models.users import AfterAct, Density, Theme
from exceptions.forms.fields import INPUT, MomentField, in_words
from rules.models import Client


class DisplayForm(forms.Form):
    """How pages look, and what follows a finished exception."""

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

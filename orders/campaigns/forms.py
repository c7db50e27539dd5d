"""What people fill in about content. Forms only clean; the doors decide."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exceptions.forms.waivers import ClientForm
from orders.campaigns.models import Asset
from rules.models import Client, Owner

INPUT = {"class": "input"}
LONGEST_REASON = 280


def _reason(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=_("Why"), min_length=3, max_length=LONGEST_REASON, widget=forms.TextInput(INPUT), help_text=help_text
    )


class DescribeForm(forms.Form):
    """What it is about, and who answers for it."""

    title = forms.CharField(label=_("Title"), max_length=200, widget=forms.TextInput(INPUT))
    owner = forms.ChoiceField(
        label=_("Owner"), widget=forms.Select(INPUT), help_text=_("Answers for it from draft to outcome.")
    )
    backup = forms.ChoiceField(
        label=_("Backup"), widget=forms.Select(INPUT), help_text=_("Gets it when the owner does not act.")
    )
    content_owner = forms.ChoiceField(
        label=_("Content owner"),
        widget=forms.Select(INPUT),
        help_text=_("Answers for what it says: reviews and approves every revision."),
    )
    region = forms.CharField(label=_("Region"), required=False, max_length=40, widget=forms.TextInput(INPUT))
    locale = forms.CharField(
        label=_("Language"),
        required=False,
        max_length=35,
        widget=forms.TextInput(INPUT),
        help_text=_("For example en-GB."),
    )
    skus = forms.CharField(
        label=_("Products it is about"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({**INPUT, "rows": 3, "spellcheck": "false"}),
        help_text=_("Product codes, one per line."),
    )

    def __init__(self, *args: Any, owners: Iterable[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "\N{EN DASH}"), *((owner.slug, owner.name) for owner in owners)]
        for name in ("owner", "backup", "content_owner"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_skus(self) -> list[str]:
        """One code per line."""
        return str(self.cleaned_data["skus"]).split()


class NewAssetForm(DescribeForm):
    """A new piece of content: whose, what kind, and what the content system calls it."""

    client = forms.ChoiceField(label=_("Client"), widget=forms.Select(INPUT))
    kind = forms.ChoiceField(label=_("Kind of content"), widget=forms.Select(INPUT))
    slug = forms.SlugField(
        label=_("Name in the content system"),
        max_length=80,
        widget=forms.TextInput(INPUT),
        help_text=_("Letters, digits and hyphens, for example spring-tents."),
    )
    field_order = ("client", "kind", "slug")

    def __init__(self, *args: Any, clients: Iterable[Client], kinds: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = [(one.slug, one.name) for one in clients]  # type: ignore[attr-defined]
        self.fields["kind"].choices = list(kinds)  # type: ignore[attr-defined]


class EditAssetForm(DescribeForm):
    """The same of one there is, with the version that was looked at, and why."""

    reason = _reason(_("It is kept in the trail."))
    seen = forms.IntegerField(widget=forms.HiddenInput)


class SignForm(forms.Form):
    """Which item of which revision."""

    item = forms.CharField(max_length=120, widget=forms.HiddenInput)
    revision = forms.IntegerField(widget=forms.HiddenInput)


class SeenForm(forms.Form):
    """The version that was looked at; nothing has to be said."""

    seen = forms.IntegerField(widget=forms.HiddenInput)


class ReasonForm(SeenForm):
    """Why."""

    reason = _reason(_("Told to whoever has it next, and kept in the trail."))


class WishForm(forms.Form):
    """What it should say."""

    wanted = forms.CharField(
        label=_("What sales needs it to say"),
        min_length=3,
        max_length=1_000,
        widget=forms.Textarea({**INPUT, "rows": 4}),
        help_text=_(
            "What customers say, and what should stand there instead. Whoever decides reads it, and so does the content system."
        ),
    )


class DecisionForm(forms.Form):
    """Change it or keep it, and why."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("change", _("Have it changed: a revision is asked for")), ("keep", _("Keep it as it is"))],
        widget=forms.RadioSelect,
    )
    reason = _reason(_("Told to whoever asked, and kept in the trail."))


class AskClientForm(ClientForm):
    """Who at the client is asked about the revision in review, until when, and where they look at it."""

    preview = forms.URLField(
        label=_("Where they can look at it"),
        max_length=400,
        assume_scheme="https",
        widget=forms.URLInput({**INPUT, "placeholder": "https://"}),
        help_text=_("The address of the preview, which opens for them without an account of yours."),
    )
    field_order = ("contact", "preview", "hours")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].help_text = _("Shorter, if the revision goes on before they answer.")


def described(asset: Asset) -> dict[str, Any]:
    """The asset as its form shows it."""
    return {
        "title": asset.title,
        "owner": asset.owner.slug,
        "backup": asset.backup.slug,
        "content_owner": asset.content_owner.slug,
        "region": asset.region,
        "locale": asset.locale,
        "skus": "\n".join(asset.skus),
        "seen": asset.version,
    }

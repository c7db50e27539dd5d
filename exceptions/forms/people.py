"""What is asked about people who go away, leave, or have something for a while."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exceptions.forms.fields import INPUT, MomentField, in_words
from rules.models import Owner
from rules.states import OpenWork


class AwayForm(forms.Form):
    """Who is away, from when until when, and who stands in."""

    who = forms.CharField(widget=forms.HiddenInput)
    starts_at = MomentField(label=_("From"))
    ends_at = MomentField(label=_("Until"), required=False)
    is_open = forms.BooleanField(
        label=_("Until I come back"),
        required=False,
        help_text=_("Then it has no end yet: “I am back” ends it. What is open moves once the absence is long."),
    )
    cover = forms.ChoiceField(
        label=_("Who stands in"),
        required=False,
        widget=forms.Select(INPUT),
        help_text=_("People and teams who are there and may work the same exceptions."),
    )
    open_work = forms.ChoiceField(
        label=_("What is open now"), required=False, choices=in_words(OpenWork.choices), widget=forms.RadioSelect
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=200,
        widget=forms.TextInput(INPUT),
        help_text=_("Colleagues see it; leave out why you are away if that is nobody's business."),
    )

    def __init__(self, *args: Any, person: Owner, able: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["who"].initial = person.slug
        backup = _("The backup: %(name)s") % {"name": person.backup.name}
        self.fields["cover"].choices = [("", backup), *((one.slug, one.name) for one in able)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Either an end, or none on purpose."""
        given = super().clean() or self.cleaned_data
        ends_at, is_open = given.get("ends_at"), given.get("is_open")
        if is_open and ends_at:
            self.add_error("ends_at", _("Choose one: an end, or until you come back."))
        elif not is_open and ends_at is None and "ends_at" not in self.errors:
            self.add_error("ends_at", _("Say until when, or tick “Until I come back”."))
        return given


class LendForm(forms.Form):
    """What goes to whom for a while, until when, and why."""

    what = forms.ChoiceField(
        label=_("What"), widget=forms.Select(INPUT), help_text=_("A kind of exception, or all that comes to an owner.")
    )
    holder = forms.ChoiceField(label=_("Who has it meanwhile"), widget=forms.Select(INPUT))
    ends_at = MomentField(label=_("Until"), help_text=_("Then it goes back by itself, with what is open of it."))
    reason = forms.CharField(label=_("Why"), min_length=3, max_length=280, widget=forms.TextInput(INPUT))

    def __init__(self, *args: Any, places: Sequence[tuple[str, str]], able: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose = ("", _("Choose…"))
        self.fields["what"].choices = [choose, *places]  # type: ignore[attr-defined]
        self.fields["holder"].choices = [choose, *((one.slug, one.name) for one in able)]  # type: ignore[attr-defined]


class HandoverForm(forms.Form):
    """To whom, and why."""

    to = forms.ChoiceField(label=_("To"), widget=forms.Select(INPUT))
    reason = forms.CharField(label=_("Reason"), max_length=280, min_length=3, widget=forms.TextInput(INPUT))

    def __init__(self, *args: Any, able: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose…")), *((one.slug, one.name) for one in able)]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]

"""What is written into runbooks, postmortems and gates."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exceptions.forms.fields import INPUT
from rules.models import Owner
from rules.runbooks import LONGEST_BODY, LONGEST_NOTE, LONGEST_TITLE
from rules.selectors.runbooks import Thing

TEXT = {"class": "input text", "rows": 20, "spellcheck": "true"}
MARKDOWN = _(
    "Markdown: # heading, - list, 1. steps, **bold**, `code`, [words](address). Name no customers: all colleagues read it."
)


class RevisionForm(forms.Form):
    """What a runbook should say from now on."""

    base = forms.IntegerField(required=False, widget=forms.HiddenInput)
    body = forms.CharField(label=_("Text"), max_length=LONGEST_BODY, help_text=MARKDOWN, widget=forms.Textarea(TEXT))
    covers = forms.MultipleChoiceField(
        label=_("What it is about"),
        required=False,
        help_text=_("Its link is shown wherever one of these turns up. Hold Ctrl to choose several."),
        widget=forms.SelectMultiple({**INPUT, "size": 10}),
    )
    note = forms.CharField(
        label=_("What is new, and why"), min_length=3, max_length=LONGEST_NOTE, widget=forms.TextInput(INPUT)
    )

    def __init__(self, *args: Any, things: Sequence[Thing], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["covers"].choices = [  # type: ignore[attr-defined]
            (kind, [(thing.about, thing.title) for thing in of_kind])
            for kind, of_kind in groupby(things, key=lambda thing: thing.kind_words)
        ]


class NewRunbookForm(RevisionForm):
    """A runbook there is none of."""

    title = forms.CharField(
        label=_("Title"),
        min_length=3,
        max_length=LONGEST_TITLE,
        widget=forms.TextInput(INPUT),
        help_text=_("What somebody sees who needs it: “A system cannot be reached”."),
    )
    owner = forms.ChoiceField(
        label=_("Owner"),
        widget=forms.Select(INPUT),
        help_text=_("Accepts or rejects it, and every change of it later."),
    )
    field_order = ("title", "owner", "body", "covers", "note", "base")

    def __init__(self, *args: Any, owners: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose…")), *((one.slug, one.name) for one in owners)]
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]


class GateForm(forms.Form):
    """What a gate stops and asks for, and why that is said anew."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    blocks = forms.CharField(
        label=_("What it stops"),
        max_length=200,
        widget=forms.TextInput(INPUT),
        help_text=_("One sentence for the person who is stopped."),
    )
    needs = forms.CharField(
        label=_("What it asks for"),
        max_length=1000,
        widget=forms.Textarea({**TEXT, "rows": 6}),
        help_text=_("What has to be there so that nobody has to ask for a time-limited exception."),
    )
    reason = forms.CharField(label=_("Why you change it"), min_length=3, max_length=280, widget=forms.TextInput(INPUT))


class PostmortemForm(forms.Form):
    """What happened, and why it could."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    summary = forms.CharField(
        label=_("What happened"),
        required=False,
        max_length=LONGEST_BODY,
        help_text=_("What was seen, for how long, whom it hurt, what helped. Markdown."),
        widget=forms.Textarea({**TEXT, "rows": 10}),
    )
    causes = forms.CharField(
        label=_("Why it could happen"),
        required=False,
        max_length=LONGEST_BODY,
        help_text=_("What made it possible, not who did it. Markdown."),
        widget=forms.Textarea({**TEXT, "rows": 10}),
    )


class PostmortemActionForm(forms.Form):
    """Who does what by when."""

    text = forms.CharField(label=_("What"), min_length=3, max_length=280, widget=forms.TextInput(INPUT))
    owner = forms.ChoiceField(label=_("Who"), widget=forms.Select(INPUT))
    due_on = forms.DateField(label=_("By"), widget=forms.DateInput({**INPUT, "type": "date"}))

    def __init__(self, *args: Any, owners: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose…")), *((one.slug, one.name) for one in owners)]
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]

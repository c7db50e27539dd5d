"""What people fill in about time-limited exceptions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exceptions.forms.fields import AREA, INPUT, PRIVATE, MomentField, in_words
from exceptions.gates import gates_elsewhere
from exceptions.models import CaseAttachment, ExceptionCase
from exceptions.states import ReviewVerdict, WaiverReason
from exceptions.subjects import ImpactItem
from rules.models import Gate, Owner
from rules.rulebook import GateSpec
from rules.states import OwnerKind

LENGTHS = [
    ("4", _("4 h")),
    ("today", _("The end of the day")),
    ("24", _("24 h")),
    ("72", _("72 h")),
    ("hours", _("So many hours:")),
    ("until", _("At a time:")),
]


def hours_field(*, longest: int, **kwargs: Any) -> forms.IntegerField:
    """Whole hours, at least one."""
    return forms.IntegerField(min_value=1, max_value=longest, widget=forms.NumberInput(INPUT), **kwargs)


def why_field(**kwargs: Any) -> forms.CharField:
    """A reason that somebody decides by."""
    return forms.CharField(
        **{"label": _("Why"), "min_length": 20, "max_length": 2_000, "widget": forms.Textarea(AREA), **kwargs}
    )


def plan_field() -> forms.CharField:
    """What is done while it is in force."""
    return forms.CharField(label=_("What will be done until then"), max_length=2_000, widget=forms.Textarea(AREA))


def link_field() -> forms.URLField:
    """Where the plan can be followed."""
    return forms.URLField(
        label=_("Where that can be followed"),
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(INPUT),
        help_text=_("An address where it is planned, if there is one."),
    )


def code_field() -> forms.ChoiceField:
    """What kind of reason it is."""
    return forms.ChoiceField(
        label=_("Kind of reason"),
        choices=[("", _("Choose…")), *in_words(WaiverReason.choices)],
        widget=forms.Select(INPUT),
    )


def evidence_field() -> forms.TypedMultipleChoiceField:
    """Which files of the exception show it."""
    return forms.TypedMultipleChoiceField(
        label=_("Files that show it"),
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Files of the exception. Who decides opens them from the request."),
    )


def offer_files(form: forms.Form, files: Sequence[CaseAttachment]) -> None:
    """These can be chosen; no question where there are none."""
    if files:
        form.fields["evidence"].choices = [(file.number, file.name) for file in files]  # type: ignore[attr-defined]
    else:
        del form.fields["evidence"]


class WaiverForm(forms.Form):
    """What should be allowed, from when, until when, and why."""

    gate = forms.ModelChoiceField(
        label=_("What should be allowed"),
        queryset=Gate.objects.none(),
        to_field_name="slug",
        widget=forms.RadioSelect,
        empty_label=None,
    )
    begins = forms.ChoiceField(
        label=_("From"),
        required=False,
        choices=[("approval", _("With the approval")), ("later", _("At a time:"))],
        initial="approval",
        widget=forms.RadioSelect,
    )
    begin_at = MomentField(
        label=_("Begins at"), required=False, help_text=_("For “At a time”. The gate stays closed before.")
    )
    lasts = forms.ChoiceField(label=_("Until"), required=False, choices=LENGTHS, initial="4", widget=forms.RadioSelect)
    hours = hours_field(
        label=_("For how many hours"),
        longest=720,
        required=False,
        help_text=_("For “So many hours”. Counted from where it begins."),
    )
    until = MomentField(
        label=_("Ends at"), required=False, help_text=_("For “At a time”. Never later, whenever it is approved.")
    )
    answer_by = MomentField(
        label=_("Decide by"),
        required=False,
        help_text=_(
            "At most 24 h from now. Empty: a fifth of the way to when it begins, else as long as it is asked for."
        ),
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=Owner.objects.none(),
        to_field_name="slug",
        widget=forms.Select(INPUT),
        help_text=_("The person who answers for it meanwhile."),
    )
    reason_code = code_field()
    reason = why_field(help_text=_("At least 20 characters; the approver reads it."))
    plan = plan_field()
    plan_url = link_field()
    evidence = evidence_field()
    file = forms.FileField(
        label=_("Another file"),
        required=False,
        max_length=250,
        allow_empty_file=True,  # the door says it better
        help_text=_("PDF, picture or plain text (an e-mail too), at most 10 MB. It becomes a file of the exception."),
        widget=forms.FileInput({"class": "input drop"}),
    )
    scope = forms.MultipleChoiceField(
        label=_("Only for"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose nothing to ask for everything that the gate stops."),
    )

    def __init__(
        self,
        *args: Any,
        case: ExceptionCase,
        user_id: int | None,
        choices: Sequence[tuple[str, str]] = (),
        files: Sequence[CaseAttachment] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        offer_files(self, files)
        if choices:
            self.fields["scope"].choices = list(choices)  # type: ignore[attr-defined]
        else:
            del self.fields["scope"]
        gates = Gate.objects.filter(is_active=True).exclude(slug__in=gates_elsewhere(case.subject_type))
        self.fields["gate"].queryset = gates.order_by("name")  # type: ignore[attr-defined]
        self.fields["owner"].queryset = Owner.objects.filter(  # type: ignore[attr-defined]
            is_active=True, kind=OwnerKind.PERSON
        ).order_by("name")
        self.fields["gate"].initial = case.gate or None
        self.fields["owner"].initial = Owner.objects.filter(user_id=user_id or 0).values_list("slug", flat=True).first()

    def new_file(self) -> tuple[str, bytes] | None:
        """The file that is handed in with it: its name and what is in it."""
        file = self.cleaned_data["file"]
        return (file.name, file.read()) if file else None

    def window(self, *, now: datetime) -> dict[str, Any]:
        """From when, and for how long or until when, as the service takes it; the end of a day is the reader's."""
        given = self.cleaned_data
        begin_at = given["begin_at"] if given["begins"] == "later" else None
        lasts = given["lasts"] or "hours"
        if lasts == "until":
            return {"begin_at": begin_at, "until": given["until"]}
        if lasts == "today":
            midnight = timezone.localtime(begin_at or now) + timedelta(days=1)
            return {"begin_at": begin_at, "until": midnight.replace(hour=0, minute=0, second=0, microsecond=0)}
        return {"begin_at": begin_at, "minutes": (given["hours"] if lasts == "hours" else int(lasts)) * 60}

    def clean(self) -> dict[str, Any]:
        """What the choices promise to say is said."""
        cleaned = super().clean() or {}
        needed = [("later", cleaned.get("begins"), "begin_at", _("Enter when it begins."))]
        lasts = cleaned.get("lasts") or "hours"
        needed += [
            ("hours", lasts, "hours", _("Enter for how many hours.")),
            ("until", lasts, "until", _("Enter when it ends.")),
        ]
        for choice, chosen, name, words in needed:
            if choice == chosen and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, words)
        return cleaned

    def chosen_scope(self) -> list[str]:
        """What was chosen for the chosen gate; choices are spelled “gate:key”."""
        prefix = f"{self.cleaned_data['gate'].slug}:"
        return [one.removeprefix(prefix) for one in self.cleaned_data.get("scope", []) if one.startswith(prefix)]


class SeenForm(forms.Form):
    """Base of what is decided or changed by what was read of a request."""

    seen_hash = forms.CharField(required=False, widget=forms.HiddenInput)

    def look_again(self, **seen: str) -> None:
        """The page shows it as it is now: what was typed stays, and is about that."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        for name, value in seen.items():
            data[name] = value
        self.data = data


class DecisionForm(SeenForm):
    """Yes, possibly shorter; or no, and why. Nothing is chosen beforehand."""

    decision = forms.ChoiceField(
        label=_("Your decision"),
        choices=[("approve", _("Approve")), ("deny", _("Deny")), ("ask", _("Ask for more"))],
        widget=forms.RadioSelect,
    )
    hours = forms.IntegerField(
        label=_("Hours"),
        min_value=1,
        required=False,
        widget=forms.NumberInput(INPUT),
        help_text=_("You may shorten it, not extend it."),
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(AREA),
        help_text=_("Required when you deny or ask."),
    )
    scope = forms.MultipleChoiceField(label=_("Let through"), required=False, widget=forms.CheckboxSelectMultiple)
    seen_hash = forms.CharField(widget=forms.HiddenInput)
    seen_base = forms.CharField(widget=forms.HiddenInput, required=False)
    seen_passing = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, marginal: Sequence[ImpactItem] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.marginal = [item.key for item in marginal]
        if len(marginal) > 1:
            self.fields["scope"].choices = [(item.key, item.words) for item in marginal]  # type: ignore[attr-defined]
            self.fields["scope"].initial = self.marginal
        else:
            del self.fields["scope"]

    def chosen_scope(self) -> list[str] | None:
        """The part that is let through; None for all of it."""
        chosen = self.cleaned_data.get("scope", [])
        return None if set(chosen) == set(self.marginal) else chosen

    def clean(self) -> dict[str, Any]:
        """Approving nothing is denying."""
        cleaned = super().clean() or {}
        if cleaned.get("decision") == "approve" and "scope" in self.fields and not cleaned.get("scope"):
            self.add_error("scope", _("Choose what to let through, or deny it."))
        return cleaned


class BreakGlassForm(forms.Form):
    """What to open at once, for how long, why; the key typed again."""

    gate = forms.ChoiceField(label=_("What should be allowed"), widget=forms.RadioSelect)
    hours = hours_field(
        label=_("For how many hours"),
        longest=4,
        initial=1,
        help_text=_("At most 4. It begins at once."),
    )
    reason = why_field(
        label=_("Why this cannot wait"), help_text=_("At least 20 characters; the leads who are called now read it.")
    )
    plan = plan_field()
    confirm = forms.CharField(label=_("Type the key to confirm"), max_length=120, widget=forms.TextInput(PRIVATE))

    def __init__(
        self,
        *args: Any,
        case: ExceptionCase,
        gates: Sequence[GateSpec],
        also: Sequence[ExceptionCase] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["gate"].choices = [(gate.slug, gate.name) for gate in gates]  # type: ignore[attr-defined]
        self.fields["gate"].initial = case.gate or None
        self.fields["confirm"].help_text = _("Type %(key)s.") % {"key": case.subject_key}
        if also:
            self.fields["confirm"].label = _("Type the number of orders to confirm")
            self.fields["confirm"].help_text = _("The gate opens for all of these. Type %(key)s.") % {
                "key": len(also) + 1
            }


class AnswerForm(forms.Form):
    """What an approver wanted to know."""

    answer = forms.CharField(label=_("Your answer"), min_length=3, max_length=2_000, widget=forms.Textarea(AREA))


class ReviewForm(forms.Form):
    """Whether an emergency was one, and why."""

    verdict = forms.ChoiceField(
        label=_("Your review"), choices=in_words(ReviewVerdict.choices), widget=forms.RadioSelect
    )
    comment = forms.CharField(label=_("Why"), min_length=3, max_length=2_000, widget=forms.Textarea(AREA))


class ClientForm(forms.Form):
    """Who at the client is asked, and until when."""

    contact = forms.CharField(label=_("Who at the client is asked"), max_length=120, widget=forms.TextInput(INPUT))
    hours = hours_field(
        label=_("Valid for how many hours"),
        longest=168,
        initial=24,
        help_text=_("Never longer than until the request lapses."),
    )


class ClientAnswerForm(forms.Form):
    """The client's answer, from somebody without an account: nothing of it stays on their computer."""

    decision = forms.ChoiceField(
        label=_("Your answer"),
        choices=[("agree", _("I agree")), ("decline", _("I do not agree"))],
        widget=forms.RadioSelect,
    )
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput({**PRIVATE, "autocomplete": "name"})
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea({**AREA, "data-private": True}),
        help_text=_("Required when you do not agree."),
    )
    seen_hash = forms.CharField(widget=forms.HiddenInput)


class DelegateForm(forms.Form):
    """Who decides instead, from when until when, and why."""

    to = forms.ChoiceField(label=_("Who decides for you"), widget=forms.Select(INPUT))
    starts_at = MomentField(label=_("From"))
    ends_at = MomentField(label=_("Until"))
    reason = forms.CharField(label=_("Why"), max_length=280, widget=forms.TextInput(INPUT))

    def __init__(self, *args: Any, able: Sequence[Owner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose…")), *((one.slug, one.name) for one in able)]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]

"""What people fill in about exceptions. Forms only clean; the doors decide."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from exceptions import subjects
from exceptions.forms.fields import AREA, INPUT, in_words
from exceptions.models import ExceptionCase
from exceptions.selectors import Step
from exceptions.selectors.merging import Typed
from exceptions.states import Channel, Mailing, RootCause, WaitingOn
from exceptions.topics import CHOOSABLE, LOCKED, WISHES_BY_CHANNEL, Topic
from rules.models import Owner
from rules.states import Severity

LONG_ANSWERS = frozenset({"fix"})


class ActForm(forms.Form):
    """Base of every act: the version the person looked at travels along."""

    # Which attribute of the exception an answer is about: what a colleague may have changed meanwhile.
    ABOUT: ClassVar[Mapping[str, str]] = {}

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, case: ExceptionCase, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.case = case
        self.fields["seen"].initial = case.version

    def again(self, data: Mapping[str, Any], *, case: ExceptionCase) -> Self:
        """The same form with this in it, about the exception as it is now."""
        return self.__class__(data, case=case)

    def typed(self) -> list[Typed]:
        """What was filled in, in words; a file cannot be sent a second time, so it is left out."""
        fields = [field for field in self.visible_fields() if not isinstance(field.field, forms.FileField)]
        words = [(field, self._in_words(field)) for field in fields]
        return [Typed(str(field.label), text, self.ABOUT.get(field.name, "")) for field, text in words if text]

    def _in_words(self, field: forms.BoundField) -> str:
        choices = {str(value): str(label) for value, label in getattr(field.field, "choices", ())}
        value = str(field.value() or "").strip()
        return choices.get(value, value) if value else ""

    def take_focus(self) -> bool:
        """Put the cursor where the first answer is missing; whether none is, so that sending is all there is to do."""
        for field in self.visible_fields():
            if field.field.required and not field.initial:
                field.field.widget.attrs["autofocus"] = True
                return False
        return True


class ReasonForm(ActForm):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=280, min_length=3, widget=forms.TextInput(INPUT))


class SeverityForm(ReasonForm):
    """How bad it is, and why."""

    ABOUT: ClassVar[Mapping[str, str]] = {"severity": "severity"}

    severity = forms.ChoiceField(label=_("Severity"), widget=forms.Select(INPUT))
    field_order = ("severity", "reason", "seen")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What a colleague has chosen meanwhile is refused by the door, in better words than that there is no such choice.
        others = [choice for choice in Severity.choices if self.is_bound or choice[0] != self.case.severity]
        self.fields["severity"].choices = others  # type: ignore[attr-defined]


class ReassignForm(ReasonForm):
    """To whom, and why."""

    ABOUT: ClassVar[Mapping[str, str]] = {"to": "owner_id"}

    to = forms.ModelChoiceField(
        label=_("To"),
        queryset=Owner.objects.none(),
        to_field_name="slug",
        widget=forms.Select(INPUT),
        empty_label=_("Choose…"),
    )
    field_order = ("to", "reason", "seen")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Owner.objects.filter(is_active=True).order_by("name")
        self.fields["to"].queryset = others if self.is_bound else others.exclude(pk=self.case.owner_id)  # type: ignore[attr-defined]


class NoteForm(ActForm):
    """A note everybody who opens the exception sees."""

    text = forms.CharField(label=_("Note"), max_length=5_000, widget=forms.Textarea({**AREA, "data-key": "c"}))


class AttachForm(ActForm):
    """A file for everybody who works the exception."""

    file = forms.FileField(
        label=_("File"),
        max_length=250,
        allow_empty_file=True,  # the door says it better
        help_text=_("Drop it here or choose it: PDF, picture or plain text (an e-mail too), at most 10 MB."),
        error_messages={"required": _("Choose a file of at most 10 MB.")},
        widget=forms.FileInput({"class": "input drop"}),
    )
    criterion = forms.TypedChoiceField(
        label=_("It shows that"), required=False, coerce=int, empty_value=None, widget=forms.Select(INPUT)
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = [row["label"] for row in self.case.acceptance]
        if labels:
            choices = [("", _("Nothing in particular")), *enumerate(labels, start=1)]
            self.fields["criterion"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["criterion"]


class WithdrawFileForm(ReasonForm):
    """Which file was the wrong one, and why."""

    file = forms.TypedChoiceField(label=_("File"), coerce=int, widget=forms.Select(INPUT))
    field_order = ("file", "reason", "seen")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        files = self.case.attachments.order_by("number")
        if (
            not self.is_bound
        ):  # of one that was withdrawn meanwhile the door says more than that there is no such choice
            files = files.filter(withdrawal=None)
        self.fields["file"].choices = [(file.number, file.name) for file in files]  # type: ignore[attr-defined]


class UndoForm(ActForm):
    """Which entry of the activity is taken back."""

    entry = forms.IntegerField(min_value=1, max_value=2**31, widget=forms.HiddenInput)


class LinkForm(ActForm):
    """Which other exception."""

    exception = forms.RegexField(
        r"^\s*[Ee][Xx]-\d{1,15}\s*$",
        label=_("Other exception"),
        widget=forms.TextInput({**INPUT, "placeholder": "EX-20418"}),
        error_messages={"invalid": _("Enter the key of an exception, like EX-20418.")},
    )


class WaitFields(forms.Form):
    """For whom, and until when."""

    hours = forms.TypedChoiceField(
        label=_("Until"),
        coerce=int,
        choices=[(1, _("in 1 hour")), (4, _("in 4 hours")), (24, _("tomorrow, same time")), (72, _("in 3 days"))],
        initial=4,
        widget=forms.Select(INPUT),
    )
    on = forms.ChoiceField(
        label=_("Waiting for"),
        choices=in_words(WaitingOn.choices),
        initial=WaitingOn.OURSELVES,
        help_text=_("The clock stands while it is not one of ours."),
        widget=forms.Select(INPUT),
    )
    party = forms.CharField(
        label=_("Which one"),
        required=False,
        max_length=80,
        help_text=_("The name of the vendor, carrier, client or system. Not the customer's."),
        widget=forms.TextInput(INPUT),
    )


class WaitManyForm(WaitFields):
    """The same wait for many."""

    reason = forms.CharField(label=_("Reason"), max_length=280, min_length=3, widget=forms.TextInput(INPUT))
    field_order = ("on", "party", "reason", "hours")


class WaitForm(ReasonForm, WaitFields):
    """Until when, and for what."""

    ABOUT: ClassVar[Mapping[str, str]] = {"hours": "waiting_until", "reason": "waiting_for"}

    field_order = ("on", "party", "reason", "event", "hours", "seen")

    event = forms.ChoiceField(
        label=_("Ends before, when"),
        required=False,
        help_text=_("It comes back then, and when the time is over in any case."),
        widget=forms.Select(INPUT),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wakes = in_words(list(subjects.wakes_of(self.case.subject_type).items()))
        if wakes:
            self.fields["event"].choices = [("", _("Nothing: only by time")), *wakes]  # type: ignore[attr-defined]
        else:
            del self.fields["event"]

    def until(self, now: datetime) -> datetime:
        """The moment chosen."""
        return now + timedelta(hours=self.cleaned_data["hours"])


class ResolveForm(ActForm):
    """How it was solved."""

    ABOUT: ClassVar[Mapping[str, str]] = {"outcome": "outcome", "root_cause": "root_cause"}

    outcome = forms.ChoiceField(label=_("Outcome"), widget=forms.RadioSelect)
    root_cause = forms.ChoiceField(
        label=_("What lay behind it"),
        required=False,
        choices=[("", _("Not said")), *in_words(RootCause.choices)],
        widget=forms.Select(INPUT),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=5_000, widget=forms.Textarea(AREA))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        outcomes = [(row["slug"], row["label"]) for row in self.case.outcomes]
        self.fields["outcome"].choices = outcomes  # type: ignore[attr-defined]
        self.fields["outcome"].initial = outcomes[0][0] if outcomes else None


class ViewForm(forms.Form):
    """A view's name, and the team it is shared with."""

    title = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput(INPUT))
    team = forms.ChoiceField(label=_("Share with"), required=False, widget=forms.Select(INPUT))
    query = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, teams: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].choices = [("", _("Nobody, only me")), *teams]  # type: ignore[attr-defined]


class StepForm(ActForm):
    """What came of a step, or what the product needs to do it."""

    outcome = forms.CharField(label=_("What came of it"), max_length=80, widget=forms.TextInput(INPUT))
    note = forms.CharField(label=_("Note"), required=False, max_length=5_000, widget=forms.Textarea(AREA))

    def __init__(self, *args: Any, step: Step, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step = step
        if step.is_runnable:
            del self.fields["outcome"], self.fields["note"]
        else:
            self.fields["outcome"].required = not step.fields
        for name in step.fields:  # what an action needs, the action says
            label = name.replace("_", " ").capitalize()
            long = name in LONG_ANSWERS
            widget = forms.Textarea(AREA) if long else forms.TextInput(INPUT)
            self.fields[name] = forms.CharField(
                label=label, max_length=5_000 if long else 500, required=False, widget=widget
            )
        self.order_fields([*step.fields, "outcome", "note", "seen"])

    def clean(self) -> dict[str, Any]:
        """Something has to have come of it."""
        cleaned = super().clean() or {}
        if "outcome" in self.fields and not cleaned.get("outcome") and not self.errors and not self.data_given():
            self.add_error("outcome", _("Say what came of it."))
        return cleaned

    def take_focus(self) -> bool:
        """Something has to be said, though no single field is required."""
        first = next(iter(self.visible_fields()), None)
        if first is not None:
            first.field.widget.attrs["autofocus"] = True
        return first is None

    def data_given(self) -> dict[str, str]:
        """What was answered to the step's own questions."""
        return {name: self.cleaned_data[name] for name in self.step.fields if self.cleaned_data[name]}

    def again(self, data: Mapping[str, Any], *, case: ExceptionCase) -> Self:
        """The same form with this in it."""
        return self.__class__(data, case=case, step=self.step)


class PreferencesForm(forms.Form):
    """What to be told outside the product, through what, and when."""

    digest_at = forms.TimeField(
        label=_("Daily digest at"), widget=forms.TimeInput({**INPUT, "type": "time"}, format="%H:%M")
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        widget=forms.TimeInput({**INPUT, "type": "time"}, format="%H:%M"),
        help_text=_("Messages wait until the end of the quiet hours; those of P1 and pages do not."),
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"), required=False, widget=forms.TimeInput({**INPUT, "type": "time"}, format="%H:%M")
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("As my browser asks; letters in English")), *settings.LANGUAGES],
        required=False,
        widget=forms.Select(INPUT),
        help_text=_("Of pages, e-mails and chats."),
    )

    ROWS = (("p2", "P2"), ("p3", "P3"), ("other", _("Everything else")))
    COLUMNS = (("", _("E-mail")), ("chat_", _("Chat")), ("pager_", _("Pager")))
    PAGER_CHOICES = ((Mailing.NEVER.value, _("Do not page")), (Mailing.NOW.value, _("Page me")))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.initial.get("events", {})
        for topic, way in _cells():
            field = _wish(_(way.label), _(topic.label), (("", _("By severity")), *self._choices(way)))
            field.required, field.initial = False, chosen.get(topic, {}).get(way, "")
            self.fields[f"{topic}_{way}"] = field
        for row, severity in self.ROWS:
            for prefix, channel in self.COLUMNS:
                kind = Channel.PAGER if prefix == "pager_" else Channel.EMAIL
                self.fields[f"{prefix}{row}"] = _wish(channel, severity, self._choices(kind))

    def _choices(self, channel: Channel) -> Sequence[tuple[str, Any]]:
        return self.PAGER_CHOICES if channel == Channel.PAGER else in_words(Mailing.choices)

    def topics(self) -> list[tuple[Any, Any, list[tuple[Any, forms.BoundField]]]]:
        """The wishes per topic as rows of (its name, why it is locked, else "", cells of (channel, field))."""
        return [
            (
                _(topic.label),
                LOCKED.get(topic, ""),
                [(_(way.label), self[f"{topic}_{way}"]) for way in _ways()] if topic in CHOOSABLE else [],
            )
            for topic in Topic
        ]

    def table(self) -> list[tuple[Any, list[tuple[Any, forms.BoundField]]]]:
        """The wishes per severity as rows of (severity, cells of (channel, field))."""
        return [
            (severity, [(channel, self[f"{prefix}{row}"]) for prefix, channel in self.COLUMNS])
            for row, severity in self.ROWS
        ]

    def times(self) -> list[forms.BoundField]:
        """What is not in the table."""
        return [self[name] for name in ("digest_at", "quiet_from", "quiet_until", "language")]

    def events(self) -> dict[str, dict[str, str]]:
        """What was chosen per topic and channel."""
        found: dict[str, dict[str, str]] = {topic.value: {} for topic in CHOOSABLE}
        for topic, way in _cells():
            found[topic][way.value] = self.cleaned_data[f"{topic}_{way}"]
        return found

    def wishes(self) -> dict[str, str]:
        """What was chosen per severity."""
        return {
            f"{prefix}{row}": self.cleaned_data[f"{prefix}{row}"] for row, _ in self.ROWS for prefix, _ in self.COLUMNS
        }


class CommentForm(forms.Form):
    """Why it ends."""

    comment = forms.CharField(label=_("Reason"), max_length=280, min_length=3, widget=forms.TextInput(INPUT))


def _ways() -> list[Channel]:
    return [Channel(way) for way in WISHES_BY_CHANNEL]


def _cells() -> list[tuple[Topic, Channel]]:
    return [(topic, channel) for topic in CHOOSABLE for channel in _ways()]


def _wish(channel: Any, severity: Any, choices: Sequence[tuple[str, Any]]) -> forms.ChoiceField:
    """A cell of the table of wishes; its label is read out, and shown where the table's heads are not."""
    label = f"{channel}, {severity}"
    return forms.ChoiceField(label=label, choices=choices, widget=forms.Select({**INPUT, "aria-label": label}))

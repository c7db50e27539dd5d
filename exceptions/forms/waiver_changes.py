"""What people fill in to change, extend or shorten a time-limited exception."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exceptions.forms.fields import AREA, MomentField
from exceptions.forms.waivers import (
    SeenForm,
    code_field,
    evidence_field,
    hours_field,
    link_field,
    offer_files,
    plan_field,
    why_field,
)
from exceptions.models import CaseAttachment, ExceptionCase, Waiver


class ExtendForm(forms.Form):
    """For how much longer, and why."""

    hours = hours_field(
        label=_("For how many hours more"),
        longest=720,
        initial=4,
        help_text=_("Counted from where it ends now. Somebody else decides; until then nothing changes."),
    )
    reason = why_field(help_text=_("At least 20 characters; the approver reads it."))
    plan = plan_field()

    def more(self) -> dict[str, Any]:
        """Nothing: an extension is about what it extends, and says the rest as that does."""
        return {}


class ShortenForm(forms.Form):
    """When it ends instead, and why."""

    until = MomentField(label=_("Ends at"), help_text=_("Only earlier than it ends now."))
    reason = forms.CharField(label=_("Why"), min_length=3, max_length=2_000, widget=forms.Textarea(AREA))


class EditForm(SeenForm):
    """What is asked for, once more; which orders stay in it, and which join."""

    hours = hours_field(label=_("For how many hours"), longest=720)
    others = forms.MultipleChoiceField(
        label=_("Further orders"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What you clear is left out, what you tick is asked for as well. The first order stays."),
    )
    reason_code = code_field()
    reason = why_field()
    plan = plan_field()
    plan_url = link_field()
    evidence = evidence_field()

    def __init__(
        self,
        *args: Any,
        waiver: Waiver,
        offered: Sequence[ExceptionCase],
        files: Sequence[CaseAttachment] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        offer_files(self, files)
        self.present = sorted(waiver.others.values())
        self.joining = {one.key: one.pk for one in offered if one.subject_id not in waiver.others}
        choices = [(key, key) for key in self.present]
        choices += [(one.key, f"{one.subject_key}: {one.title}") for one in offered if one.key in self.joining]
        if choices and waiver.extends_id is None:
            self.fields["others"].choices = choices  # type: ignore[attr-defined]
            self.fields["others"].initial = self.present
        else:
            del self.fields["others"]

    def more(self) -> dict[str, Any]:
        """What else it says, as the service takes it."""
        given = self.cleaned_data
        return {
            "reason_code": given["reason_code"],
            "plan_url": given["plan_url"],
            "evidence": given.get("evidence"),
            **self.changed_orders(),
        }

    def changed_orders(self) -> dict[str, Any]:
        """Those that join (exceptions) and those that are left out (keys), as the service takes them."""
        if "others" not in self.fields:
            return {}
        chosen = self.cleaned_data["others"]
        also = [self.joining[key] for key in chosen if key in self.joining]
        return {"also": also, "without": [key for key in self.present if key not in chosen]}

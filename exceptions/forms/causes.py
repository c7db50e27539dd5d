"""What is filled in about shared causes."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.texts import LONGEST_REASON, SHORTEST_REASON
from exceptions.forms.fields import INPUT, MomentField
from exceptions.forms.waivers import hours_field, plan_field, why_field
from exceptions.services.causes import LONGEST_NAME
from rules.models import Owner


class RenameCauseForm(forms.Form):
    """How people call it."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput({**INPUT, "autofocus": True}),
        help_text=_(
            "In the queues, on its page, in letters and calls, and in postmortems. Whoever has an exception of this cause reads it, "
            "of whatever client: name none of them. Left empty, it is called as the sources tell it."
        ),
    )


def _reason() -> forms.CharField:
    return forms.CharField(
        label=_("Reason"), min_length=SHORTEST_REASON, max_length=LONGEST_REASON, widget=forms.TextInput(INPUT)
    )


class MergeCauseForm(forms.Form):
    """Which other cause it is the same as, and why."""

    into = forms.ChoiceField(label=_("Into"), widget=forms.Select(INPUT))
    reason = _reason()

    def __init__(self, *args: Any, others: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].choices = [("", _("Choose…")), *others]  # type: ignore[attr-defined]


class SplitCauseForm(forms.Form):
    """What the new cause is called, and why it is one."""

    name = forms.CharField(
        label=_("Name of the new cause"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({**INPUT, "autofocus": True}),
        help_text=_("Whoever has an exception of it reads it, of whatever client: name none of them."),
    )
    reason = _reason()


class MuteCauseForm(forms.Form):
    """For how long nobody is told, why, and who looks after what opens meanwhile."""

    hours = hours_field(
        label=_("For how many hours"), longest=720, initial=4, help_text=_("Counted from the approval.")
    )
    answer_by = MomentField(
        label=_("Decide by"),
        required=False,
        help_text=_("At most 24 h from now. Empty: as long as it is asked for, 24 h at most."),
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=Owner.objects.none(),
        to_field_name="slug",
        widget=forms.Select(INPUT),
        help_text=_("Who looks after what opens meanwhile."),
    )
    reason = why_field(help_text=_("At least 20 characters; the approver reads it."))
    plan = plan_field()

    def __init__(self, *args: Any, user_id: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = Owner.objects.filter(is_active=True)
        self.fields["owner"].queryset = owners.order_by("name")  # type: ignore[attr-defined]
        self.fields["owner"].initial = owners.filter(user_id=user_id or 0).values_list("slug", flat=True).first()

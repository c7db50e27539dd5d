"""Kinds of exceptions, as admins edit them: ladders, playbooks, criteria and outcomes are checked while they are typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from rules import catalogue, facts, ladders, playbooks, selectors
from rules.admin.base import VersionedAdmin, VersionedForm, WithBackup
from rules.models import ExceptionType

WHO_AND_WHEN = (
    *("owner", "fallback", "sla", "acknowledge_within_minutes", "progress_within_minutes"),
    *("ladder", "ladder_doubts"),
)
WHAT_TO_DO = (
    *("route", "route_after_minutes", "route_approver_role", "fallback_after_minutes"),
    *("playbook", "acceptance", "outcomes", "gate"),
)


class ExceptionTypeForm(VersionedForm):
    """The ladder must lead somewhere; each JSON list has the shape its model says."""

    class Meta:
        model = ExceptionType
        exclude = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = ", ".join(facts.context(playbooks.CASE_CONTEXT).paths())
        words = {
            "ladder": 'Steps like {"after_minutes": 60, "to": "backup"}; "to" may also be "owner:logistics". "do" is one of '
            f"{', '.join(ladders.DOES)}; reassign where nothing is said. "
            'With "skip_if_nobody": true a step is passed over while nobody is there; '
            '{"after_minutes": 240, "do": "repeat", "from": 2, "times": 3} starts again at step 2.',
            "playbook": 'Steps like {"label": "Call the vendor", "kind": "record", "when": "1 in steps_done", "required": true}. '
            f"Kinds: {', '.join(playbooks.KINDS)}. Actions of “do” steps: {', '.join(playbooks.actions())}. Conditions may ask: {asked}.",
            "acceptance": 'Criteria like {"label": "…", "check": "person"} or {"label": "…", "when": "2 in steps_done"}.',
            "outcomes": 'The ways it can end, like {"slug": "resolved", "label": "Solved, goes on"}.',
        }
        for name, text in words.items():
            if name in self.fields:
                self.fields[name].help_text = text

    def clean(self) -> dict[str, Any]:
        """What the route needs is there: a cancellation is asked of somebody, and can be said as an outcome."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for field, detail in catalogue.mistakes_in_route(given):
            self.add_error(field if field in self.fields else None, detail)
        return given

    def clean_ladder(self) -> Any:
        """Steps the product understands, in order."""
        return self._sound("ladder", ladders.mistakes_in_ladder)

    def clean_playbook(self) -> Any:
        """Steps the product understands, with conditions it can decide."""
        return self._sound("playbook", playbooks.mistakes_in_playbook)

    def clean_acceptance(self) -> Any:
        """Criteria the product or a person can say yes or no to."""
        return self._sound("acceptance", playbooks.mistakes_in_acceptance)

    def clean_outcomes(self) -> Any:
        """The ways it can end."""
        return self._sound("outcomes", playbooks.mistakes_in_outcomes)

    def _sound(self, field: str, check: Callable[[Any], list[playbooks.Mistake]]) -> Any:
        found = check(self.cleaned_data[field])
        if found:
            raise forms.ValidationError([str(mistake) for mistake in found])
        return self.cleaned_data[field]


@admin.register(ExceptionType)
class ExceptionTypeAdmin(WithBackup, VersionedAdmin):
    """Kinds of exceptions and what is done about them."""

    form = ExceptionTypeForm
    list_display = ("name", "slug", "severity", "owner", "backup", "sla", "route", "gate", "has_playbook", "is_active")
    list_filter = ("severity", "route", "is_active")
    list_select_related = ("owner", "sla", "gate")
    search_fields = ("name", "slug")
    readonly_fields = ("ladder_doubts",)
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "severity", "weight_eur", "is_active")}),
        ("Who and by when", {"fields": WHO_AND_WHEN}),
        ("What to do", {"fields": WHAT_TO_DO}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

    @admin.display(boolean=True, description="playbook")
    def has_playbook(self, record: ExceptionType) -> bool:
        """Whether anybody has written down what to do."""
        return bool(record.playbook)

    @admin.display(description="Doubts about the ladder")
    def ladder_doubts(self, record: ExceptionType) -> SafeString | str:
        """What is unwise about it as it stands."""
        doubts = selectors.doubts_about(record) if record.ladder else []
        return format_html_join("", "<div>{}</div>", ((doubt,) for doubt in doubts)) if doubts else "None."

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """One domain call; doubts are said, and stop nobody."""
        super().save_model(request, obj, form, change)
        for doubt in selectors.doubts_about(obj):
            messages.warning(request, doubt)

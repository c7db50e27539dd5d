"""Quality checks, as admins edit them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from rules import engine, facts, selectors
from rules.admin.base import ClientFilter, VersionedAdmin, VersionedForm, WithBackup, refuse_line_of_another
from rules.models import QualityCheck
from rules.quality_checks import PARCEL_CONTEXT, mistakes_in_settings


class QualityCheckForm(VersionedForm):
    """The expression and what belongs to each kind are checked as they are saved."""

    class Meta:
        model = QualityCheck
        exclude = ()
        widgets = {  # noqa: RUF012 -- Django's declaration
            "predicate": forms.Textarea(
                attrs={"rows": 3, "cols": 90, "spellcheck": "false", "autocomplete": "off"},
            ),
            **dict.fromkeys(("why", "remediation"), forms.Textarea(attrs={"rows": 2, "cols": 90})),
            **dict.fromkeys(("items", "cartons", "returns_say"), forms.Textarea(attrs={"rows": 2, "cols": 90})),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "predicate" in self.fields:  # who only looks has no fields
            asked = ", ".join(facts.context(PARCEL_CONTEXT).paths())
            self.fields["predicate"].help_text = f"{self.fields['predicate'].help_text}. It may ask: {asked}."

    def clean_predicate(self) -> str:
        """Refuse what the engine would not take, with the place."""
        predicate = str(self.cleaned_data["predicate"]).strip()
        problems = engine.check_predicate(predicate, facts.context(PARCEL_CONTEXT)) if predicate else []
        if problems:
            raise forms.ValidationError([f"Line {p.line}, column {p.column}: {p.message}" for p in problems])
        return predicate

    def clean(self) -> dict[str, Any]:
        """What is said has to be something this kind of check can mean."""
        cleaned = super().clean() or {}
        refuse_line_of_another(self, cleaned)
        for name in ("items", "cartons", "returns_say"):
            if name in cleaned and cleaned[name] is None:
                cleaned[name] = []
        named = {field.name for field in QualityCheck._meta.fields if field.name in self.fields}
        if not self.errors and named <= cleaned.keys():
            said = selectors.quality_check_settings(QualityCheck(**{name: cleaned[name] for name in named}))
            for field, detail in mistakes_in_settings(said):
                self.add_error(field, detail)
        return cleaned


@admin.register(QualityCheck)
class QualityCheckAdmin(WithBackup, VersionedAdmin):
    """What parcels are checked for. What is saved here takes effect when the next rule book is frozen."""

    form = QualityCheckForm
    client_path = "client"
    shows_house = True
    list_display = ("name", "client", "line", "kind", "predicate", "photo", "owner", "backup", "is_active")
    list_filter = ("kind", "is_active", ("client", ClientFilter))
    list_select_related = ("client", "line", "owner")
    search_fields = ("name", "slug", "predicate", "why")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "why", "kind", "position", "is_active")}),
        ("Which parcels", {"fields": ("client", "line", "predicate")}),
        ("Photo and time", {"fields": ("photo", "within_minutes")}),
        (
            "By kind",
            {
                "fields": (
                    "items",
                    "tolerance_percent",
                    "packaging_grams",
                    "cartons",
                    "facts_max_age_days",
                    "label_pattern",
                    "late_by_days",
                )
            },
        ),
        ("When it fails", {"fields": ("remediation", "owner", "returns_say")}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

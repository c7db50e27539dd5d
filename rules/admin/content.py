"""Kinds of content, as admins edit them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from rules.admin.base import VersionedAdmin, VersionedForm, WithBackup
from rules.asset_kinds import mistakes_in_lists
from rules.models import AssetKind
from rules.states import FlowKind

LISTS = ("checklist", "outcomes")


class AssetKindForm(VersionedForm):
    """What is listed and which flow follows are checked as they are saved."""

    class Meta:
        model = AssetKind
        exclude = ()
        widgets = {  # noqa: RUF012 -- Django's declaration
            "checklist": forms.Textarea(attrs={"rows": 3, "cols": 90}),
            "outcomes": forms.Textarea(attrs={"rows": 6, "cols": 90, "spellcheck": "false"}),
        }

    def clean(self) -> dict[str, Any]:
        """What is said has to be something that can be signed, and seen."""
        cleaned = super().clean() or {}
        if not self.errors and cleaned.keys() >= set(LISTS):
            for field, detail in mistakes_in_lists({name: cleaned[name] for name in LISTS}):
                self.add_error(field, detail)
        flow = cleaned.get("flow")
        if flow is not None and flow.kind != FlowKind.CONTENT:
            self.add_error("flow", f"{flow} is no flow of content.")
        return cleaned


@admin.register(AssetKind)
class AssetKindAdmin(WithBackup, VersionedAdmin):
    """What content of a kind has to pass. What is saved here takes effect when the next rule book is frozen."""

    form = AssetKindForm
    accountable = "decider"
    list_display = ("name", "flow", "decider", "backup", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("flow", "decider")
    search_fields = ("name", "slug")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "is_active")}),
        ("Who decides", {"fields": ("decider",)}),
        ("Until when", {"fields": ("draft_sla", "review_sla", "publish_sla", "revise_sla")}),
        ("What is signed", {"fields": ("checklist", "client_agrees")}),
        ("What follows", {"fields": ("flow", "outcomes")}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

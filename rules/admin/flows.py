"""Flows, as admins declare them. They go live, and are paused, on their pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.clock import now
from rules import services
from rules.admin.base import VersionedAdmin, VersionedForm, WithBackup, actor_of
from rules.models import Flow
from rules.models.flows import DECLARED
from rules.states import FlowState


class FlowForm(VersionedForm):
    """A live flow goes on saying everything; one that is not live may be half written."""

    class Meta:
        model = Flow
        exclude = ("state",)

    def clean(self) -> dict[str, Any]:
        """Name every field that a live flow may not leave empty, and a fallback who is the owner."""
        cleaned = super().clean() or {}
        if self.instance.state == FlowState.ACTIVE:
            for name in DECLARED.keys() & self.fields.keys():
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, "A live flow says this. Pause it first, on its page.")
        owner, fallback = cleaned.get("owner"), cleaned.get("fallback")
        if owner is not None and owner == fallback:
            self.add_error("fallback", "Name somebody else: the fallback takes over when the owner does nothing.")
        return cleaned


@admin.register(Flow)
class FlowAdmin(WithBackup, VersionedAdmin):
    """Ways from trigger to outcome. One goes live, and is paused, on its page."""

    form = FlowForm
    list_display = ("name", "slug", "kind", "state", "owner", "backup", "sla", "source", "destination")
    list_filter = ("state", "kind")
    list_select_related = ("owner", "sla")
    search_fields = ("name", "slug")
    readonly_fields = ("state",)
    readonly_after_creation = ("slug", "kind")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "kind", "state")}),
        ("Starts", {"fields": ("trigger", "source_record", "source", "destination", "system_of_record")}),
        ("Who", {"fields": ("owner", "fallback", "review_path")}),
        ("Ends", {"fields": ("outcome", "sla", "qa_signal", "metric")}),
        ("Fails", {"fields": ("failure_mode", "exception_type", "recovery")}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """One domain call."""
        services.save_flow(
            flow=obj,
            by=actor_of(request),
            now=now(),
            seen=(form.cleaned_data["seen_version"] or 0) if change else None,
            reason=form.cleaned_data["reason"],
        )

"""Runbooks as admins look after them: whose they are. What they say is proposed and accepted on their pages."""

from __future__ import annotations

from django.contrib import admin

from rules.admin.base import ReadOnlyAdmin, VersionedAdmin, VersionedForm
from rules.models import Runbook, RunbookVersion


class RunbookForm(VersionedForm):
    """A title and an owner."""

    class Meta:
        model = Runbook
        exclude = ()


@admin.register(Runbook)
class RunbookAdmin(VersionedAdmin):
    """What to do when something fails."""

    form = RunbookForm
    list_display = ("title", "slug", "owner")
    list_select_related = ("owner",)
    search_fields = ("title", "slug")


@admin.register(RunbookVersion)
class RunbookVersionAdmin(ReadOnlyAdmin):
    """What runbooks said and say, who proposed it and who accepted it."""

    list_display = ("runbook", "number", "state", "note", "proposed_by_name", "proposed_at", "decided_by_name")
    list_filter = ("state",)
    list_select_related = ("runbook",)
    search_fields = ("runbook__title", "runbook__slug", "note")
    ordering = ("runbook__slug", "-number")

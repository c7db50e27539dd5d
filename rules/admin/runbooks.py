"""Runbooks as admins look after them: whose they are. What they say is proposed and accepted on their pages."""

from __future__ import annotations

from django.contrib import admin

from rules.admin.base import VersionedAdmin, VersionedForm
from rules.models import Runbook


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
    autocomplete_fields = ("owner",)

"""Content in the admin: to look things up. Acts are on the asset's own page, where each is checked, explained and recorded."""

from django.contrib import admin

from orders.campaigns.models import Asset, AssetApproval, MessagingChange
from rules.admin.base import ReadOnlyAdmin


class ReadOnly(ReadOnlyAdmin):
    """Shows the records of the actor's clients; writes nothing."""

    show_full_result_count = False
    view_permission = "content.view_asset"
    client_path = "client"


@admin.register(Asset)
class AssetAdmin(ReadOnly):
    """Look up content by number, slug or title."""

    list_display = ("number", "title", "client", "kind", "state", "revision", "owner", "content_owner", "due_at")
    list_filter = ("state", "kind")
    list_select_related = ("client", "kind", "owner", "content_owner")
    search_fields = ("=number", "=slug", "title")
    ordering = ("-number",)


@admin.register(AssetApproval)
class AssetApprovalAdmin(ReadOnly):
    """What clients were asked about revisions, and what they answered."""

    list_display = ("asset", "revision", "contact", "state", "sent_at", "expires_at", "answered_name")
    list_filter = ("state",)
    list_select_related = ("asset",)
    search_fields = ("=asset__number", "asset__title")
    ordering = ("-sent_at", "-id")


@admin.register(MessagingChange)
class MessagingChangeAdmin(ReadOnly):
    """What sales asked for, and what was decided."""

    list_display = ("case_key", "asset", "wanted", "decider", "state", "decided_by_name", "decided_at")
    list_filter = ("state",)
    list_select_related = ("asset", "decider")
    search_fields = ("=case_key", "wanted")
    ordering = ("-asked_at", "-id")

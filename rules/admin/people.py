"""Clients, teams, owners, absences and access, as admins edit them."""

from __future__ import annotations

from django.contrib import admin

from rules.admin.base import ClientFilter, LookedAtAdmin, RowsInline, VersionedAdmin, VersionedForm
from rules.models import Absence, Client, ClientAccess, Owner, Team, TeamMember, TemporaryOwnership


class OwnerForm(VersionedForm):
    """An owner is what its kind says; the database agrees."""

    class Meta:
        model = Owner
        exclude = ()


@admin.register(Client)
class ClientAdmin(VersionedAdmin):
    """Whom we work for."""

    client_path = "pk"
    list_display = ("name", "slug", "key_prefix", "time_zone", "currency", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "slug", "key_prefix")
    readonly_after_creation = ("slug", "key_prefix")


class TeamMembers(RowsInline):
    """The people of a team."""

    model = TeamMember


@admin.register(Team)
class TeamAdmin(VersionedAdmin):
    """People who work one queue together."""

    list_display = ("name", "slug", "assignment", "is_active")
    search_fields = ("name", "slug")
    inlines = (TeamMembers,)


@admin.register(Owner)
class OwnerAdmin(VersionedAdmin):
    """Who is accountable."""

    form = OwnerForm
    list_display = ("name", "slug", "kind", "backup", "calendar", "is_active", "valid_until")
    list_filter = ("kind", "is_active")
    list_select_related = ("backup", "calendar")
    search_fields = ("name", "slug")


@admin.register(Absence)
class AbsenceAdmin(VersionedAdmin):
    """Who is away, and until when; the backup, or who covers, has the work meanwhile."""

    list_display = ("owner", "cover", "starts_at", "ends_at", "note", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("owner", "cover")
    search_fields = ("owner__name", "owner__slug")
    readonly_after_creation = ()


@admin.register(ClientAccess)
class ClientAccessAdmin(VersionedAdmin):
    """Who may see which client's records."""

    client_path = "client"
    list_display = ("user", "client", "is_active")
    list_filter = (("client", ClientFilter), "is_active")
    list_select_related = ("user", "client")
    search_fields = ("user__username", "client__name")
    readonly_after_creation = ()


@admin.register(TemporaryOwnership)
class TemporaryOwnershipAdmin(LookedAtAdmin):
    """Who has something for a while; it is given and given back on its own page."""

    list_display = ("__str__", "holder", "starts_at", "ends_at", "reason", "ended_at")
    list_select_related = ("exception_type", "owner", "holder")
    search_fields = ("owner__name", "exception_type__name", "holder__name")
    ordering = ("-starts_at", "-id")

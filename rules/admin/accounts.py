"""Accounts: who may come in, and taking that away at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils.html import format_html

from audit.clock import now
from audit.models import User
from rules import services
from rules.admin.base import AnyModelAdmin, actor_of
from rules.services.people import MANAGE


@admin.register(User)
class AccountAdmin(AnyModelAdmin):
    """An account is let in or shut out; everything else of it is made by `createsuperuser` and the company's own directory."""

    list_display = ("username", "first_name", "last_name", "is_active", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name")
    fields = (
        *("username", "first_name", "last_name", "email", "time_zone", "groups"),
        *("is_active", "answers_for", "last_login"),
    )
    readonly_fields = (*fields[:6], "answers_for", "last_login")
    actions = ("end_sessions", "remove_factors")
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the section is shown at all."""
        return actor_of(request).may(MANAGE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        del obj
        return actor_of(request).may(MANAGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins."""
        del obj
        return actor_of(request).may(MANAGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An account is deactivated, never deleted: the trail names it."""
        del request, obj
        return False

    @admin.display(description="answers for")
    def answers_for(self, obj: User) -> str:
        """Where it stands what somebody else has to have before the account is switched off."""
        return format_html('<a href="/people/{}/handover/">Everything that needs somebody else</a>', obj.username)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """One domain call."""
        del change
        if "is_active" in form.changed_data:
            services.set_active(person=obj, active=obj.is_active, by=actor_of(request), now=now())
            if not obj.is_active:
                messages.warning(
                    request, format_html("What they answered for needs somebody else: {}.", self.answers_for(obj))
                )

    @admin.action(description="Sign out everywhere")
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End all sessions of each."""
        by, at = actor_of(request), now()
        ended = sum(services.end_sessions(person=person, by=by, now=at) for person in queryset)
        messages.success(request, f"{ended} session{pluralize(ended)} ended.")

    @admin.action(description="Remove second factors and sign out everywhere")
    def remove_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For somebody who lost phone and codes."""
        by, at = actor_of(request), now()
        removed = sum(services.remove_factors(person=person, by=by, now=at) for person in queryset)
        messages.success(request, f"{removed} second factor{pluralize(removed)} removed.")

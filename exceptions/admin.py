"""Exceptions in the admin: to look things up. What kinds there are, their ladders, playbooks and gates are edited with the rules."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from exceptions.models import (
    CaseAttachment,
    CaseNote,
    CaseStep,
    ExceptionCase,
    Notification,
    NotificationDelivery,
    Timer,
    Waiver,
)
from rules.admin.base import AnyInline, AnyModelAdmin, ReadOnlyAdmin, actor_of

VIEW = "exceptions.view_case"


class ClientsOnly(AnyModelAdmin):
    """Shows what belongs to the actor's clients, to who may see exceptions."""

    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of the actor's clients; what is of the house only for who sees every client."""
        rows = super().get_queryset(request)
        clients = actor_of(request).clients
        return rows if clients is None else rows.filter(client_id__in=clients)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the section is shown at all."""
        return actor_of(request).may(VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see exceptions of the record's client."""
        by = actor_of(request)
        return by.may(VIEW) if obj is None else by.may(VIEW, obj.client_id)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: acts are on the record's own page, where each is checked, explained and recorded."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False


class RowsOfARecord(AnyInline):
    """What belongs to a record, beside it."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see the record itself."""
        by = actor_of(request)
        return by.may(VIEW) if obj is None else by.may(VIEW, getattr(obj, "client_id", None))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_add_permission


class Notes(RowsOfARecord):
    """What people wrote."""

    model = CaseNote
    fields = ("at", "author_name", "text")
    ordering = ("-at", "-id")


class Attachments(RowsOfARecord):
    """What files there are; they are opened on the exception's page."""

    model = CaseAttachment
    fields = ("number", "name", "content_type", "size", "at", "by_name", "sha256")
    ordering = ("number",)


class Steps(RowsOfARecord):
    """What was done of the playbook."""

    model = CaseStep
    fields = ("index", "at", "by_name", "outcome", "note")
    ordering = ("index",)


@admin.register(ExceptionCase)
class ExceptionCaseAdmin(ClientsOnly, ReadOnlyAdmin):
    """Look up an exception by its number or by what it is about."""

    view_permission = VIEW
    history_list_display: ClassVar[list[str]] = ["history_actor"]
    list_display = ("key", "title", "type", "state", "severity", "client", "owner", "due_at", "opened_at")
    list_filter = ("state", "severity", "route", "client")
    list_select_related = ("client", "owner")
    search_fields = ("=number", "=subject_key", "=cause")
    inlines = (Steps, Notes, Attachments)
    ordering = ("-opened_at", "-id")

    def view_on_site(self, obj: ExceptionCase) -> str:
        """Its page."""
        return f"/exceptions/{obj.key}/"


@admin.register(Waiver)
class WaiverAdmin(ClientsOnly, ReadOnlyAdmin):
    """Look up a time-limited exception."""

    view_permission = VIEW
    history_list_display: ClassVar[list[str]] = ["history_actor"]
    list_display = ("key", "gate", "subject_key", "client", "state", "owner", "requested_at", "starts_at", "expires_at")
    list_filter = ("state", "gate", "client")
    list_select_related = ("client", "owner")
    search_fields = ("=number", "=subject_key")
    ordering = ("-requested_at", "-id")

    def view_on_site(self, obj: Waiver) -> str:
        """Its page."""
        return f"/time-limited/{obj.key}/"


class Deliveries(RowsOfARecord):
    """How it was delivered."""

    model = NotificationDelivery
    fields = ("channel", "address", "state", "attempts", "sent_at", "last_error", "why")


@admin.register(Notification)
class NotificationAdmin(ClientsOnly):
    """What owners were told, and whether it reached them."""

    list_display = ("at", "owner", "event", "text", "client", "read_at")
    list_filter = ("event", "client")
    list_select_related = ("owner", "client")
    search_fields = ("text", "=owner__slug")
    inlines = (Deliveries,)
    ordering = ("-at", "-id")


@admin.register(Timer)
class TimerAdmin(ClientsOnly):
    """What happens when nothing else does; of every client, so only for who sees every client."""

    list_display = ("due_at", "kind", "subject_type", "subject_id", "attempts", "fired_at", "cancelled_at")
    list_filter = ("kind",)
    search_fields = ("=subject_id",)
    ordering = ("-due_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """All of them, or none: a timer does not say whose it is."""
        rows: QuerySet[Any] = self.model._default_manager.order_by(*self.ordering)
        return rows if actor_of(request).clients is None else rows.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """House roles."""
        del obj
        by = actor_of(request)
        return by.may(VIEW) and by.clients is None

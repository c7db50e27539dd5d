"""Exceptions in the admin: to look things up. What kinds there are, their ladders, playbooks and gates are edited with the rules."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from audit.clock import now
from audit.edge import explain
from audit.errors import Invalid
from exceptions import services
from exceptions.models import (
    Alert,
    CaseAttachment,
    CaseNote,
    CaseStep,
    ClientApproval,
    Delegation,
    ExceptionCase,
    Job,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    Page,
    Postmortem,
    Timer,
    Waiver,
    WaiverVote,
)
from exceptions.selectors.channels import channels_for
from exceptions.states import Channel
from rules.admin.base import AnyForm, AnyInline, AnyModelAdmin, ClientFilter, ReadOnlyAdmin, ScopedAdmin, actor_of

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
    fields = ("number", "shown_name", "content_type", "size", "at", "by_name", "sha256")
    readonly_fields = ("shown_name",)
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
    list_display = ("key", "title", "type", "state", "severity", "client", "owner", "backup", "due_at", "opened_at")
    list_filter = ("state", "severity", "route", ("client", ClientFilter))
    list_select_related = ("client", "owner", "backup")
    search_fields = ("=number", "=subject_key", "=cause")
    inlines = (Steps, Notes, Attachments)
    ordering = ("-opened_at", "-id")

    def view_on_site(self, obj: ExceptionCase) -> str:
        """Its page."""
        return f"/exceptions/{obj.key}/"


class Votes(RowsOfARecord):
    """Who allowed what."""

    model = WaiverVote
    fields = ("at", "kind", "voter_name", "behalf", "minutes", "scope", "comment")
    ordering = ("at",)


@admin.register(Waiver)
class WaiverAdmin(ClientsOnly, ReadOnlyAdmin):
    """Look up a time-limited exception."""

    view_permission = VIEW
    history_list_display: ClassVar[list[str]] = ["history_actor"]
    inlines = (Votes,)
    list_display = (
        "key",
        "gate",
        "subject_key",
        "client",
        "state",
        "kind",
        "owner",
        "requested_at",
        "starts_at",
        "expires_at",
    )
    list_filter = ("state", "kind", "gate", ("client", ClientFilter))
    list_select_related = ("client", "owner")
    search_fields = ("=number", "=subject_key")
    ordering = ("-requested_at", "-id")
    readonly_fields = ("all_keys", "allowed_keys")

    def view_on_site(self, obj: Waiver) -> str:
        """Its page."""
        return f"/time-limited/{obj.key}/"


@admin.register(Delegation)
class DelegationAdmin(ClientsOnly, ReadOnlyAdmin):
    """Who lets whom decide, from when until when; given and ended on its own page."""

    view_permission = VIEW
    history_list_display: ClassVar[list[str]] = ["history_actor"]
    list_display = ("delegator", "delegate", "client", "starts_at", "ends_at", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("delegator", "delegate", "client")
    search_fields = ("delegator__name", "delegate__name")
    ordering = ("-starts_at", "-id")


@admin.register(ClientApproval)
class ClientApprovalAdmin(ClientsOnly, ReadOnlyAdmin):
    """What clients were asked, and what they answered."""

    view_permission = VIEW
    history_list_display: ClassVar[list[str]] = ["history_actor"]
    list_display = ("waiver", "client", "contact", "state", "sent_at", "expires_at", "answered_name")
    list_filter = ("state", ("client", ClientFilter))
    list_select_related = ("client", "waiver")
    search_fields = ("=waiver__number",)
    ordering = ("-sent_at", "-id")


class Deliveries(RowsOfARecord):
    """How it was delivered."""

    model = NotificationDelivery
    fields = ("channel", "address", "state", "attempts", "sent_at", "last_error", "why")


@admin.register(Notification)
class NotificationAdmin(ClientsOnly):
    """What owners were told, and whether it reached them."""

    list_display = ("at", "owner", "event", "text", "client", "read_at")
    list_filter = ("event", ("client", ClientFilter))
    list_select_related = ("owner", "client")
    search_fields = ("text", "=owner__slug")
    inlines = (Deliveries,)
    ordering = ("-at", "-id")


class ChannelForm(AnyForm):
    """What opens a channel goes in and never comes out."""

    secret = forms.CharField(
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="A chat's apprise URL (slack://…, jsons://…), or the routing key of a pager's service.",
    )
    endpoint = forms.URLField(
        required=False,
        assume_scheme="https",
        help_text="Pagers only: where pages are sent (Events API v2); empty for PagerDuty's own address.",
    )
    answers_secret = forms.CharField(
        required=False,
        max_length=200,
        label="Secret of answers",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Pagers only: what signs the webhooks that come back; empty to have one made and shown once.",
    )

    class Meta:
        model = NotificationChannel
        fields = ("owner", "kind", "name", "endpoint")

    def clean(self) -> dict[str, Any]:
        """Try it as it will be used, and say at its field what is wrong; what was typed stays, but for the secrets."""
        cleaned = super().clean() or {}
        if {"owner", "kind", "name", "secret"} <= cleaned.keys():
            given = {name: cleaned.get(name, "") for name in ("kind", "secret", "endpoint", "answers_secret")}
            try:
                services.check_channel(**given)
            except Invalid as invalid:
                explain(self, invalid)
            if NotificationChannel.objects.filter(
                owner=cleaned["owner"], name=cleaned["name"].strip(), ended_at=None
            ).exists():
                self.add_error("name", f"{cleaned['owner'].name} has a channel of this name already.")
        return cleaned


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ScopedAdmin):
    """Chats and pagers are added and ended, never edited; what opens them is never shown again."""

    form = ChannelForm
    view_permission = edit_permission = "exceptions.edit_channel"
    list_display = ("name", "owner", "kind", "hint", "endpoint", "created_at", "ended_at")
    list_filter = ("kind", "ended_at")
    list_select_related = ("owner",)
    search_fields = ("name", "=owner__slug")
    actions = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[NotificationChannel]:
        """All, for who may keep them."""
        by = actor_of(request)
        return channels_for(by) if by.may(self.view_permission) else NotificationChannel.objects.none()

    def get_fieldsets(self, request: HttpRequest, obj: NotificationChannel | None = None) -> Any:
        """A new one is typed; of one that exists everything but the secrets is looked at."""
        del request
        typed = ("owner", "kind", "name", "secret", "endpoint", "answers_secret")
        return [(None, {"fields": typed if obj is None else self.list_display})]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list has the action that ends; a channel itself is not edited."""
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: NotificationChannel, form: Any, change: bool) -> None:
        """Add it; what proves a pager's answers is shown, this once, where it was made here."""
        del change
        given = form.cleaned_data
        channel, proof = services.add_channel(
            owner=obj.owner,
            kind=obj.kind,
            name=obj.name,
            secret=given["secret"],
            endpoint=obj.endpoint,
            answers_secret=given["answers_secret"],
            by=actor_of(request),
            now=now(),
        )
        obj.__dict__.update(channel.__dict__)
        if channel.kind == Channel.PAGER:
            address = f"{settings.PUBLIC_URL}{reverse('api:page-answers', args=[channel.pk])}"
            self.message_user(request, f"Let the on-call system send its webhooks to {address}.")
            if not given["answers_secret"]:
                shown = f"Copy the secret of its answers now, it is not shown again: {proof}"
                self.message_user(request, shown, messages.WARNING)

    @admin.action(description="End the selected channels", permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[NotificationChannel]) -> None:
        """Nothing new goes there."""
        for channel in queryset:
            services.end_channel(channel_id=channel.pk, reason="ended in the admin", by=actor_of(request), now=now())
            self.message_user(request, f"{channel} gets nothing any more.")


class HouseOnly(ClientsOnly):
    """Shows what does not say whose it is, to who sees every client."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """All of them, or none."""
        rows: QuerySet[Any] = self.model._default_manager.order_by(*self.ordering or ())
        return rows if actor_of(request).clients is None else rows.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """House roles."""
        del obj
        by = actor_of(request)
        return by.may(VIEW) and by.clients is None


@admin.register(Page)
class PageAdmin(HouseOnly):
    """Calls at on-call systems, open and over; of every client, so only for who sees every client."""

    list_display = ("opened_at", "key", "channel", "state", "wanted", "count", "answered_by", "ended_at", "last_error")
    list_filter = ("state",)
    list_select_related = ("channel",)
    search_fields = ("key",)
    ordering = ("-opened_at", "-id")


@admin.register(Alert)
class AlertAdmin(ClientsOnly):
    """Who was paged, about how many of what, and with which playbook."""

    list_display = ("at", "owner", "event", "type", "cause", "count", "text", "client")
    list_filter = ("event", ("client", ClientFilter))
    list_select_related = ("owner", "client")
    search_fields = ("text", "=cause", "=owner__slug")
    ordering = ("-at", "-id")


@admin.register(Timer)
class TimerAdmin(HouseOnly):
    """What happens when nothing else does; of every client, so only for who sees every client."""

    list_display = ("due_at", "kind", "subject_type", "subject_id", "attempts", "fired_at", "cancelled_at")
    list_filter = ("kind",)
    search_fields = ("=subject_id",)
    ordering = ("-due_at", "-id")


@admin.register(Job)
class JobAdmin(HouseOnly):
    """Acts on many at once: whose, how many, and how they ended."""

    list_display = ("number", "kind", "actor_name", "state", "total", "queued_at", "finished_at", "why")
    list_filter = ("state", "kind")
    ordering = ("-number",)


@admin.register(Postmortem)
class PostmortemAdmin(ClientsOnly):
    """What happened, why, and whether it is published; it is written on its own page."""

    list_display = ("number", "title", "type", "client", "owner", "state", "drafted_at", "ended_at")
    list_filter = ("state", ("client", ClientFilter))
    list_select_related = ("client", "owner")
    search_fields = ("=number", "title")
    ordering = ("-number",)

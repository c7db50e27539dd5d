"""Systems, how their payloads are read, and their secrets, as admins handle them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.clock import now
from audit.errors import NotFound
from orders.sync import selectors, services, signatures
from orders.sync.models import (
    Attempt,
    Connector,
    Credential,
    Expectation,
    FlowRun,
    InboundEvent,
    OutboundMessage,
    System,
)
from orders.sync.states import CredentialKind
from rules import selectors as rules
from rules.admin.base import (
    AnyForm,
    AnyInline,
    LookedAtAdmin,
    ScopedAdmin,
    VersionedAdmin,
    VersionedForm,
    WithBackup,
    actor_of,
)
from rules.engine import MappingInvalid, compile_mapping


class SystemForm(VersionedForm):
    """Where a system is: an address without secrets in it."""

    base_url = forms.URLField(
        label="Address",
        required=False,
        assume_scheme="https",
        help_text="Where messages are sent; empty for systems that only tell us things, or read the feed of exports.",
    )

    class Meta:
        model = System
        exclude = ()

    def clean_base_url(self) -> str:
        """A web address; names and passwords belong into a secret."""
        url: str = self.cleaned_data["base_url"]
        if mistake := services.mistake_in_address(url):
            raise forms.ValidationError(mistake)
        return url


@admin.register(System)
class SystemAdmin(WithBackup, VersionedAdmin):
    """What moves or keeps records."""

    form = SystemForm
    view_permission = "sync.view_system"
    edit_permission = "sync.edit_system"
    list_display = (
        "name",
        "slug",
        "layer",
        "client",
        "owner",
        "backup",
        "authority",
        "base_url",
        "is_active",
        "paused_until",
    )
    list_filter = ("layer", "is_active", "client")
    list_select_related = ("client", "owner")
    search_fields = ("name", "slug")

    def get_queryset(self, request: HttpRequest) -> QuerySet[System]:
        """Those that serve everybody, and those of the actor's clients."""
        return selectors.systems_for(actor_of(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """One domain call."""
        services.save_system(
            system=obj,
            by=actor_of(request),
            now=now(),
            seen=(form.cleaned_data["seen_version"] or 0) if change else None,
            reason=form.cleaned_data["reason"],
        )


class ConnectorForm(VersionedForm):
    """A mapping is compiled while it is typed."""

    class Meta:
        model = Connector
        exclude = ()

    def clean_event_type(self) -> str:
        """A payload becomes an event that has a contract in force."""
        name: str = self.cleaned_data["event_type"]
        try:
            rules.contract(name)
        except NotFound as unknown:
            raise forms.ValidationError(unknown.message) from None
        return name

    def clean_mapping(self) -> Any:
        """Name the expression that cannot be used, and the fields an event has to have."""
        mapping = self.cleaned_data["mapping"]
        missing = [name for name in ("id", "subject", "data") if not isinstance(mapping, dict) or name not in mapping]
        if missing:
            raise forms.ValidationError(f"An event needs an expression for {', '.join(missing)}.")
        try:
            compile_mapping(mapping)
        except MappingInvalid as invalid:
            raise forms.ValidationError(str(invalid)) from None
        return mapping


@admin.register(Connector)
class ConnectorAdmin(VersionedAdmin):
    """How a vendor's payload becomes our event."""

    form = ConnectorForm
    view_permission = "sync.view_system"
    edit_permission = "sync.edit_system"
    list_display = ("name", "slug", "system", "topic", "event_type", "is_active")
    list_filter = ("is_active", "event_type")
    list_select_related = ("system",)
    search_fields = ("name", "slug", "system__slug", "topic")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        """Of the systems that exist for the actor."""
        return selectors.connectors_for(actor_of(request))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """One domain call."""
        services.save_connector(
            connector=obj,
            by=actor_of(request),
            now=now(),
            seen=(form.cleaned_data["seen_version"] or 0) if change else None,
            reason=form.cleaned_data["reason"],
        )


class CredentialForm(AnyForm):
    """A secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The other side's, or empty to have one made and shown once. Older ones stay in force for a day.",
    )

    class Meta:
        model = Credential
        fields = ("system", "kind")

    def clean_secret(self) -> str:
        """Long enough also when it is spelled in base64."""
        secret: str = self.cleaned_data["secret"]
        if secret and len(signatures.key_of(secret)) < signatures.SHORTEST_KEY:
            raise forms.ValidationError(f"A secret needs a key of at least {signatures.SHORTEST_KEY} bytes.")
        return secret


@admin.register(Credential)
class CredentialAdmin(ScopedAdmin):
    """Secrets are added and revoked, never edited and never shown again."""

    form = CredentialForm
    view_permission = "sync.view_system"
    edit_permission = "sync.edit_system"
    list_display = ("system", "kind", "hint", "not_before", "expires_at", "revoked_at")
    list_filter = ("kind", "revoked_at")
    list_select_related = ("system",)
    search_fields = ("system__slug", "system__name", "hint")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        """Of the systems that exist for the actor."""
        return selectors.credentials_for(actor_of(request))

    def get_fieldsets(self, request: HttpRequest, obj: Credential | None = None) -> Any:
        """A new one is typed; of one that exists everything but the secret is looked at."""
        del request
        return [(None, {"fields": ("system", "kind", "secret") if obj is None else self.list_display})]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list has the action that revokes; a secret itself is not edited."""
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Credential, form: Any, change: bool) -> None:
        """Add it; one that was made here is shown, this once."""
        del change
        given = form.cleaned_data["secret"]
        kind = CredentialKind(obj.kind)
        plain = services.add_credential(system=obj.system, kind=kind, by=actor_of(request), now=now(), secret=given)
        obj.__dict__.update(selectors.newest_credential(obj.system, kind).__dict__)
        if not given:
            self.message_user(request, f"Copy the secret now, it is not shown again: {plain}", messages.WARNING)

    @admin.action(description="Revoke the selected secrets at once", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        """End each."""
        for credential in queryset:
            services.revoke_credential(
                credential_id=credential.pk, reason="revoked in the admin", by=actor_of(request), now=now()
            )
            self.message_user(request, f"{credential} proves nothing any more.")


class RowsOf(AnyInline):
    """What belongs to a record, beside it."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the record itself."""
        del request, obj
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_add_permission


@admin.register(InboundEvent)
class InboundEventAdmin(LookedAtAdmin):
    """What came in, without what is personal in it."""

    view_permission = "sync.view_system"
    list_display = ("number", "type", "subject", "system", "client", "state", "received_at", "cause")
    list_filter = ("state", "type")
    list_select_related = ("system", "client")
    search_fields = ("=event_id", "=subject", "=correlation_id")
    exclude = ("sealed",)
    ordering = ("-number",)


class Tries(RowsOf):
    """Every try to deliver it."""

    model = Attempt
    fields = ("number", "at", "endpoint", "status", "duration_ms", "error", "next_at")
    ordering = ("number",)


@admin.register(OutboundMessage)
class OutboundMessageAdmin(LookedAtAdmin):
    """What systems were promised, with every try, without what is personal in it."""

    view_permission = "sync.view_system"
    list_display = ("number", "type", "key", "system", "client", "state", "attempts", "due_at", "sent_at", "last_error")
    list_filter = ("state", "type")
    list_select_related = ("system", "client")
    search_fields = ("=key", "=correlation_id")
    exclude = ("sealed",)
    ordering = ("-number",)
    inlines = (Tries,)


class Outcomes(RowsOf):
    """What is expected, until when, and what met it."""

    model = Expectation
    fields = ("name", "event_type", "due_at", "met_at", "met_by", "excused_by", "missed_at")
    ordering = ("due_at",)


@admin.register(FlowRun)
class FlowRunAdmin(LookedAtAdmin):
    """What triggers are expected to lead to."""

    view_permission = "sync.view_system"
    list_display = ("subject_key", "flow", "client", "trigger", "state", "owner", "verify_by", "started_at", "ended_at")
    list_filter = ("state", "flow")
    list_select_related = ("flow", "client", "owner")
    search_fields = ("=subject_key",)
    ordering = ("-started_at", "-id")
    inlines = (Outcomes,)

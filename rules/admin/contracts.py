"""Contracts and API tokens, as admins handle them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.access import ALL_PERMISSIONS
from audit.clock import now
from audit.errors import DomainError
from rules import contracts, selectors, services
from rules.admin.base import AnyForm, ScopedAdmin, VersionedAdmin, VersionedForm, WithBackup, actor_of
from rules.models import ApiToken, Client, Contract, ContractVersion
from rules.states import ContractState


@admin.register(Contract)
class ContractAdmin(WithBackup, VersionedAdmin):
    """What systems have agreed to send each other."""

    accountable = "contract_owner"
    list_display = ("name", "direction", "contract_owner", "backup", "execution_owner", "business_owner", "is_active")
    list_filter = ("direction", "is_active")
    list_select_related = ("contract_owner", "execution_owner", "business_owner")
    search_fields = ("name", "description")
    readonly_fields = ("residual_risk", "risk_accepted_at", "risk_accepted_by_name")
    exclude = ("risk_accepted_by",)
    readonly_after_creation = ("name",)


class ContractVersionForm(VersionedForm):
    """A draft is checked as a published version would be."""

    class Meta:
        model = ContractVersion
        fields = ("contract", "number", "schema", "pii")

    def clean(self) -> dict[str, Any]:
        """Name every place of the schema that is wrong."""
        cleaned = super().clean() or {}
        if "schema" in cleaned:
            for violation in contracts.check_schema(cleaned["schema"], cleaned.get("pii") or []):
                field = "pii" if violation.pointer.startswith("/pii") else "schema"
                self.add_error(field, f"{violation.pointer or 'The schema'}: {violation.detail}")
        return cleaned


@admin.register(ContractVersion)
class ContractVersionAdmin(VersionedAdmin):
    """Versions: drafts can be edited, published ones never."""

    form = ContractVersionForm
    list_display = ("contract", "number", "state", "updated_at")
    list_filter = ("state", "contract")
    list_select_related = ("contract",)
    search_fields = ("contract__name",)
    readonly_fields = ("state",)
    readonly_after_creation = ("contract", "number")
    actions = ("publish", "retire")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A published version is not edited; a new one is drafted."""
        editable = obj is None or obj.state == ContractState.DRAFT
        return editable and super().has_change_permission(request, obj)

    @admin.action(description="Put the selected drafts in force", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[ContractVersion]) -> None:
        """Publish each; one that cannot be is said and left."""
        for version in queryset.order_by("contract__name", "number"):
            try:
                services.publish_contract_version(version_id=version.pk, by=actor_of(request), now=now())
                self.message_user(request, f"{version} is in force.")
            except DomainError as refused:
                self.message_user(request, refused.message, messages.ERROR)

    @admin.action(description="Stop accepting the selected deprecated versions", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[ContractVersion]) -> None:
        """Retire each; one that cannot be is said and left."""
        for version in queryset.order_by("contract__name", "number"):
            try:
                services.retire_contract_version(version_id=version.pk, by=actor_of(request), now=now())
                self.message_user(request, f"{version} is no longer accepted.")
            except DomainError as refused:
                self.message_user(request, refused.message, messages.ERROR)


class ApiTokenForm(AnyForm):
    """What a new token may do, and for whom."""

    scopes = forms.MultipleChoiceField(choices=[(name, name) for name in sorted(ALL_PERMISSIONS)])
    clients = forms.ModelMultipleChoiceField(Client.objects.filter(is_active=True))

    class Meta:
        model = ApiToken
        fields = ("name", "user", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Name everything the person cannot pass on."""
        cleaned = super().clean() or {}
        if {"user", "scopes", "clients", "expires_at"} <= cleaned.keys():
            given = {name: cleaned[name] for name in ("scopes", "clients", "expires_at")}
            for error in selectors.beyond_holder(cleaned["user"], **given, now=now()):
                self.add_error(error.pointer.removeprefix("/"), error.detail)
        return cleaned


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    """Tokens are issued and revoked; their text is shown once."""

    form = ApiTokenForm
    view_permission = "sync.view_system"
    edit_permission = "sync.edit_system"
    list_display = ("name", "prefix", "user", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("revoked_at",)
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Everybody's for who sees every client, else one's own."""
        by, tokens = actor_of(request), super().get_queryset(request)
        return tokens if by.clients is None else tokens.filter(user_id=by.user_id)

    def get_fieldsets(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """A new token is described; one that exists is looked at."""
        del request
        new, old = ("name", "user", "scopes", "clients", "expires_at"), self.list_display
        return [(None, {"fields": new if obj is None else (*old, "scopes")})]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list has the action that revokes; a token itself is not edited."""
        return obj is None and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Issue it and show its text, this once."""
        del change
        token, text = services.issue_api_token(
            user=obj.user,
            label=obj.name,
            scopes=form.cleaned_data["scopes"],
            clients=list(form.cleaned_data["clients"]),
            expires_at=obj.expires_at,
            by=actor_of(request),
            now=now(),
        )
        obj.__dict__.update(token.__dict__)
        self.message_user(request, f"Copy the token now, it is not shown again: {text}", messages.WARNING)

    @admin.action(description="Revoke the selected tokens at once", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End each."""
        for token in queryset:
            services.revoke_api_token(token_id=token.pk, by=actor_of(request), now=now(), reason="revoked in the admin")
            self.message_user(request, f"{token} lets nobody in any more.")

"""How every record of the rules is edited: with the version that was seen, a reason, and never a deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from simple_history.admin import SimpleHistoryAdmin

from audit.clock import now
from audit.context import Actor
from audit.errors import Conflict, DomainError, Invalid
from audit.models import Accountable, User
from rules import selectors, services

if TYPE_CHECKING:  # these take type parameters only in their stubs
    AnyForm = forms.ModelForm[Any]
    AnyInline = admin.TabularInline[Any, Any]
    AnyInlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
    AnyModelAdmin = admin.ModelAdmin[Any]
    HistoryAdmin = admin.ModelAdmin[Any]
else:
    AnyForm, AnyInline, AnyInlineFormSet = forms.ModelForm, admin.TabularInline, forms.BaseInlineFormSet
    AnyModelAdmin, HistoryAdmin = admin.ModelAdmin, SimpleHistoryAdmin


def actor_of(request: HttpRequest) -> Actor:
    """The actor behind an admin request; nobody where nobody is signed in."""
    known: Actor | None = getattr(request, "actor", None)
    return known or selectors.actor_for(cast("User", request.user), channel="admin")


class ClientFilter(admin.RelatedFieldListFilter):
    """Offers the clients that exist for the actor, and names no other."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """By name."""
        del field, model_admin
        return [(str(client.pk), client.name) for client in selectors.clients_of(actor_of(request))]


class VersionedForm(AnyForm):
    """Carries the version the person looked at, and asks why."""

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=200, help_text="Why you change this; it is kept in the history and in the trail."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["seen_version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        """Whoever is named has to be there, with a backup who is."""
        cleaned = super().clean() or {}
        for error in selectors.without_backup(type(self.instance), cleaned):
            self.add_error(error.pointer.removeprefix("/"), error.detail)
        return cleaned


def refuse_line_of_another(form: VersionedForm, cleaned: Mapping[str, Any]) -> None:
    """A brand or product line goes with its own client only."""
    line = cleaned.get("line")
    if line is not None and line.client != cleaned.get("client"):
        form.add_error("line", f"“{line}” is of {line.client}: choose this client, or a line of the one you chose.")


class ScopedAdmin(HistoryAdmin):
    """Permissions come from the actor's roles, as everywhere; nothing is ever deleted.

    Records are chosen from plain lists: Django's search fields write styles into the page, which our policy forbids.
    """

    actions_on_bottom = False
    view_permission = "rules.view_rules"
    edit_permission = "rules.edit_rules"
    client_path = ""
    shows_house = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Where records belong to clients (`client_path` leads there), those of the actor's clients; of the house where `shows_house`."""
        rows: QuerySet[Any] = super().get_queryset(request)
        clients = actor_of(request).clients
        if not self.client_path or clients is None:
            return rows
        theirs = Q(**{f"{self.client_path}__in": clients})
        return rows.filter(theirs | Q(**{f"{self.client_path}__isnull": True}) if self.shows_house else theirs)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """What may be chosen is what the section of its kind shows the actor."""
        section = self.admin_site._registry.get(  # noqa: SLF001 -- Django asks no other way
            db_field.remote_field.model
        )
        return section.get_queryset(request) if section else super().get_field_queryset(db, db_field, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the section is shown at all."""
        return actor_of(request).may(self.view_permission)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Readers and editors."""
        del obj
        return actor_of(request).may(self.view_permission)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Editors only."""
        del obj
        return actor_of(request).may(self.edit_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Editors only."""
        del obj
        return actor_of(request).may(self.edit_permission)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Records are deactivated, never deleted."""
        del request, obj
        return False

    def has_view_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see the record may see its history."""
        return self.has_view_permission(request, obj)

    def has_change_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """History is not edited."""
        del request, obj
        return False

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        """Going back is an edit like any other, with a reason."""
        del request, obj
        return True


class ReadOnlyAdmin(ScopedAdmin):
    """What is only looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds one by hand."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one."""
        del request, obj
        return False


class LookedAtAdmin(AnyModelAdmin):
    """Records without a history that only who sees every client looks at; nobody writes them by hand."""

    view_permission = "rules.view_rules"
    show_full_result_count = False
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Its lists are not cut to single clients, so neither are its readers."""
        by = actor_of(request)
        return by.clients is None and by.may(self.view_permission)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the section."""
        del obj
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_add_permission
    has_delete_permission = has_add_permission


class WithBackup(AnyModelAdmin):
    """Shows beside an owner who takes over; `accountable` is the column of the owner, whose backup is selected with the rows."""

    accountable = "owner"

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """The backup too."""
        declared: Any = super().get_list_select_related(request)
        return (*declared, f"{self.accountable}__backup")

    @admin.display(description="backup")
    def backup(self, obj: Any) -> str:
        """Who takes over."""
        owner = getattr(obj, self.accountable)
        return str(owner.backup) if owner else self.get_empty_value_display()


class VersionedAdmin(ScopedAdmin):
    """Saves through the service that compares versions; the slower of two people is told who was faster."""

    form = VersionedForm
    readonly_after_creation: ClassVar[tuple[str, ...]] = ("slug",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What names a record stays as it was given."""
        fixed = self.readonly_after_creation if obj is not None else ()
        return [*super().get_readonly_fields(request, obj), *fixed]

    def save_model(self, request: HttpRequest, obj: Accountable, form: Any, change: bool) -> None:
        """One domain call."""
        services.save_edited(
            edited=obj,
            by=actor_of(request),
            now=now(),
            seen=(form.cleaned_data["seen_version"] or 0) if change else None,
            reason=form.cleaned_data["reason"],
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of a record are edited with it, for the same reason."""
        del change
        for row in formset.save(commit=False):
            services.save_edited(
                edited=row,
                by=actor_of(request),
                now=now(),
                seen=None if row._state.adding else row.version,
                reason=form.cleaned_data["reason"],
            )
        formset.save_m2m()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A refusal becomes a page that says what happened and keeps what was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refused:
            return self._refusal(request, refused)

    def _refusal(self, request: HttpRequest, refused: DomainError) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Somebody was faster" if isinstance(refused, Conflict) else "Not saved",
            "refused": refused,
            "typed": [(name, value) for name, value in request.POST.items() if not name.startswith(("csrf", "_"))],
            "opts": self.model._meta,
            "fresh_url": request.path,
        }
        status = 409 if isinstance(refused, Conflict) else 422 if isinstance(refused, Invalid) else 403
        return TemplateResponse(request, "admin/rules/refused.html", context, status=status)


class RowsInline(AnyInline):
    """Rows that belong to a record; a row is deactivated, never deleted."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the record itself."""
        del obj
        return actor_of(request).may("rules.edit_rules")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the record itself."""
        del obj
        return actor_of(request).may("rules.edit_rules")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the record itself."""
        del obj
        return actor_of(request).may("rules.view_rules")

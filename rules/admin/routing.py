"""Rules, flows, gates and exception types, as admins edit them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse_lazy

from audit.access import GRANTS, Role
from rules import engine, facts, selectors
from rules.admin.base import (
    ClientFilter,
    VersionedAdmin,
    VersionedForm,
    WithBackup,
    actor_of,
    refuse_line_of_another,
)
from rules.models import Gate, HoldRule, OwnershipRule, ProductLine, RequestRule, StatusOwnership
from rules.states import ANSWERS_TO, Answer

TRY = "_try"
EXPRESSION = {"rows": 3, "cols": 90, "spellcheck": "false", "autocomplete": "off"}
DECIDE = "exceptions.decide_waiver"
LONGEST_EMERGENCY = 4


class OwnershipRuleForm(VersionedForm):
    """Checks the predicate as it is typed, and again when it is saved."""

    class Meta:
        model = OwnershipRule
        exclude = ()
        widgets = {  # noqa: RUF012 -- Django's declaration
            "predicate": forms.Textarea(
                attrs={
                    "rows": 4,
                    "cols": 90,
                    "spellcheck": "false",
                    "autocomplete": "off",
                    "hx-post": reverse_lazy("admin:rules_ownershiprule_try"),
                    "hx-trigger": "load, input changed delay:600ms",
                    "hx-target": "#predicate-trial",
                    "hx-include": "closest form",
                }
            ),
            "why": forms.Textarea(attrs={"rows": 2, "cols": 90}),
        }

    def clean_predicate(self) -> str:
        """Refuse what the engine would not take, with the place."""
        return _sound_predicate(self.cleaned_data["predicate"], selectors.ORDER_CONTEXT)

    def clean(self) -> dict[str, Any]:
        """A trial saves nothing and keeps everything that was typed."""
        cleaned = super().clean() or {}
        if TRY in self.data:
            self.add_error(None, "Nothing was saved: you tried the predicate.")
        owner, fallback = cleaned.get("owner"), cleaned.get("fallback")
        if owner is not None and owner == fallback:
            self.add_error("fallback", "Name somebody else: the fallback takes over when the owner does nothing.")
        refuse_line_of_another(self, cleaned)
        self._refuse_taken_position(cleaned)
        return cleaned

    def _refuse_taken_position(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("is_active") or cleaned.get("position") is None:
            return
        others = OwnershipRule.objects.filter(is_active=True, client=cleaned.get("client")).exclude(pk=self.instance.pk)
        taken = others.filter(position=cleaned["position"]).first()
        if taken is not None:
            self.add_error("position", f"“{taken.name}” is at this position; choose one before or after it.")


@admin.register(OwnershipRule)
class OwnershipRuleAdmin(WithBackup, VersionedAdmin):
    """Who owns which orders. What is saved here takes effect when the next rule book is frozen."""

    form = OwnershipRuleForm
    client_path = "client"
    shows_house = True
    change_form_template = "admin/rules/ownershiprule/change_form.html"
    list_display = (
        "position",
        "name",
        "client",
        "line",
        "predicate",
        "owner",
        "backup",
        "flow",
        "sla",
        "fallback",
        "is_active",
    )
    list_display_links = ("name",)
    list_filter = ("is_active", ("client", ClientFilter), "flow", "owner")
    list_select_related = ("client", "line", "owner", "flow", "sla", "fallback")
    ordering = ("position", "slug")
    search_fields = ("name", "slug", "predicate", "why")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "why", "rule_owner", "is_active")}),
        ("When", {"fields": ("client", "line", "predicate", "position", "is_default")}),
        (
            "Then",
            {
                "fields": ("owner", "flow", "sla", "fallback", "fallback_after_minutes"),
                "description": "What has not gone on so many minutes after it came to the owner goes to the fallback, once.",
            },
        ),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Trying a predicate has an address of its own."""
        address = path("try/", self.admin_site.admin_view(self.try_view), name="rules_ownershiprule_try")
        return [address, *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """What the predicate in the form is worth: its problems, or which recent orders it would match."""
        context = {"trial": self._trial(request) if self.has_view_permission(request) else None}
        return TemplateResponse(request, "admin/rules/ownershiprule/_trial.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Without JavaScript the trial comes with the page."""
        context["trial"] = self._trial(request) if TRY in request.POST else None
        context["attributes"] = facts.context(selectors.ORDER_CONTEXT).paths()
        page: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def _trial(self, request: HttpRequest) -> selectors.Trial:
        recent = selectors.recent_decisions(by=actor_of(request))
        return selectors.matches_in(request.POST.get("predicate", ""), recent, rule_slug=request.POST.get("slug", ""))


class ProductLineForm(VersionedForm):
    """What is of it is checked as it is saved."""

    class Meta:
        model = ProductLine
        exclude = ()
        widgets = {"predicate": forms.Textarea(attrs=EXPRESSION)}  # noqa: RUF012 -- Django's declaration

    def clean_predicate(self) -> str:
        """Refuse what the engine would not take, with the place."""
        return _sound_predicate(self.cleaned_data["predicate"], selectors.ORDER_CONTEXT)


@admin.register(ProductLine)
class ProductLineAdmin(VersionedAdmin):
    """Brands and product lines of clients. What is saved here takes effect when the next rule book is frozen."""

    form = ProductLineForm
    client_path = "client"
    list_display = ("name", "slug", "client", "kind", "predicate", "is_active")
    list_filter = ("kind", "is_active", ("client", ClientFilter))
    list_select_related = ("client",)
    search_fields = ("name", "slug", "client__name")
    readonly_after_creation = ("slug", "client")


def _sound_predicate(source: str, context: str) -> str:
    """The expression without what surrounds it. Raises `ValidationError` with the place of what is wrong."""
    problems = engine.check_predicate(source.strip(), facts.context(context)) if source.strip() else []
    if problems:
        raise forms.ValidationError([f"Line {p.line}, column {p.column}: {p.message}" for p in problems])
    return source.strip()


class HoldRuleForm(VersionedForm):
    """Both expressions are checked as they are saved, with the place of what is wrong."""

    class Meta:
        model = HoldRule
        exclude = ()
        widgets = {  # noqa: RUF012 -- Django's declaration
            "predicate": forms.Textarea(attrs=EXPRESSION),
            "release_when": forms.Textarea(attrs=EXPRESSION),
            "why": forms.Textarea(attrs={"rows": 2, "cols": 90}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = ", ".join(facts.context(selectors.HOLD_CONTEXT).paths())
        for name in {"predicate", "release_when"} & self.fields.keys():
            self.fields[name].help_text = f"{self.fields[name].help_text}. It may ask: {asked}."

    def clean_predicate(self) -> str:
        """Which orders."""
        return _sound_predicate(self.cleaned_data["predicate"], selectors.HOLD_CONTEXT)

    def clean_release_when(self) -> str:
        """Until when; empty until a person says so."""
        return _sound_predicate(self.cleaned_data["release_when"], selectors.HOLD_CONTEXT)


@admin.register(HoldRule)
class HoldRuleAdmin(VersionedAdmin):
    """Which orders are put on hold by rule. What is saved here takes effect when the next rule book is frozen."""

    form = HoldRuleForm
    client_path = "client"
    shows_house = True
    list_display = ("name", "client", "predicate", "release_when", "expires_after_minutes", "rule_owner", "is_active")
    list_filter = ("is_active", ("client", ClientFilter))
    list_select_related = ("client", "rule_owner")
    search_fields = ("name", "slug", "predicate", "why")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "why", "rule_owner", "is_active")}),
        ("When", {"fields": ("client", "predicate")}),
        ("Then", {"fields": ("words", "customer_words", "release_when", "expires_after_minutes")}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )


class RequestRuleForm(VersionedForm):
    """The predicate is checked as it is saved, and so is that the answer is one to what is asked."""

    class Meta:
        model = RequestRule
        exclude = ()
        widgets = {  # noqa: RUF012 -- Django's declaration
            "predicate": forms.Textarea(
                attrs={
                    **EXPRESSION,
                    "hx-post": reverse_lazy("admin:rules_requestrule_try"),
                    "hx-trigger": "load, input changed delay:600ms",
                    "hx-target": "#predicate-trial",
                    "hx-include": "closest form",
                }
            ),
            "why": forms.Textarea(attrs={"rows": 2, "cols": 90}),
        }

    def clean_predicate(self) -> str:
        """Refuse what the engine would not take, with the place."""
        source = str(self.cleaned_data["predicate"]).strip()
        problems = engine.check_predicate(source, facts.context(selectors.REQUEST_CONTEXT))
        if problems:
            raise forms.ValidationError([f"Line {p.line}, column {p.column}: {p.message}" for p in problems])
        return source

    def clean(self) -> dict[str, Any]:
        """A trial saves nothing; what is expected back has a deadline, and nothing else has."""
        cleaned = super().clean() or {}
        if TRY in self.data:
            self.add_error(None, "Nothing was saved: you tried the predicate.")
        kind, answer = cleaned.get("kind"), cleaned.get("answer")
        if kind and answer and answer not in ANSWERS_TO[kind]:
            self.add_error("answer", f"Choose one of {', '.join(Answer(one).label for one in ANSWERS_TO[kind])}.")
        if answer and (answer == Answer.EXPECT) != bool(cleaned.get("due_after_minutes")):
            self.add_error("due_after_minutes", "Say until when what is expected has to be back; of nothing else.")
        return cleaned


@admin.register(RequestRule)
class RequestRuleAdmin(WithBackup, VersionedAdmin):
    """What is done about what is asked of orders. What is saved here takes effect when the next rule book is frozen."""

    form = RequestRuleForm
    change_form_template = "admin/rules/requestrule/change_form.html"
    list_display = ("kind", "position", "name", "predicate", "answer", "owner", "backup", "is_active")
    list_display_links = ("name",)
    list_filter = ("is_active", "kind", "answer")
    list_select_related = ("owner",)
    ordering = ("kind", "position")
    search_fields = ("name", "slug", "predicate", "why")
    fieldsets = (
        ("Meaning", {"fields": ("name", "slug", "why", "rule_owner", "is_active")}),
        ("When", {"fields": ("kind", "position", "predicate")}),
        ("Then", {"fields": ("answer", "words", "owner", "due_after_minutes")}),
        ("This change", {"fields": ("reason", "seen_version")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Trying a predicate has an address of its own."""
        address = path("try/", self.admin_site.admin_view(self.try_view), name="rules_requestrule_try")
        return [address, *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """What the predicate in the form is worth: its problems, or which recent requests it would rule on."""
        context = {"trial": self._trial(request) if self.has_view_permission(request) else None}
        return TemplateResponse(request, "admin/rules/ownershiprule/_trial.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Without JavaScript the trial comes with the page."""
        context["trial"] = self._trial(request) if TRY in request.POST else None
        context["attributes"] = facts.context(selectors.REQUEST_CONTEXT).paths()
        page: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return page

    def _trial(self, request: HttpRequest) -> selectors.Trial:
        kind, slug = request.POST.get("kind", ""), request.POST.get("slug", "")
        asked = facts.recent(selectors.REQUEST_CONTEXT, actor_of(request))
        alike = [one for one in asked if one.context.get("kind") == kind]
        predicate = request.POST.get("predicate", "")
        return selectors.matches_in(predicate, alike, rule_slug=slug, context=selectors.REQUEST_CONTEXT)


@admin.register(StatusOwnership)
class StatusOwnershipAdmin(WithBackup, VersionedAdmin):
    """The one owner of each status."""

    list_display = ("status", "owner", "backup", "is_active")
    list_select_related = ("owner",)
    search_fields = ("status", "owner__name")
    readonly_after_creation = ("status",)


class GateForm(VersionedForm):
    """Only roles that can decide are offered."""

    other_roles = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="Roles that may approve as well"
    )

    class Meta:
        model = Gate
        exclude = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = [(role.value, role.value) for role in Role if DECIDE in GRANTS[role]]
        for name in ("approver_role", "other_roles"):
            if name in self.fields:
                self.fields[name].choices = able  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """An emergency lasts no longer than what is asked for."""
        cleaned = super().clean() or {}
        if (cleaned.get("break_glass_hours") or 0) > min(LONGEST_EMERGENCY, cleaned.get("max_hours") or 0):
            self.add_error("break_glass_hours", f"At most {LONGEST_EMERGENCY} hours, and not longer than is allowed.")
        return cleaned


@admin.register(Gate)
class GateAdmin(WithBackup, VersionedAdmin):
    """What lets nothing pass without a waiver: who answers for it, for how long at most, who approves, how risky it is."""

    form = GateForm
    accountable = "content_owner"
    list_display = (
        "name",
        "slug",
        "content_owner",
        "backup",
        "max_hours",
        "approver_role",
        "approvals_needed",
        "risk",
        "is_active",
    )
    list_filter = ("risk", "is_active")
    list_select_related = ("content_owner",)
    search_fields = ("name", "slug")

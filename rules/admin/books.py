"""Rule books and decisions, as admins look at them; freezing the next book."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from audit.access import require
from audit.clock import now
from audit.errors import DomainError
from rules import decisions, request_rules, rulebook, selectors, services
from rules.admin.base import AnyModelAdmin, ClientFilter, ReadOnlyAdmin, actor_of
from rules.models import Decision, RuleBookVersion


@admin.register(RuleBookVersion)
class RuleBookVersionAdmin(ReadOnlyAdmin):
    """Frozen books. The one in force decides; what is edited waits for the next."""

    change_list_template = "admin/rules/rulebookversion/change_list.html"
    list_display = ("number", "is_active", "frozen_at", "frozen_by", "note", "sha256")
    ordering = ("-number",)
    search_fields = ("note", "sha256")

    def get_urls(self) -> list[URLPattern]:
        """Freezing has a page of its own."""
        address = path("freeze/", self.admin_site.admin_view(self.freeze_view), name="rules_rulebookversion_freeze")
        return [address, *super().get_urls()]

    def freeze_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the next book would say and what keeps it from being frozen; freeze it on POST."""
        require(actor_of(request), self.view_permission)
        if request.method == "POST":
            try:
                book = services.freeze_rule_book(
                    by=actor_of(request), now=now(), note=request.POST.get("note", "")[:300]
                )
            except DomainError as refused:
                self.message_user(request, refused.message, messages.ERROR)
            else:
                self.message_user(request, f"{book} is in force.", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:rules_rulebookversion_changelist"))
        document = selectors.document_to_freeze(at=now())
        findings = rulebook.findings(document, at=now())
        context = {
            **self.admin_site.each_context(request),
            "title": "Freeze a rule book",
            "opts": self.model._meta,
            "findings": findings,
            "sentences": [] if findings else [decisions.in_a_sentence(row, document) for row in document["rules"]],
            "requests": []
            if findings
            else [request_rules.request_rule_in_a_sentence(row, document) for row in document["request_rules"]],
            "may_freeze": actor_of(request).may("rules.freeze_rules"),
        }
        return TemplateResponse(request, "admin/rules/rulebookversion/freeze.html", context)


@admin.register(Decision)
class DecisionAdmin(AnyModelAdmin):
    """Every decision, with its inputs and its answer."""

    list_display = ("subject_key", "rule_slug", "book", "client", "at")
    list_filter = (("client", ClientFilter), "rule_slug")
    list_select_related = ("book", "client")
    ordering = ("-at", "-id")
    search_fields = ("subject_key",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> selectors.Decisions:
        """The decisions about clients the actor reaches."""
        by = actor_of(request)
        decisions: selectors.Decisions = super().get_queryset(request).defer("book__document")
        return decisions if by.clients is None else decisions.filter(client_id__in=by.clients)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the section is shown at all."""
        return actor_of(request).may("rules.view_rules")

    def has_view_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        """Who may see rules may see what they decided."""
        del obj
        return actor_of(request).may("rules.view_rules")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Decisions are made, not written."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        """Decisions are never changed."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        """Decisions are never deleted."""
        del request, obj
        return False

"""Runbooks: what to do, who has read it, what somebody proposes instead, and what that changes."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Invalid, NotFound, StaleVersion
from audit.texts import whole_number
from audit.words import in_words
from exceptions import selectors, services
from exceptions.forms.knowledge import NewRunbookForm, RevisionForm
from exceptions.models import ExceptionCase
from rules import selectors as rules
from rules import services as writing
from rules.selectors.runbooks import SEE, WRITE

MOST_DIGITS = 9  # what an integer column surely holds
SAID = {
    "accept": gettext_lazy("Version %(number)s is in force."),
    "reject": gettext_lazy("Version %(number)s is not taken. Who wrote it reads why."),
    "withdraw": gettext_lazy("Version %(number)s is taken back."),
    "read": gettext_lazy("Kept: you have read version %(number)s."),
}


@login_required
@require_GET
def runbooks(request: HttpRequest) -> HttpResponse:
    """All of them, and what none is about."""
    by = actor_of(request, SEE)
    return render(request, "exceptions/runbooks.html", {"page": rules.runbook_list(by=by), "can_write": by.may(WRITE)})


@login_required
@require_GET
def runbook(request: HttpRequest, name: str, number: int | None = None) -> HttpResponse:
    """What to do now, or what one version says."""
    by = actor_of(request, SEE)
    return _page(request, by, name, number)


def _page(request: HttpRequest, by: Actor, slug: str, number: int | None, **more: Any) -> HttpResponse:
    page = rules.runbook_page(by=by, slug=slug, number=number)
    context = {"page": page, "is_mine": page.version.proposed_by == by.id, "is_person": by.user_id is not None}
    return render(request, "exceptions/runbook.html", context | more, status=422 if more else 200)


@login_required
@require_GET
def changes(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """A version beside the one it was written from, or beside `?with=`."""
    by = actor_of(request, SEE)
    given = request.GET.get("with", "")
    found = rules.comparison(by=by, slug=name, number=number, base=_number(given) if given else None)
    return render(request, "exceptions/runbook_changes.html", {"found": found})


def _number(text: str) -> int:
    """A version's number; one that is none leads to no version."""
    return whole_number(text, most_digits=MOST_DIGITS) or 0


@dataclass(frozen=True)
class _Start:
    """From what somebody writes: the exception that taught it and, for a change, the version that is in force."""

    by: Actor
    case: ExceptionCase | None
    initial: dict[str, Any]


def _case(request: HttpRequest, by: Actor) -> ExceptionCase | None:
    key = request.GET.get("case", "")
    return selectors.case_for(by, key) if key else None


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Write a runbook there is none of."""
    by = actor_of(request, WRITE)
    case = _case(request, by)
    about = request.GET.get("about", "")
    initial = {"covers": [about] if about else [], "note": _learned(case)}
    form = NewRunbookForm(
        request.POST or None, things=list(rules.things().values()), owners=rules.active_owners(), initial=initial
    )
    return _written(request, form, "", _Start(by, case, initial), _("Write a runbook"))


@login_required
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, name: str) -> HttpResponse:
    """Propose what it should say from now on; `?from=` begins with the text of another version."""
    by = actor_of(request, WRITE)
    case = _case(request, by)
    page = rules.runbook_page(by=by, slug=name)
    start = page.in_force or page.version
    if request.GET.get("from"):
        start = rules.version_called(by, name, _number(request.GET["from"]))
    base = page.in_force.number if page.in_force else 0
    initial = {"body": start.body, "covers": start.covers, "base": base, "note": _learned(case)}
    form = RevisionForm(request.POST or None, things=list(rules.things().values()), initial=initial)
    title = _("Propose a change of “%(title)s”") % {"title": page.runbook.title}
    return _written(request, form, name, _Start(by, case, initial), title)


def _learned(case: ExceptionCase | None) -> str:
    return _("What solved %(key)s") % {"key": case.key} if case else ""


def _written(request: HttpRequest, form: RevisionForm, slug: str, start: _Start, title: str) -> HttpResponse:
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            version = _propose(slug, form.cleaned_data, start)
        except Invalid as invalid:
            explain(form, invalid)
        except StaleVersion as stale:
            conflict = stale
        else:
            owner = version.runbook.owner.name
            messages.success(request, _("Proposed. %(owner)s accepts it or not, and you are told.") % {"owner": owner})
            return redirect("exceptions:runbook-version", version.runbook.slug, version.number)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"form": form, "slug": slug, "case": start.case, "title": title, "conflict": conflict}
    return render(request, "exceptions/runbook_write.html", context, status=status)


def _propose(slug: str, given: dict[str, Any], start: _Start) -> Any:
    text = {name: given[name] for name in ("body", "covers", "note")} | {"by": start.by, "now": clock.now()}
    base, named = given["base"] or 0, {name: given.get(name, "") for name in ("title", "owner")}
    if start.case is not None:
        return services.propose_from_case(case_id=start.case.pk, runbook=slug, base=base, **named, **text)
    if slug:
        return writing.propose_revision(runbook_id=rules.runbook_called(slug).pk, base=base, **text)
    return writing.begin_runbook(**named, **text)


@login_required
@require_POST
def act(request: HttpRequest, name: str, number: int, deed: str) -> HttpResponse:
    """Accept, reject or take back a proposal, or say that one has read what is in force."""
    by = actor_of(request, SEE)
    version = rules.version_called(by, name, number)
    given: dict[str, Any] = {"version_id": version.pk, "by": by, "now": clock.now()}
    try:
        if deed == "accept":
            writing.accept_revision(**given)
        elif deed == "reject":
            writing.reject_revision(**given, comment=request.POST.get("comment", ""))
        elif deed == "withdraw":
            writing.withdraw_revision(**given)
        elif deed == "read":
            writing.confirm_reading(**given)
        else:
            raise NotFound(_("There is no such act."))
    except Invalid as invalid:
        return _page(request, by, name, number, problem=invalid)
    except Conflict as conflict:
        messages.warning(request, in_words(conflict.message))
    else:
        messages.success(request, str(SAID[deed]) % {"number": number})
    return redirect("exceptions:runbook-version", name, number)

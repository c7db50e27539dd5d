"""Postmortems: what happened, why, who does what by when."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Invalid, NotFound, Refused
from audit.words import in_words
from exceptions import selectors, services
from exceptions.forms.knowledge import PostmortemActionForm, PostmortemForm
from exceptions.selectors.postmortems import PUBLISH, SEE, WRITE
from exceptions.states import PostmortemState
from rules import selectors as rules


@login_required
@require_GET
def postmortems(request: HttpRequest) -> HttpResponse:
    """Those of one's clients, and the actions that are late."""
    by, after = actor_of(request, SEE), request.GET.get("after", "")
    today, state = clock.now().date(), request.GET.get("state", "")
    page = selectors.postmortem_list(by=by, today=today, state=state, after=after)
    context = {"page": page, "after": after, "states": PostmortemState.choices}
    return render(request, "exceptions/postmortems.html", context)


@login_required
@require_GET
def postmortem(request: HttpRequest, key: str) -> HttpResponse:
    """One of them."""
    return _page(request, actor_of(request, SEE), key)


def _page(request: HttpRequest, by: Actor, key: str, **more: Any) -> HttpResponse:
    page = selectors.postmortem_page(by=by, key=key, today=clock.now().date())
    form = PostmortemActionForm(owners=rules.active_owners()) if page.may_write else None
    context = {"page": page, "pm": page.postmortem, "action_form": form}
    return render(request, "exceptions/postmortem.html", context | more, status=422 if more else 200)


@login_required
@require_http_methods(["GET", "POST"])
def write(request: HttpRequest, key: str) -> HttpResponse:
    """What happened, and why it could."""
    by = actor_of(request, WRITE)
    found = selectors.postmortem_called(by, key)
    initial = {"seen": found.version, "summary": found.summary, "causes": found.causes}
    form = PostmortemForm(request.POST or None, initial=initial)
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_postmortem(postmortem_id=found.pk, **form.cleaned_data, by=by, now=clock.now())
        except Conflict as refused:
            conflict = refused
        else:
            messages.success(request, _("Saved."))
            return redirect("exceptions:postmortem", found.key)
    status = 409 if conflict else 422 if form.errors else 200
    return render(
        request, "exceptions/postmortem_write.html", {"pm": found, "form": form, "conflict": conflict}, status=status
    )


@login_required
@require_POST
def agree(request: HttpRequest, key: str) -> HttpResponse:
    """Who does what by when."""
    by = actor_of(request, WRITE)
    found = selectors.postmortem_called(by, key)
    form = PostmortemActionForm(request.POST, owners=rules.active_owners())
    if form.is_valid():
        try:
            services.add_action(postmortem_id=found.pk, **form.cleaned_data, by=by, now=clock.now())
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as over:
            messages.warning(request, in_words(over.message))
            return redirect("exceptions:postmortem", key)
        else:
            messages.success(request, _("Agreed. They are told, and told again when the day has passed."))
            return redirect("exceptions:postmortem", key)
    return _page(request, by, key, action_form=form)


@login_required
@require_POST
def end(request: HttpRequest, key: str, agreed: UUID) -> HttpResponse:
    """What came of an action."""
    by = actor_of(request, WRITE)
    page = selectors.postmortem_page(by=by, key=key, today=clock.now().date())
    if agreed not in {row.action.pk for row in page.actions}:
        raise NotFound(_("There is no such action."))
    dropped = request.POST.get("how") == "drop"
    comment = request.POST.get("comment", "")
    return _done(
        request,
        key,
        lambda: services.end_action(action_id=agreed, dropped=dropped, comment=comment, by=by, now=clock.now()),
        _("Kept."),
    )


@login_required
@require_POST
def publish(request: HttpRequest, key: str) -> HttpResponse:
    """From now on it does not change any more."""
    by = actor_of(request, PUBLISH)
    found = selectors.postmortem_called(by, key)
    return _done(
        request,
        key,
        lambda: services.publish_postmortem(postmortem_id=found.pk, by=by, now=clock.now()),
        _("Published. It does not change any more; its actions are followed up."),
    )


@login_required
@require_POST
def dismiss(request: HttpRequest, key: str) -> HttpResponse:
    """There is nothing to learn from it."""
    by = actor_of(request, PUBLISH)
    found = selectors.postmortem_called(by, key)
    comment = request.POST.get("comment", "")
    return _done(
        request,
        key,
        lambda: services.dismiss_postmortem(postmortem_id=found.pk, comment=comment, by=by, now=clock.now()),
        _("Put away."),
    )


@login_required
@require_POST
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """Begin one about an exception."""
    by = actor_of(request, WRITE)
    case = selectors.case_for(by, key)
    begun = services.draft_postmortem(case_id=case.pk, by=by, now=clock.now())
    return redirect("exceptions:postmortem", begun.key)


def _done(request: HttpRequest, key: str, run: Any, said: str) -> HttpResponse:
    """Back to its page, saying what came of it."""
    try:
        run()
    except Refused:
        raise
    except (Invalid, Conflict) as refused:
        messages.warning(request, in_words(refused.message))
    else:
        messages.success(request, said)
    return redirect("exceptions:postmortem", key)

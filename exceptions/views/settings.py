"""What people set for themselves: how pages look, and the tokens of their own programs."""

from datetime import timedelta
from typing import Final, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import explain
from audit.errors import Invalid, NotFound, Refused
from audit.models import User
from exceptions import services
from exceptions.forms.fields import MOMENT
from exceptions.forms.settings import DisplayForm, TokenForm
from rules import selectors as rules
from rules import services as rule_services

USUAL_END: Final = timedelta(days=90)


def _asking(request: HttpRequest) -> Actor:
    """Whoever is signed in: this is about nobody else. Raises `Refused`."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused(_("Sign in first."))
    return actor


@login_required
@require_http_methods(["GET", "POST"])
def display(request: HttpRequest) -> HttpResponse:
    """Colours, density, keys, time zone, and what follows a finished exception."""
    by = _asking(request)
    chosen = {name: getattr(request.user, name) for name in DisplayForm.base_fields}
    form = DisplayForm(request.POST or None, initial=chosen)
    if request.method == "POST" and form.is_valid():
        services.choose_display(chosen=form.cleaned_data, by=by, now=clock.now())
        messages.success(request, _("Kept. It holds in every browser you sign in with."))
        return redirect("exceptions:display")
    return render(request, "exceptions/display.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own API tokens, and making another; its text is in this one answer and nowhere else."""
    by, now, person = _asking(request), clock.now(), cast("User", request.user)
    form = TokenForm(
        request.POST or None,
        permissions=by.permissions,
        clients=list(rules.clients_of(by)),
        initial={"expires_at": timezone.localtime(now + USUAL_END).strftime(MOMENT)},
    )
    made, text = None, ""
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("label", "scopes", "expires_at")}
        try:
            made, text = rule_services.issue_api_token(
                user=person, clients=form.chosen_clients(), by=by, now=now, **given
            )
        except Invalid as invalid:
            explain(form, invalid)
    context = {"form": form, "made": made, "text": text, "tokens": list(rules.tokens_of(person)), "now": now}
    return render(request, "exceptions/tokens.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke_token(request: HttpRequest, key: UUID) -> HttpResponse:
    """One's own token lets nobody in any more. Raises `NotFound` for everybody else's."""
    by = _asking(request)
    if not rules.tokens_of(cast("User", request.user)).filter(pk=key).exists():
        raise NotFound(_("There is no such token."))
    token = rule_services.revoke_api_token(token_id=key, by=by, now=clock.now(), reason="revoked by its person")
    messages.success(request, _("“%(name)s” lets nobody in any more.") % {"name": token.name})
    return redirect("exceptions:tokens")

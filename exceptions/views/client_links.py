"""Asking the client: making a link, taking it back, and the page behind it, which needs no account and shows one request."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Conflict, Invalid, NotFound, Refused
from exceptions import selectors, services
from exceptions.forms.waivers import ClientAnswerForm, ClientForm
from exceptions.models import ClientApproval
from rules import selectors as rules


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, key: str) -> HttpResponse:
    """Make a link for the client; it is shown once."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    form = ClientForm(request.POST or None)
    link, question, conflict = "", None, None
    if request.method == "POST" and form.is_valid():
        try:
            question, token = services.ask_client(waiver_id=found.pk, **form.cleaned_data, by=by, now=clock.now())
        except Refused:
            raise
        except Invalid as invalid:
            explain(form, invalid)
        except Conflict as faster:
            conflict = faster
        else:
            link = f"{settings.PUBLIC_URL}{reverse('exceptions:client-approval', args=[token])}"
    status = 409 if conflict else 422 if form.errors else 200
    context = {"waiver": found, "form": form, "conflict": conflict, "link": link, "question": question}
    return render(request, "exceptions/client_ask.html", context, status=status)


@login_required
@require_POST
def take_back(request: HttpRequest, key: str) -> HttpResponse:
    """Take the open link back."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    services.revoke_client_approval(waiver_id=found.pk, by=by, now=clock.now())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("exceptions:waiver", key)


@never_cache
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a link: one request and two answers."""
    caller, now = request.META.get("REMOTE_ADDR", ""), clock.now()
    try:
        question = services.opened_link(token=token, caller=caller, now=now)
    except NotFound:
        return gone(request)
    form = ClientAnswerForm(request.POST or None, initial={"seen_hash": question.content_hash})
    with timezone.override(ZoneInfo(question.client.time_zone)):
        if request.method == "POST" and form.is_valid():
            try:
                done = _answer(token, form, caller)
            except Invalid as invalid:
                explain(form, invalid)
            except NotFound:  # answered or taken back since it was opened
                return gone(request)
            except Conflict as conflict:
                explain(form, conflict)
            else:
                return _page(request, {"done": done})
        waiver = question.waiver
        context = {
            "question": question,
            "waiver": waiver,
            "gate": rules.active_book().gate(waiver.gate),
            "impact": services.impact_now(waiver),
            "form": form,
        }
        return _page(request, context, status=422 if form.errors else 200)


def gone(request: HttpRequest) -> HttpResponse:
    """What whoever comes too late reads: nothing about what was asked, and what to do."""
    return private(render(request, "exceptions/client_gone.html", status=404))


def private(response: HttpResponse) -> HttpResponse:
    """The page of a link: not to be found by searching, and its address not told to where it leads."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(token: str, form: ClientAnswerForm, caller: str) -> ClientApproval:
    given = form.cleaned_data
    return services.answer_client_approval(
        token=token,
        agree=given["decision"] == "agree",
        name=given["name"],
        comment=given["comment"],
        seen_hash=given["seen_hash"],
        caller=caller,
        now=clock.now(),
    )


def _page(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    return private(render(request, "exceptions/client_approval.html", context, status=status))

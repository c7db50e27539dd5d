"""Going away, coming back, and leaving for good."""

import re
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import Invalid
from exceptions import selectors, services
from exceptions.forms.fields import MOMENT
from exceptions.forms.people import AwayForm, HandoverForm
from rules import selectors as rules

CHOSEN = re.compile(r"^([0-9a-f-]{36}):(\d{1,9}):(EX-\d{1,15})$", re.ASCII)
SEEING = "exceptions.view_case"


@login_required
@require_http_methods(["GET", "POST"])
def away(request: HttpRequest) -> HttpResponse:
    """Who is away, and saying so."""
    by, now = actor_of(request, SEEING), clock.now()
    who = request.POST.get("who", request.GET.get("who", ""))
    page = selectors.away_page(by=by, who=who, now=now)
    form = AwayForm(
        request.POST or None,
        person=page.person,
        able=page.able,
        initial={"starts_at": timezone.localtime(now).strftime(MOMENT)},
    )
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("starts_at", "ends_at", "cover", "note", "open_work")}
        try:
            absence, moved = services.go_away(person=page.person.slug, by=by, now=now, **given)
        except Invalid as invalid:
            explain(form, invalid)
        else:
            said = _("%(name)s is entered as away.") % {"name": absence.owner.name}
            counted = ngettext("%(n)d exception moved.", "%(n)d exceptions moved.", moved) % {"n": moved}
            messages.success(request, f"{said} {counted}" if moved else said)
            return redirect(_away_url(page.person.slug))
    context = {
        "page": page,
        "form": form,
        "hours": settings.AWAY_HOURS,
        "can_take_back": not page.is_away,
        "can_edit": by.may("rules.edit_rules"),
    }
    return render(request, "exceptions/away.html", context, status=422 if form.errors else 200)


def _away_url(slug: str) -> str:
    return f"{reverse('exceptions:away')}?{urlencode({'who': slug})}"


@login_required
@require_POST
def back(request: HttpRequest) -> HttpResponse:
    """An absence ends now: the one named, else the reader's own."""
    by, now = actor_of(request, SEEING), clock.now()
    try:
        own = None if "absence" in request.POST else rules.own_absences(by, at=now).first()
        absence_id = own.pk if own else UUID(request.POST.get("absence", ""))
    except ValueError:
        raise Invalid(_("There is no such absence.")) from None
    absence = services.come_back(absence_id=absence_id, by=by, now=now)
    messages.success(request, _("%(name)s is back.") % {"name": absence.owner.name})
    return redirect(_away_url(absence.owner.slug))


@login_required
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """What others stood in for goes back to who was away; then what came of each."""
    by = actor_of(request, "exceptions.work_case")
    who = request.POST.get("who", "")
    found = [CHOSEN.match(one) for one in request.POST.getlist("id")]
    chosen = [services.Chosen(UUID(one[1]), one[3], int(one[2])) for one in found if one]
    outcomes = services.take_back(person=who, chosen=chosen, by=by, now=clock.now())
    context = {
        "button": _("Take back"),
        "home": _away_url(who),
        "done": [one for one in outcomes if not one.why],
        "refused": [one for one in outcomes if one.why],
    }
    return render(request, "exceptions/outcomes.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def handover(request: HttpRequest, username: str) -> HttpResponse:
    """What a person answers for, and giving the open exceptions to somebody else."""
    by, now = actor_of(request, SEEING), clock.now()
    page = selectors.handover_page(username=username, by=by, now=now)
    form = HandoverForm(request.POST or None, able=page.able)
    if request.method == "POST" and form.is_valid():
        try:
            moved = services.hand_over_cases(person=page.person.slug, by=by, now=now, **form.cleaned_data)
        except Invalid as invalid:
            explain(form, invalid)
        else:
            text = ngettext("%(n)d exception handed over.", "%(n)d exceptions handed over.", moved) % {"n": moved}
            messages.success(request, text)
            return redirect("exceptions:handover", username)
    context = {"page": page, "form": form, "can_edit": by.may("rules.edit_rules")}
    return render(request, "exceptions/handover.html", context, status=422 if form.errors else 200)

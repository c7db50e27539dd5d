"""What exceptions cost: how many there were and how long they lasted."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from audit import clock
from audit.edge import actor_of
from audit.errors import Invalid
from exceptions import selectors


@login_required
@require_GET
def accounting(request: HttpRequest) -> HttpResponse:
    """Counts and average durations, by type and by gate."""
    by, now = actor_of(request, "exceptions.view_case"), clock.now()
    context: dict[str, Any] = {}
    try:
        since, until = selectors.period(request.GET.dict(), now=now)
    except Invalid as invalid:
        since, until = selectors.period({}, now=now)
        context["problem"] = invalid
    context["accounts"] = selectors.accounts(by=by, since=since, until=until)
    return render(request, "exceptions/accounting.html", context, status=400 if "problem" in context else 200)

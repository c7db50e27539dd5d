"""Firing what is overdue, by hand."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from audit import clock
from audit.edge import actor_of
from exceptions import services

MOST_SWEEPS = 20


@login_required
@require_POST
def escalate_overdue(request: HttpRequest) -> HttpResponse:
    """Fire what is overdue, as far as one request reaches, and say how much that was."""
    by = actor_of(request, "exceptions.fire_timers")
    fired = services.escalate_overdue(by=by, now=clock.now(), most=MOST_SWEEPS)
    words = ngettext("%(n)d overdue step was taken.", "%(n)d overdue steps were taken.", fired)
    messages.success(request, words % {"n": fired})
    return redirect("status")

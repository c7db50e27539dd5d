"""The trail, one event, and everything that happened to one record."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from audit.access import require
from audit.context import Actor
from audit.errors import Refused
from audit.selectors import pages
from audit.verbs import registered


def _actor(request: HttpRequest) -> Actor:
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Refused("Sign in first.")
    require(actor, "audit.view_trail")
    return actor


@login_required
@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    """Who did what, when, why, to what."""
    by = _actor(request)
    given = {name: str(value).strip() for name, value in request.GET.items()}
    filters = pages.TrailFilters(
        actor=given.get("actor", ""),
        type=given.get("type", ""),
        subject=given.get("subject", ""),
        request=given.get("request", ""),
        after=given.get("after", ""),
    )
    rows, next_after = pages.trail_page(by=by, filters=filters)
    context = {"rows": rows, "next_after": next_after, "filters": filters, "types": registered()}
    return render(request, "audit/trail.html", context)


@login_required
@require_GET
def event(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """One event in full, with its place in the chain."""
    row, related, length = pages.event_page(by=_actor(request), event_id=event_id)
    return render(request, "audit/event.html", {"event": row, "related": related, "length": length})


@login_required
@require_GET
def history(request: HttpRequest, subject_type: str, subject_id: str) -> HttpResponse:
    """Every version of one record, and every event about it."""
    name, versions, events = pages.history_page(by=_actor(request), subject_type=subject_type, subject_id=subject_id)
    return render(request, "audit/history.html", {"name": name, "versions": versions, "events": events})

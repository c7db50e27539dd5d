"""What one was told, and saying that it was read."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from audit import clock
from audit.errors import Invalid
from exceptions.selectors.notifications import inbox
from exceptions.services.reading import mark_all_read, mark_read
from exceptions.views.edge import actor_of, back_to


@login_required
@require_GET
def notifications(request: HttpRequest) -> HttpResponse:
    """Unread first."""
    by = actor_of(request, "exceptions.view_case")
    page = inbox(by=by, after=request.GET.get("after", ""))
    return render(request, "exceptions/notifications.html", {"page": page, "as_of": clock.now().isoformat()})


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """One, or everything that was there when the page was shown."""
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    try:
        if "until" in request.POST:
            count = mark_all_read(until=_moment(request.POST["until"], now), by=by, now=now)
        else:
            count = mark_read(ids=[UUID(one) for one in request.POST.getlist("id")], by=by, now=now)
    except ValueError:
        raise Invalid("There is no such notification.") from None
    if count:
        messages.success(request, ngettext("%(n)d marked as read.", "%(n)d marked as read.", count) % {"n": count})
    return redirect(back_to(request, "/notifications/"))


def _moment(text: str, now: datetime) -> datetime:
    moment = datetime.fromisoformat(text)
    return min(moment, now) if moment.tzinfo else now

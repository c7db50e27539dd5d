"""What one was told, and saying that it was read."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.errors import Invalid
from exceptions import services
from exceptions.forms import PreferencesForm
from exceptions.selectors.notifications import inbox, letters_to, preferences_of
from exceptions.services.reading import mark_all_read, mark_read
from exceptions.views.edge import actor_of, back_to, explain


@login_required
@require_GET
def notifications(request: HttpRequest) -> HttpResponse:
    """Unread first."""
    by = actor_of(request, "exceptions.view_case")
    page = inbox(by=by, after=request.GET.get("after", ""))
    return render(request, "exceptions/notifications.html", {"page": page, "as_of": clock.now().isoformat()})


@login_required
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What one wants by e-mail, and what became of the newest letters."""
    by = actor_of(request, "exceptions.view_case")
    chosen = preferences_of(by)
    form = PreferencesForm(request.POST or None, initial=model_to_dict(chosen))
    if request.method == "POST" and form.is_valid():
        try:
            services.set_notification_preferences(by=by, now=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            explain(form, invalid)
        else:
            messages.success(request, _("Kept. It holds from the next letter on."))
            return redirect("exceptions:preferences")
    context = {"form": form, "letters": letters_to(by), "zone": timezone.get_current_timezone_name()}
    return render(request, "exceptions/preferences.html", context, status=422 if form.errors else 200)


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

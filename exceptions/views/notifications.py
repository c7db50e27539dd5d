"""What one was told, and saying that it was read."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, back_to, explain
from audit.errors import Invalid
from audit.words import said
from exceptions import services
from exceptions.forms import PreferencesForm
from exceptions.selectors.channels import addresses_of_person, own_channels
from exceptions.selectors.notifications import InboxFilters, inbox, letters_to, preferences_of, way_of
from exceptions.services.reading import mark_all_read, mark_read
from rules.states import Severity

SHOW = (
    ("unread", gettext_lazy("Unread")),
    ("held", gettext_lazy("Waiting to be sent")),
    ("failed", gettext_lazy("Failed on a channel")),
)


@login_required
@require_GET
def notifications(request: HttpRequest) -> HttpResponse:
    """Unread first."""
    by = actor_of(request, "exceptions.view_case")
    about = request.GET.get("about", "")
    is_ours = url_has_allowed_host_and_scheme(about, allowed_hosts=None)  # it is shown as a link
    filters = InboxFilters(request.GET.get("show", ""), request.GET.get("severity", ""), about if is_ours else "")
    page = inbox(by=by, filters=filters, after=request.GET.get("after", ""))
    context = {
        "page": page,
        "as_of": clock.now().isoformat(),
        "filters": filters,
        "shown": SHOW,
        "severities": Severity.values,
    }
    return render(request, "exceptions/notifications.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What one wants outside the product, the ways there are, and what became of the newest messages."""
    by = actor_of(request, "exceptions.view_case")
    chosen = preferences_of(by)
    form = PreferencesForm(request.POST or None, initial={**model_to_dict(chosen), "language": chosen.user.language})
    if request.method == "POST" and form.is_valid():
        try:
            times = {name: form.cleaned_data[name] for name in ("digest_at", "quiet_from", "quiet_until", "language")}
            services.set_notification_preferences(
                wishes=form.wishes(), events=form.events(), by=by, now=clock.now(), **times
            )
        except Invalid as invalid:
            explain(form, invalid)
        else:
            messages.success(request, _("Kept. It holds from the next message on."))
            return redirect("exceptions:preferences")
    context = {
        "form": form,
        "letters": [(one, way_of(one)) for one in letters_to(by)],
        "zone": timezone.get_current_timezone_name(),
        "addresses": addresses_of_person(by),
        "channels": own_channels(by),
    }
    return render(request, "exceptions/preferences.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def test_notice(request: HttpRequest) -> HttpResponse:
    """Try out one way, now, and say what came of it."""
    by = actor_of(request, "exceptions.view_case")
    tried = services.send_test_notice(channel=request.POST.get("channel", ""), by=by, now=clock.now())
    if tried.taken:
        messages.success(request, _("It was taken. It should be there within a minute."))
    else:
        messages.warning(request, _("It was not taken: %(why)s.") % {"why": tried.error})
    return redirect("exceptions:preferences")


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
        raise Invalid(said("There is no such notification.")) from None
    if count:
        messages.success(request, ngettext("%(n)d marked as read.", "%(n)d marked as read.", count) % {"n": count})
    return redirect(back_to(request, "/notifications/"))


def _moment(text: str, now: datetime) -> datetime:
    moment = datetime.fromisoformat(text)
    return min(moment, now) if moment.tzinfo else now

"""What people do with a time-limited exception that was allowed: let it end earlier, take out what it lets through."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.edge import actor_of, explain
from audit.errors import DomainError, Invalid, NotFound, Refused
from audit.services.taking_out import record_export
from audit.words import at, in_words, said
from exceptions import selectors, services
from exceptions.forms.waiver_changes import ShortenForm
from exceptions.tables import passing_lines


@login_required
@require_http_methods(["GET", "POST"])
def shorten(request: HttpRequest, key: str) -> HttpResponse:
    """Let it end earlier."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    form = ShortenForm(request.POST or None)
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.shorten_waiver(waiver_id=found.pk, by=by, now=clock.now(), **form.cleaned_data)
        except Refused:
            raise
        except Invalid as invalid:
            explain(form, invalid)
        except DomainError as refused:
            conflict = refused
        else:
            end = at(form.cleaned_data["until"])
            told = said("%(key)s ends %(end)s. Who asked and who owns it are told.", key=found.key, end=end)
            messages.success(request, in_words(told))
            return redirect("exceptions:waiver", key)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"waiver": found, "form": form, "conflict": conflict}
    return render(request, "exceptions/waiver_shorten.html", context, status=status)


@login_required
@require_POST
def watch(request: HttpRequest, key: str, does: bool) -> HttpResponse:
    """Be told what happens to it, or no more."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    act = services.watch_waiver if does else services.unwatch_waiver
    act(waiver_id=found.pk, by=by, now=clock.now())
    messages.success(request, _("You are told what happens to it.") if does else _("You watch it no more."))
    return redirect("exceptions:waiver", key)


@login_required
@require_GET
def passing_csv(request: HttpRequest, key: str) -> StreamingHttpResponse:
    """What passes only with it, as CSV."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    impact = services.impact_now(found)
    if impact is None:
        raise NotFound(_("Nobody can say what it lets through."))
    now = clock.now()
    record_export(query=found.key, by=by, now=now, event="waiver.exported")
    name = f"{found.key}-{now:%Y%m%d-%H%M}.csv"
    return StreamingHttpResponse(
        passing_lines(impact),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )

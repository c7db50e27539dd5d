"""Acts on many, as they go: how far each is, what came of every record, a way to stop it and to take it back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from audit import clock
from audit.edge import actor_of, back_to
from audit.errors import Conflict
from audit.services.taking_out import record_export
from audit.words import in_words
from exceptions import list_pages, services
from exceptions.models import JobWork
from exceptions.selectors.jobs import job_called, job_page, jobs_page, results_of
from exceptions.selectors.queue_filters import LEFT_OUT
from exceptions.services.jobs import undo_barred
from exceptions.tables import result_lines
from exceptions.views.lists import FILTERS, filter_in_words

POLL_SECONDS = 2


@login_required
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """One's own; all of them for leads and auditors."""
    by = actor_of(request, "exceptions.view_case")
    after = request.GET.get("after", "")
    return render(request, "exceptions/jobs.html", {"page": jobs_page(by=by, after=after), "after": after})


@login_required
@require_GET
@vary_on_headers("HX-Request")
def job(request: HttpRequest, key: str) -> HttpResponse:
    """One job; a script asks again for its progress as long as it runs, a reload does the same."""
    by = actor_of(request, "exceptions.view_case")
    after = request.GET.get("after", "")
    page = job_page(by=by, key=key, show=request.GET.get("show", ""), after=after)
    context = {
        "page": page,
        "job": page.job,
        "work": page.job.work,
        "after": after,
        "asked": _asked(page.job.work),
        "home": back_to(request, "/queue/"),
        "can_cancel": page.job.is_live and (page.is_mine or by.may("exceptions.act_on_many")),
        "can_undo": page.is_mine and not undo_barred(page.job, now=clock.now()),
        "can_retry": page.is_mine and not page.job.is_live and page.job.undoes_id is None,
        "poll": POLL_SECONDS,
    }
    # The last swap of a job that has ended brings the whole page once, with its results and what can be done now.
    if request.htmx and not page.job.is_live:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Refresh": "true"})
    template = "exceptions/_job_progress.html" if request.htmx else "exceptions/job.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _asked(work: JobWork) -> dict[str, Any]:
    """The plan it came from: all of a list, in words and as an address, or what another job left undone; and when that was looked at."""
    asked: dict[str, Any] = work.asked
    if "list" not in asked:
        return asked
    page, query = list_pages.list_page(asked["list"]), QueryDict(asked["query"])
    words = [
        (FILTERS[name.removesuffix(LEFT_OUT)], filter_in_words(name, value), name.endswith(LEFT_OUT))
        for name, values in query.lists()
        if name.removesuffix(LEFT_OUT) in FILTERS
        for value in values
    ]
    return {
        **asked,
        "title": page.title,
        "url": f"{reverse(page.route)}?{asked['query'] or 'view=all'}",
        "words": words,
    }


@login_required
@require_GET
def results_csv(request: HttpRequest, key: str) -> StreamingHttpResponse:
    """What came of each, as CSV: what was not done unless `show` names another result."""
    by = actor_of(request, "exceptions.view_case")
    found, rows = results_of(by=by, key=key, show=request.GET.get("show", ""))
    record_export(query=f"{found.key}?{request.GET.urlencode()}", by=by, now=clock.now(), event="queue.exported")
    return StreamingHttpResponse(
        result_lines(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{found.key}.csv"'},
    )


@login_required
@require_POST
def cancel(request: HttpRequest, key: str) -> HttpResponse:
    """No more of it; what is done stays done."""
    by = actor_of(request, "exceptions.view_case")
    try:
        stopped = services.cancel_job(job_id=job_called(by, key).pk, by=by, now=clock.now())
    except Conflict as over:
        messages.warning(request, in_words(over.message))
        return redirect("exceptions:job", key)
    messages.success(request, _("%(key)s is cancelled. What is done stays done.") % {"key": stopped.key})
    return redirect("exceptions:job", stopped.key)


@login_required
@require_POST
def undo(request: HttpRequest, key: str) -> HttpResponse:
    """The opposite act on each of them, as a job of its own."""
    by = actor_of(request, "exceptions.work_case")
    try:
        back = services.undo_job(job_id=job_called(by, key).pk, by=by, now=clock.now())
    except Conflict as barred:
        messages.warning(request, in_words(barred.message))
        return redirect("exceptions:job", key)
    return redirect("exceptions:job", back.key)
